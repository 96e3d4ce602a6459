//! What a release before left in Redis is worked off by this one, and what a later release left there is left alone.
//!
//! Each file here is everything that a release had in Redis when it was stopped, one command in a line, in which each
//! character stands for a byte. Never change one: what it shows may lie in somebody's Redis. A release that keeps
//! anything in another form adds a file of its own. `later.jsonl` is made up: records and messages as later
//! releases may write them.

use std::sync::Arc;

use host::StartOptions;
use host::faults::FaultPlan;
use serde_json::json;

use ::redis::AsyncCommands;

use crate::harness::{
    Endpoint, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with, webhooks,
};

const KEY: &str = "0123456789abcdef";

/// Of release 0.1.0. Each order was sent under its name here as its key.
const V0_1: &str = include_str!("0.1.0.jsonl");
/// Given up after its one attempt.
const DEAD: &str = "01a213ce-9ce9-7379-9dc7-23854342235c";
/// Confirmed; the endpoint `erp` has not taken the event yet.
const TOLD: &str = "01a213ce-9d30-7945-b0c2-de9ab667c3a7";
/// In the hands of a worker that was killed when it had held the stock.
const LEASED: &str = "01a213ce-a1ba-7b6c-84d9-30b0552fcbcb";
/// Not looked at yet.
const WAITING: &str = "01a213ce-a21e-7afa-bc26-c9e0a5766552";

/// Of a later release. Orders 1, 2, 3 and 6 have records: with a field more, in a state more, in the next format, and
/// for a change that is not known. The cancellations of 2, 3 and 6 wait. Orders 4 and 5 wait: in the next version, and
/// with a field more.
const LATER: &str = include_str!("later.jsonl");

fn later(n: u8) -> String {
    format!("01a213ce-9d30-7945-b0c2-de9ab667c3a{n}")
}

