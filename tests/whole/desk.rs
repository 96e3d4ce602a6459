//! What operators and support can do about an order that was given up.

use std::time::Duration;

use ::redis::AsyncCommands;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use order::OrderId;
use queue::{Accept, Namespace, Queue, Timing};
use serde_json::{Value, json};

use crate::harness::{Endpoint, Sluice, an_order, eventually, json as body_of, webhooks};

const KEY: &str = "0123456789abcdef";

async fn open_desk(endpoint: &Endpoint) -> Sluice {
    let [webhooks, origin] = webhooks(&[endpoint]);
    Sluice::with(&[(webhooks.0, &webhooks.1), (origin.0, &origin.1), ("operator_key", KEY)]).await
}

/// Asks the desk with this key.
async fn desk(sluice: &Sluice, method: &str, path: &str, key: &str, body: Value) -> Response<Bytes> {
    sluice.operate(method, path, key, &body).await
}

/// The dead letters, once there are any.
async fn letters(sluice: &Sluice) -> Value {
    eventually("a dead letter", async || {
        let letters = body_of(&desk(sluice, "GET", "/dead-letters/placed", KEY, Value::Null).await);
        (letters["dead"] != 0).then_some(letters)
    })
    .await
}

/// Puts bytes into the queue that no release ever wrote, under an order's id.
async fn place_unreadable(sluice: &Sluice, payload: &[u8]) -> OrderId {
    let id = OrderId::new(order::Timestamp::from_ms(1_795_000_000_000), *b"unreadable");
    let connection = sluice.redis.connect().await;
    let namespace = Namespace::new("{orders}").unwrap();
    let timing = Timing { lease: Duration::from_secs(30), log_retention: Duration::from_secs(3600) };
    let queue = Queue::new(&connection, &namespace, "placed", timing);
    let message = Accept::new(id.as_bytes().into(), payload.into());
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
    let letters = letters(&sluice).await;
    let letter = &letters["letters"][0];
    assert_eq!(
        (&letters["dead"], &letter["id"], &letter["class"]),
        (&1.into(), &bad.to_string().into(), &"undecodable".into())
    );
    assert_eq!(letter["payload_base64"], "eyJ2IjoxLP8=");
    assert!(letter["reason"].as_str().unwrap().contains("not JSON"), "{letter}");
    assert_eq!(shown["reason"], "it could not be processed, and an operator must look at it");
    assert_eq!(letter["attempts"][0]["class"], "undecodable");
    assert!(letter["attempts"][0]["worker"].as_str().unwrap().starts_with("processor-"));

    let events: Vec<Value> = endpoint.received(2).await.iter().map(|delivery| delivery.event()).collect();
    let event = events.iter().find(|event| event["subject"] == bad.to_string()).expect("support is told");
    let mut told = event["data"].clone();
    assert_eq!(told["reason"], letter["reason"], "support is told why, whoever reads the order is not");
    told["reason"] = shown["reason"].clone();
    assert_eq!((&event["type"], &told), (&"sluice.order.needs_attention".into(), &shown));
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_keeps_its_payload_class_last_error_trace_and_each_attempt_with_its_time_and_worker() {
    // Nobody listens on port 9 of this machine.
    let sluice = Sluice::with(&[
        ("payment_url", "http://127.0.0.1:9"),
        ("payment_origin", "http://127.0.0.1:*"),
        ("operator_key", KEY),
        ("max_attempts", "3"),
        ("backoff_base_ms", "1"),
        ("backoff_cap_ms", "1"),
    ])
    .await;
    let request = Request::post("/orders").header("content-type", "application/json").header("traceparent", TRACE);
    let answer = body_of(&sluice.client.send(request.body(an_order().to_string().into()).unwrap()).await);

    let letter = letters(&sluice).await["letters"][0].take();
    assert_eq!(letter["id"], answer["id"]);
    assert_eq!((&letter["class"], &letter["trace"]), (&"handler".into(), &TRACE.into()), "{letter}");
    assert_eq!((&letter["deliveries"], &letter["failures"], &letter["crashes"]), (&3.into(), &3.into(), &0.into()));
    assert_eq!(letter["payload"]["order"]["lines"], an_order()["lines"]);
    let attempts = letter["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    for (attempt, delivery) in attempts.iter().zip(1..) {
        assert_eq!((&attempt["delivery"], &attempt["class"]), (&delivery.into(), &"handler".into()));
        assert!(attempt["reason"].as_str().unwrap().contains("it refused the connection"), "{attempt}");
        assert!(attempt["worker"].as_str().unwrap().starts_with("processor-"), "{attempt}");
        let at = attempt["at"].as_str().unwrap();
        assert!((answer["created_at"].as_str().unwrap()..=letter["buried_at"].as_str().unwrap()).contains(&at));
    }
    assert_eq!(letter["reason"], attempts[2]["reason"], "the last error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_sent_again_gets_new_attempts_and_sending_twice_is_once() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    let bad = place_unreadable(&sluice, b"[]").await.to_string();
    let first = letters(&sluice).await["letters"][0].take();

    let overview = desk(&sluice, "GET", "/dead-letters", KEY, Value::Null).await;
    assert_eq!(body_of(&overview), json!({"queues": [{"queue": "placed", "dead": 1}]}));

    let redriven = desk(&sluice, "POST", "/dead-letters/placed/redrive", KEY, json!({"ids": [bad, bad]})).await;
    let redriven = body_of(&redriven);
    assert_eq!((&redriven["redriven"], &redriven["unknown"]), (&1.into(), &json!([bad])), "the second time it is none");
    endpoint.received(2).await;
    let second = letters(&sluice).await["letters"][0].take();
    assert_eq!((&first["deliveries"], &second["deliveries"]), (&1.into(), &2.into()));

    for body in [json!({"class": "handler"}), json!({"all": true, "per_second": 1000})] {
        let redriven = desk(&sluice, "POST", "/dead-letters/placed/redrive", KEY, body.clone()).await;
        assert_eq!(body_of(&redriven)["redriven"], u64::from(body["all"] == true), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_given_up_keeps_who_did_it_and_why_and_the_shop_is_told_only_that() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    let bad = place_unreadable(&sluice, b"[]").await.to_string();
    letters(&sluice).await;
    for by in ["ann", "ben"] {
        let discard = json!({"id": bad, "by": by, "why": "a test order"});
        let discarded = desk(&sluice, "POST", "/dead-letters/placed/discard", KEY, discard).await;
        assert_eq!(body_of(&discarded), json!({"discarded": true}), "{by}");
    }
    let discard = json!({"id": "4711", "by": "ann", "why": "there is none"});
    let unknown = desk(&sluice, "POST", "/dead-letters/placed/discard", KEY, discard).await;
    assert_eq!((unknown.status().as_u16(), &body_of(&unknown)["type"]), (404, &json!("urn:sluice:problem:not-found")));
    let shown = sluice.get(&bad).await;
    assert_eq!((&shown["status"], &shown["reason"]), (&"discarded".into(), &"an operator gave it up".into()));
    let kept: Vec<Vec<u8>> = sluice.redis.raw().await.hvals("{orders}:placed:discarded").await.unwrap();
    let kept: Value = serde_json::from_slice(&kept[0]).unwrap();
    assert_eq!((&kept["by"], &kept["class"]), (&"ann".into(), &"undecodable".into()), "the first one's word stays");
    assert_eq!(kept["why"], "a test order");
    assert_eq!(body_of(&desk(&sluice, "GET", "/dead-letters/placed", KEY, Value::Null).await)["dead"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_is_closed_to_everyone_who_does_not_know_its_key() {
    let open = Sluice::with(&[("operator_key", KEY)]).await;
    for (key, status) in [
        (KEY, StatusCode::OK),
        ("", StatusCode::UNAUTHORIZED),
        ("0123456789abcdeX", StatusCode::UNAUTHORIZED),
        ("0123456789abcdef0", StatusCode::UNAUTHORIZED),
    ] {
        let answer = desk(&open, "GET", "/dead-letters/placed", key, Value::Null).await;
        assert_eq!(answer.status(), status, "{key:?}");
    }
    let short = Sluice::with(&[("operator_key", "short")]).await;
    let refused = desk(&short, "GET", "/dead-letters/placed", "short", Value::Null).await;
    let text = body_of(&refused).to_string();
    assert!(refused.status() == StatusCode::SERVICE_UNAVAILABLE && text.contains("operator_key"), "{text}");
    assert!(!text.contains("short"), "the key is not shown: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_cannot_do_is_told() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    for (method, path, body, status) in [
        ("GET", "/dead-letters/nothing", Value::Null, 404),
        ("POST", "/dead-letters", Value::Null, 405),
        ("DELETE", "/dead-letters/placed", Value::Null, 405),
        ("GET", "/dead-letters/placed/redrive", Value::Null, 405),
        ("POST", "/health", Value::Null, 405),
        ("GET", "/dead-letters/placed?offset=x", Value::Null, 400),
        ("POST", "/dead-letters/placed/redrive", json!({}), 422),
        ("POST", "/dead-letters/placed/redrive", json!({"all": true, "class": "crash"}), 422),
        ("POST", "/dead-letters/placed/redrive", json!({"class": "other"}), 422),
        ("POST", "/dead-letters/placed/discard", json!({"id": "x", "by": " ", "why": "y"}), 422),
        ("POST", "/dead-letters/placed/discard", json!({"id": "x"}), 422),
        ("GET", "/dead-letters/changes", Value::Null, 200),
    ] {
        let answer = desk(&sluice, method, path, KEY, body.clone()).await;
        assert_eq!(answer.status(), status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.headers()["content-length"], answer.body().len().to_string().as_str(), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_request_is_told_and_never_read_as_nothing() {
    let endpoint = Endpoint::start("support").await;
    let sluice = open_desk(&endpoint).await;
    for (method, path, body, status, told) in [
        ("GET", "/dead-letters/changes.nope", Value::Null, 404, "changes.{endpoint}"),
        ("GET", "/dead-letters/placed.", Value::Null, 404, "placed"),
        ("GET", "/dead-letters/placed?limit=5", Value::Null, 400, "limit=5 is not known here, only offset"),
        ("GET", "/dead-letters/placed?offset=x", Value::Null, 400, "offset must be a whole number"),
        ("GET", "/stock?page=2", Value::Null, 400, "page=2 is not known here, only cursor"),
        ("PATCH", "/stock/TEA-9", json!({"by": 1}), 404, "PUT"),
        ("PUT", "/stock/TEA-9", json!({"available": -1}), 422, "must be from 0 to"),
        ("PUT", "/stock/TEA-9", json!("x"), 422, "must be an object, not a string"),
        ("POST", "/dead-letters/placed/redrive", json!({"ids": ["x"], "per_second": 1}), 422, "must not have both ids"),
        (
            "POST",
            "/dead-letters/placed/redrive",
            json!({"ids": ["x"], "all": true}),
            422,
            "more than one of ids, class",
        ),
        ("POST", "/dead-letters/placed/redrive", json!({"all": true, "per_second": 0}), 422, "must be from 1 to"),
        ("POST", "/dead-letters/placed/discard", json!({"id": 1, "by": "", "x": 1}), 422, "\"pointer\":\"/why\""),
    ] {
        let answer = desk(&sluice, method, path, KEY, body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}: {answer:?}");
        let problem = body_of(&answer).to_string();
        assert!(problem.contains(told), "{problem} is not: {told}");
    }
}
