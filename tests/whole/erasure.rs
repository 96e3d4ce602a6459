//! Personal data: an operator has a customer taken out of an order, and orders that ended long ago are removed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::StartOptions;
use http::{Response, StatusCode};
use order::{NewOrder, OrderId, Placed, Timestamp};
use queue::{Accept, Namespace, Queue, Timing};
use serde_json::{Value, json};

use crate::harness::{
    Endpoint, Reaction, Redis, Sluice, an_order, eventually, json as body_of, start_with, unattended, webhooks,
};

const KEY: &str = "0123456789abcdef";

/// A customer of whom each part can be found again.
fn personal() -> Value {
    let mut order = an_order();
    order["customer"] =
        json!({"email": "grace.hopper@navy.test", "name": "Grace Brewster", "phone": "+1 202 555 0142"});
    order["shipping_address"] = json!({"line1": "Arlington Ridge 7", "city": "Arlington", "country": "US"});
    order["note"] = json!("for the Nanosecond Club");
    order["metadata"] = json!({"note": "kept", "customer": "kept"});
    order
}

/// Texts by which its customer could be known.
const TRACES: [&str; 5] = ["grace.hopper@navy.test", "Grace Brewster", "202 555 0142", "Arlington", "Nanosecond"];

async fn erase(sluice: &Sluice, id: &str) -> Response<bytes::Bytes> {
    sluice.operate("DELETE", &format!("/orders/{id}/personal-data"), KEY, &Value::Null).await
}

async fn shown(sluice: &Sluice, id: &str) -> Value {
    body_of(&sluice.operate("GET", &format!("/orders/{id}"), KEY, &Value::Null).await)
}

async fn until_erased(sluice: &Sluice, id: &str) -> Value {
    eventually(&format!("order {id} to be erased"), async || {
        let order = shown(sluice, id).await;
        order["erased_at"].is_string().then_some(order)
    })
    .await
}

/// What a key holds. Of a stream DUMP also shows what was deleted, which no command reads any more.
async fn contents(raw: &mut ::redis::aio::MultiplexedConnection, key: &str) -> Vec<u8> {
    let kind: String = ::redis::cmd("TYPE").arg(key).query_async(raw).await.unwrap();
    if kind == "stream" {
        let entries: Vec<(String, Vec<Vec<u8>>)> =
            ::redis::cmd("XRANGE").arg(key).arg("-").arg("+").query_async(raw).await.unwrap();
        return entries.into_iter().flat_map(|(_, fields)| fields).flatten().collect();
    }
    let value: Option<Vec<u8>> = ::redis::cmd("DUMP").arg(key).query_async(raw).await.unwrap();
    value.unwrap_or_default()
}

/// The keys of both databases with these bytes in their name or in what they hold.
async fn keys_with(redis: &Redis, bytes: &[u8]) -> Vec<String> {
    // Or a text could hide in what is compressed.
    redis.tell(&["CONFIG", "SET", "rdbcompression", "no"]).await;
    let mut found = Vec::new();
    for database in [0, 1] {
        let client = ::redis::Client::open(redis.url(database)).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut raw).await.unwrap();
        for key in keys {
            let whole = [key.as_bytes(), &contents(&mut raw, &key).await].concat();
            if whole.windows(bytes.len()).any(|part| part == bytes) {
                found.push(key);
            }
        }
    }
    found
}

/// Where something of the customer is left.
async fn traces(redis: &Redis) -> Vec<String> {
    let mut found = Vec::new();
    for trace in TRACES {
        found.extend(keys_with(redis, trace.as_bytes()).await.iter().map(|key| format!("{key}: {trace}")));
    }
    found
}

async fn no_trace_is_left(sluice: &Sluice) {
    let all_gone = eventually("the last trace to go", async || {
        // The timer of what is to be done later wakes the processor, and so does a probe.
        sluice.attend().await;
        traces(&sluice.redis).await.is_empty().then_some(())
    });
    let told = tokio::time::timeout(Duration::from_secs(15), all_gone).await;
    assert!(told.is_ok(), "left: {:?}", traces(&sluice.redis).await);
}

fn refusing(name: &'static str) -> impl Future<Output = Endpoint> {
    Endpoint::behaving(name, |_| Reaction::Answer(StatusCode::SERVICE_UNAVAILABLE))
}

