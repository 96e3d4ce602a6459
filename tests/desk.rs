//! What operators and support can do about an order that was given up.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use order::OrderId;
use queue::{Accept, Namespace, Queue, Timing};
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::{Endpoint, Sluice, an_order, eventually, json as body_of, webhooks};

const KEY: &str = "0123456789abcdef";

async fn open_desk(endpoint: &Endpoint) -> Sluice {
    let [webhooks, origin] = webhooks(&[endpoint]);
    Sluice::with(&[(webhooks.0, &webhooks.1), (origin.0, &origin.1), ("operator_key", KEY)]).await
}

impl Sluice {
    async fn desk(&self, method: &str, path: &str, key: &str, body: Value) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        self.client.send(request.body(body.to_string().into()).unwrap()).await
    }

    /// The dead letters, once there are any.
    async fn letters(&self) -> Value {
        eventually("a dead letter", async || {
            let letters = body_of(&self.desk("GET", "/dead-letters/placed", KEY, Value::Null).await);
            (letters["dead"] != 0).then_some(letters)
        })
        .await
    }
}

/// Puts bytes into the queue that no release ever wrote, under an order's id.
async fn place_unreadable(sluice: &Sluice, payload: &[u8]) -> OrderId {
    let id = OrderId::new(order::Timestamp::from_ms(1_795_000_000_000), *b"unreadable");
    let connection = sluice.redis.connect().await;
    let namespace = Namespace::new("{orders}").unwrap();
    let timing = Timing { lease: Duration::from_secs(30), log_retention: Duration::from_secs(3600) };
    let queue = Queue::new(&connection, &namespace, "placed", timing);
    let message = Accept { id: id.as_bytes().to_vec(), payload: payload.to_vec(), idempotency: None, again: false };
    queue.accept(message).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_message_is_buried_with_its_bytes_and_told_and_its_neighbours_are_confirmed() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    let bad = place_unreadable(&sluice, b"{\"v\":1,\xff").await;
    let good = sluice.place(&an_order()).await;
    sluice.until(&good, "confirmed").await;

    let shown = sluice.until(&bad.to_string(), "needs_attention").await;
    let letters = sluice.letters().await;
    let letter = &letters["letters"][0];
    assert_eq!(
        (&letters["dead"], &letter["id"], &letter["class"]),
        (&1.into(), &bad.to_string().into(), &"undecodable".into())
    );
    assert_eq!(letter["payload_base64"], "eyJ2IjoxLP8=");
    assert_eq!(letter["reason"], shown["reason"]);
    assert_eq!(letter["attempts"][0]["class"], "undecodable");
    assert!(letter["attempts"][0]["worker"].as_str().unwrap().starts_with("processor-"));

    let events: Vec<Value> = endpoint.received(2).await.iter().map(|delivery| delivery.event()).collect();
    let event = events.iter().find(|event| event["subject"] == bad.to_string()).expect("support is told");
    assert_eq!((&event["type"], &event["data"]), (&"sluice.order.needs_attention".into(), &shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_sent_again_gets_new_attempts_and_sending_twice_is_once() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    let bad = place_unreadable(&sluice, b"[]").await.to_string();
    let first = sluice.letters().await["letters"][0].take();

    let redriven = sluice.desk("POST", "/dead-letters/placed/redrive", KEY, json!({"ids": [bad, bad]})).await;
    assert_eq!(body_of(&redriven)["redriven"], 1);
    endpoint.received(2).await;
    let second = sluice.letters().await["letters"][0].take();
    assert_eq!((&first["deliveries"], &second["deliveries"]), (&1.into(), &2.into()));

    for body in [json!({"class": "handler"}), json!({"all": true, "per_second": 1000})] {
        let redriven = sluice.desk("POST", "/dead-letters/placed/redrive", KEY, body.clone()).await;
        assert_eq!(body_of(&redriven)["redriven"], u64::from(body["all"] == true), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_given_up_says_who_did_it_to_the_desk_and_why_to_the_shop() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    let bad = place_unreadable(&sluice, b"[]").await.to_string();
    sluice.letters().await;
    let discard = json!({"id": bad, "by": "ann", "why": "a test order"});
    for expected in [true, false] {
        let discarded = sluice.desk("POST", "/dead-letters/placed/discard", KEY, discard.clone()).await;
        assert_eq!(body_of(&discarded)["discarded"], expected);
    }
    let shown = sluice.get(&bad).await;
    assert_eq!((&shown["status"], &shown["reason"]), (&"discarded".into(), &"a test order".into()));
    assert_eq!(body_of(&sluice.desk("GET", "/dead-letters/placed", KEY, Value::Null).await)["dead"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_is_closed_without_a_key_and_to_everyone_who_does_not_know_it() {
    let closed = Sluice::start().await;
    let refused = closed.desk("GET", "/dead-letters/placed", "", Value::Null).await;
    assert_eq!(
        (refused.status(), &body_of(&refused)["type"]),
        (StatusCode::FORBIDDEN, &"urn:sluice:problem:desk-closed".into())
    );

    let open = Sluice::with(&[("operator_key", KEY)]).await;
    for (key, status) in [
        (KEY, StatusCode::OK),
        ("", StatusCode::UNAUTHORIZED),
        ("0123456789abcdeX", StatusCode::UNAUTHORIZED),
        ("0123456789abcdef0", StatusCode::UNAUTHORIZED),
    ] {
        let answer = open.desk("GET", "/dead-letters/placed", key, Value::Null).await;
        assert_eq!(answer.status(), status, "{key:?}");
    }
    let short = Sluice::with(&[("operator_key", "short")]).await;
    let refused = short.desk("GET", "/dead-letters/placed", "short", Value::Null).await;
    let text = body_of(&refused).to_string();
    assert!(refused.status() == StatusCode::SERVICE_UNAVAILABLE && text.contains("operator_key"), "{text}");
    assert!(!text.contains("short"), "the key is not shown: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_cannot_do_is_told() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    for (method, path, body, status) in [
        ("GET", "/dead-letters/nothing", Value::Null, 404),
        ("GET", "/dead-letters", Value::Null, 404),
        ("DELETE", "/dead-letters/placed", Value::Null, 405),
        ("GET", "/dead-letters/placed/redrive", Value::Null, 405),
        ("POST", "/health", Value::Null, 405),
        ("GET", "/dead-letters/placed?offset=x", Value::Null, 400),
        ("POST", "/dead-letters/placed/redrive", json!({}), 400),
        ("POST", "/dead-letters/placed/redrive", json!({"all": true, "class": "crash"}), 400),
        ("POST", "/dead-letters/placed/redrive", json!({"class": "other"}), 400),
        ("POST", "/dead-letters/placed/discard", json!({"id": "x", "by": " ", "why": "y"}), 400),
        ("POST", "/dead-letters/placed/discard", json!({"id": "x"}), 400),
        ("GET", "/dead-letters/changes.erp", Value::Null, 200),
    ] {
        let answer = sluice.desk(method, path, KEY, body.clone()).await;
        assert_eq!(answer.status(), status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.headers()["content-length"], answer.body().len().to_string().as_str(), "{method} {path}");
    }
}