async fn left_behind(commands: &str) -> Redis {
    let redis = Redis::start().await;
    let mut connection = redis.raw().await;
    for line in commands.lines() {
        let words: Vec<String> = serde_json::from_str(line).unwrap();
        let mut words = words.iter().map(|word| word.chars().map(|byte| byte as u8).collect::<Vec<_>>());
        let mut command = ::redis::cmd(str::from_utf8(&words.next().unwrap()).unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.exec_async(&mut connection).await.unwrap();
    }
    redis
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_release_0_1_left_in_redis_comes_to_the_end_that_was_promised() {
    let endpoint = Endpoint::start("erp").await;
    let [entries, origin] = webhooks(&[&endpoint]);
    let start = start_with(&[(entries.0, &entries.1), (origin.0, &origin.1), ("operator_key", KEY)]);
    let sluice = Sluice::on(left_behind(V0_1).await.into(), start).await;
    let shown = sluice.get(DEAD).await;
    assert_eq!(shown["status"], "needs_attention", "{shown}");
    assert_eq!(sluice.get(TOLD).await["status"], "confirmed");

    // The first probe of a new host finds what waits.
    assert_eq!(sluice.client.get("/health").await.status(), 200);
    for id in [LEASED, WAITING] {
        sluice.until(id, "confirmed").await;
    }
    let redriven = sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"class": "handler"})).await;
    assert_eq!(body_of(&redriven)["redriven"], 1);
    sluice.until(DEAD, "confirmed").await;

    let mut told: Vec<String> = endpoint.received(5).await.iter().map(|delivery| id_of(&delivery.event())).collect();
    told.sort();
    let mut expected = [DEAD, TOLD, LEASED, WAITING].map(|id| format!("{id}.1")).to_vec();
    expected.push(format!("{DEAD}.attention.1"));
    expected.sort();
    assert_eq!(told, expected);

    for (key, id) in [("dead", DEAD), ("told", TOLD), ("leased", LEASED), ("waiting", WAITING)] {
        let replayed = sluice.post(&an_order(), Some(key)).await;
        assert_eq!((replayed.status().as_u16(), id_of(&body_of(&replayed)).as_str()), (202, id));
    }
    // Each of the four took its two pieces once.
    let stock = sluice.operate("GET", "/stock/TEA-1", KEY, &json!(null)).await;
    assert_eq!(body_of(&stock), json!({"sku": "TEA-1", "available": 92, "held": 8}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_release_0_1_that_died_with_an_order_counts_as_its_crash() {
    let start = start_with(&[("operator_key", KEY), ("max_crashes", "1")]);
    let sluice = Sluice::on(left_behind(V0_1).await.into(), start).await;
    assert_eq!(sluice.client.get("/health").await.status(), 200);
    sluice.until(LEASED, "needs_attention").await;
    let letters = body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &json!(null)).await);
    let letter = letters["letters"].as_array().unwrap().iter().find(|letter| letter["id"] == LEASED).unwrap();
    assert_eq!((&letter["class"], &letter["crashes"]), (&"crash".into(), &1.into()), "{letter}");
    assert_eq!(letter["attempts"][0]["worker"], "processor-d0a00111");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_release_left_is_left_for_it_costs_nothing_and_is_told_honestly() {
    let provider = PaymentProvider::start().await;
    let provided = provider.variables();
    let mut variables: Vec<_> = provided.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("operator_key", KEY), ("lease_ms", "1000"), ("max_attempts", "1")]);
    let mut sluice = Sluice::on(left_behind(LATER).await.into(), start_with(&variables)).await;
    // What is in the store has fields and words that nothing describes yet.
    sluice.client = sluice.client.whatever_comes();

    for (n, get, status, cancel) in [
        (1, 200, "confirmed", 202),
        (2, 200, "returned", 503),
        (3, 503, "", 503),
        (4, 200, "queued", 202),
        (5, 200, "queued", 202),
        (6, 503, "", 503),
    ] {
        let shown = sluice.client.get(&format!("/orders/{}", later(n))).await;
        assert_eq!(shown.status(), get, "order {n}: {shown:?}");
        match get {
            200 => assert_eq!(body_of(&shown)["status"], status),
            _ => assert!(body_of(&shown)["detail"].as_str().unwrap().starts_with("A later release wrote"), "{shown:?}"),
        }
        let answer = sluice.ask(&later(n), "cancel", &json!(null)).await;
        assert_eq!(answer.status(), cancel, "order {n}: {answer:?}");
        assert!(answer.status() == 202 || answer.headers().contains_key("retry-after"), "it can be asked again");
    }
    assert_eq!(sluice.get(&later(1)).await["channel"], "web");

    sluice.attend().await;
    let mut redis = sluice.redis.raw().await;
    for n in 1..=6 {
        // The cancellation goes first, and looks at the order.
        let id = format!("{}/cancel", later(n));
        let history = eventually(&format!("{id} to be given back twice"), async || {
            let history: Option<String> = redis.clone().hget("{orders}:placed:history", &id).await.unwrap();
            history.filter(|history| history.contains(r#""given_back":2"#))
        })
        .await;
        assert!(history.contains("newer"), "{history}");
        let state: String = redis.hget("{orders}:placed:deliveries", &id).await.unwrap();
        assert_eq!(state.split(',').collect::<Vec<_>>()[1..3], ["0", "0"], "no attempt and no crash is spent: {state}");
    }
    let letters = body_of(&sluice.operate("GET", "/dead-letters", KEY, &json!(null)).await);
    assert_eq!(letters["queues"], json!([]), "{letters}");
    assert!(provider.ledger().asked.is_empty(), "no money is moved");

    // The later release comes back, and writes what this one can read.
    let store = ::redis::Client::open(sluice.redis.url(1)).unwrap();
    let mut store = store.get_multiplexed_async_connection().await.unwrap();
    let key = format!("order/{}/1.1", later(1));
    let record: String = store.get(&key).await.unwrap();
    let (): () = store
        .set(&key, record.replace(r#","channel":"web""#, "").replace(r#"{"charge_id":"ch_1"}"#, r#""none""#))
        .await
        .unwrap();
    sluice.until(&later(1), "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_of_any_delivery_is_left_though_there_were_many() {
    const TRIES: usize = 40;
    // A delivery writes its record, the marker, the record once more, and then the marker again.
    let lost = (0..TRIES).flat_map(|n| [4 * n + 1, 4 * n + 3]);
    let lost = lost.map(|nth| format!("processor:key-value:set:{nth}=lose-answer").parse().unwrap());
    let start =
        start_with(&[("lease_ms", "100"), ("max_attempts", "100"), ("backoff_base_ms", "1"), ("backoff_cap_ms", "1")]);
    let sluice = Sluice::on(
        Redis::start().await.into(),
        StartOptions { calls: Some(Arc::new(FaultPlan::new(lost, 1))), ..start },
    )
    .await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let mut redis = sluice.redis.raw().await;
    let head: Vec<String> = redis.hvals("{orders}:head").await.unwrap();
    let delivery: usize = head[0].strip_prefix("1.").unwrap().parse().unwrap();
    assert!(delivery > TRIES, "each delivery before wrote its record, and wasn't told: {head:?}");
    let store = ::redis::Client::open(sluice.redis.url(1)).unwrap();
    let store = store.get_multiplexed_async_connection().await.unwrap();
    eventually("all records but the last to go", async || {
        let left: Vec<String> = store.clone().keys("order/*").await.unwrap();
        (left == [format!("order/{id}/{}", head[0])]).then_some(())
    })
    .await;
}

fn id_of(named: &serde_json::Value) -> String {
    named["id"].as_str().unwrap().to_owned()
}