/// One endpoint takes all, one is given up at once, and one is tried on for ever.
async fn telling_three(lease_ms: &str, output: Arc<Mutex<String>>) -> (Sluice, [Endpoint; 3]) {
    let endpoints = [Endpoint::start("erp").await, refusing("dead").await, refusing("slow").await];
    let [(name, entries), (origin, pattern)] = webhooks(&[&endpoints[0], &endpoints[1], &endpoints[2]]);
    let variables = [
        (name, entries.as_str()),
        (origin, &pattern),
        ("webhook_schedule_ms", "600000"),
        ("lease_ms", lease_ms),
        ("operator_key", KEY),
        ("api_keys", "[]"),
    ];
    let start = StartOptions {
        output: Some(Arc::new(move |_, line| output.lock().unwrap().push_str(line))),
        ..start_with(&variables)
    };
    (Sluice::on(Arc::new(Redis::start().await), start).await, endpoints)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_in_no_key_of_either_database_and_in_no_log() {
    let printed = Arc::new(Mutex::new(String::new()));
    let (sluice, [erp, ..]) = telling_three("300", printed.clone()).await;
    let id = sluice.place(&personal()).await;
    let before = sluice.until(&id, "confirmed").await;
    erp.received(1).await;
    assert!(!traces(&sluice.redis).await.is_empty());

    let answer = erase(&sluice, &id).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(body_of(&answer)["pending"], json!([{"change": "erase", "status": "queued"}]));
    let erased = until_erased(&sluice, &id).await;
    let mut expected = before;
    for gone in ["customer", "shipping_address", "note"] {
        expected.as_object_mut().unwrap().remove(gone);
    }
    expected["version"] = json!(2);
    expected["erased_at"] = erased["erased_at"].clone();
    assert_eq!(erased, expected, "all else stays");
    no_trace_is_left(&sluice).await;
    assert_eq!(TRACES.iter().find(|trace| printed.lock().unwrap().contains(**trace)), None);

    let told = erp.received(2).await;
    let event = told[1].event();
    assert_eq!(event["type"], "sluice.order.personal_data_erased");
    assert_eq!(event["data"], erased, "whoever keeps a copy learns of it");
    let again = erase(&sluice, &id).await;
    assert_eq!((again.status(), body_of(&again)), (StatusCode::OK, erased), "once is enough");
    let fulfilled = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(fulfilled.status(), StatusCode::ACCEPTED, "the order goes on");
    let fulfilled = sluice.until(&id, "fulfilled").await;
    assert_eq!((&fulfilled["version"], fulfilled.get("customer")), (&json!(3), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_endpoint_is_told_without_the_customer() {
    let (sluice, [erp, dead, slow]) = telling_three("300", Arc::default()).await;
    let id = sluice.place(&personal()).await;
    sluice.until(&id, "confirmed").await;
    for endpoint in [&erp, &dead, &slow] {
        endpoint.received(1).await;
    }
    erase(&sluice, &id).await;
    until_erased(&sluice, &id).await;
    no_trace_is_left(&sluice).await;
    let waiting = async |lane: &str| -> Vec<String> {
        let mut raw = sluice.redis.raw().await;
        ::redis::cmd("HVALS").arg(format!("{{orders}}:changes.{lane}:body")).query_async(&mut raw).await.unwrap()
    };
    for lane in ["dead", "slow"] {
        let events: Vec<Value> = waiting(lane).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let confirmed = events.iter().find(|event| event["type"] == "sluice.order.confirmed").expect("it still waits");
        assert_eq!((&confirmed["data"]["id"], &confirmed["data"]["total"]), (&json!(id), &json!(2100)));
        assert_eq!(confirmed["data"]["metadata"], json!({"note": "kept", "customer": "kept"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_is_decided_first_and_a_dead_letter_is_not_erased() {
    let redis = Arc::new(Redis::start().await);
    let closed = Sluice::on(redis.clone(), unattended(&[("operator_key", KEY)])).await;
    let id = closed.place(&personal()).await;
    assert_eq!(erase(&closed, &id).await.status(), StatusCode::ACCEPTED);
    let open = Sluice::on(redis.clone(), start_with(&[("operator_key", KEY)])).await;
    open.attend().await;
    assert_eq!(until_erased(&open, &id).await["status"], "confirmed");

    let url = "http://127.0.0.1:9";
    let own = [("payment_url", url), ("payment_origin", url), ("max_attempts", "1")];
    let failing = [&[("operator_key", KEY), ("lease_ms", "300")], &own[..]].concat();
    let failing = Sluice::on(Arc::new(Redis::start().await), start_with(&failing)).await;
    let id = failing.place(&personal()).await;
    failing.until(&id, "needs_attention").await;
    let answer = erase(&failing, &id).await;
    assert_eq!(
        (answer.status(), &body_of(&answer)["type"]),
        (StatusCode::CONFLICT, &json!("urn:sluice:problem:undecided"))
    );

    let word = json!({"id": id, "by": "ann", "why": "a test"});
    let discarded = failing.operate("POST", "/dead-letters/placed/discard", KEY, &word).await;
    assert_eq!(discarded.status(), StatusCode::OK, "{discarded:?}");
    assert_eq!(erase(&failing, &id).await.status(), StatusCode::ACCEPTED, "what was told of it is still there");
    let erased = until_erased(&failing, &id).await;
    assert_eq!((&erased["status"], erased.get("pending")), (&json!("discarded"), None));
    let again = erase(&failing, &id).await;
    assert_eq!((again.status(), body_of(&again)), (StatusCode::OK, erased), "once is enough");
    no_trace_is_left(&failing).await;
}

const DAY_MS: u64 = 86_400_000;

/// An order that was accepted so many days ago.
async fn placed_before(redis: &Redis, days: u64) -> OrderId {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let id = OrderId::new(Timestamp::from_ms(now - days * DAY_MS), *b"long since");
    let order = NewOrder::parse(an_order().to_string().as_bytes()).unwrap();
    let placed = Placed { id, shop: None, order, trace: None };
    let message = Accept::new(id.as_bytes().to_vec().into(), placed.encode().into());
    let (connection, namespace) = (redis.connect().await, Namespace::new("{orders}").unwrap());
    let timing = Timing { lease: Duration::from_secs(30), log_retention: Duration::from_secs(3600) };
    Queue::new(&connection, &namespace, "placed", timing).accept(message).await.unwrap();
    id
}

/// All keys that name an order.
async fn of_order(redis: &Redis, id: OrderId) -> Vec<String> {
    [keys_with(redis, id.as_bytes()).await, keys_with(redis, id.to_string().as_bytes()).await].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_ended_long_ago_is_removed_and_then_it_is_gone() {
    let (redis, clock) = Redis::with_clock().await;
    let redis = Arc::new(redis);
    let variables = [("retention_days", "30"), ("lease_ms", "300"), ("operator_key", KEY)];
    let sluice = Sluice::on(redis.clone(), start_with(&variables)).await;
    let [ended, open] = [placed_before(&redis, 40).await, placed_before(&redis, 41).await];
    for id in [ended, open] {
        sluice.until(&id.to_string(), "confirmed").await;
    }
    let young = sluice.place(&an_order()).await;
    sluice.until(&young, "confirmed").await;
    for id in [&ended.to_string(), &young] {
        assert_eq!(sluice.ask(id, "cancel", &Value::Null).await.status(), StatusCode::ACCEPTED);
        sluice.until(id, "cancelled").await;
    }
    sluice.attend().await;
    assert_eq!(sluice.get(&ended.to_string()).await["status"], "cancelled", "it ended just now");

    clock.set(31 * 86_400);
    eventually("both orders that ended to be gone", async || {
        sluice.attend().await;
        let path = |id: &dyn std::fmt::Display| format!("/orders/{id}");
        let gone = sluice.client.get(&path(&ended)).await;
        // By the queue's time it is young still: that goes on from where it was when a clock is set.
        let other = sluice.client.get(&path(&young)).await;
        (gone.status() == StatusCode::GONE && other.status() == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    let problem = body_of(&sluice.client.get(&format!("/orders/{ended}")).await);
    assert_eq!(problem["type"], "urn:sluice:problem:removed");
    eventually("all that names it to be gone", async || {
        sluice.attend().await;
        let left = [of_order(&redis, ended).await, of_order(&redis, young.parse().unwrap()).await].concat();
        // Its place in the list of all goes with a later one's: in the list there is one before it that hasn't ended.
        left.iter().all(|key| *key == "{orders}:made").then_some(())
    })
    .await;
    assert_eq!(sluice.get(&open.to_string()).await["status"], "confirmed", "it hasn't ended");
}
