//! The processor and a payment that is pending; and the listener, which hears the provider's word.

use host::calls::{Answer, Ruling};
use http::StatusCode;
use order::payment::Capture;
use order::{Finding, Payment, Record, Timestamp};
use queue::Message;
use serde_json::Value;
use standardwebhooks::Webhook;

use super::payments::{cancel, changed, charged, charging, judged, refunds, requests, says, woken, written};
use super::sample::{ACCEPTED_AT, SECRET, id, order, placed};
use super::*;
use crate::harness::an_order;

const URL: &str = "https://pay.test/3ds/1";

pub(super) fn now_ms() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_1970.unwrap().as_millis() as u64
}

/// The first order's record, whose payment is pending since so many ms.
pub(super) fn pending(age_ms: u64, next_action: Option<&str>) -> Record {
    let payment =
        Payment::Asked { charge: None, provider: "pay.test".parse().ok(), capture: Capture::Charged, back: None };
    let finding = Finding::Pending { payment, next_action: next_action.map(|url| url.parse().unwrap()) };
    order::decide(placed(1), &finding, Timestamp::from_ms(now_ms() - age_ms))
}

/// The order's own message, which comes again.
pub(super) fn again() -> Message {
    Message { delivery: 7, head: Some("1.pending.6".into()), ..order(1) }
}

/// What becomes of it where its payment is pending for so long and the provider does so.
async fn asked(age_ms: u64, say: fn() -> Ruling) -> (Vec<Effect>, Settled) {
    changed(again(), pending(age_ms, Some(URL)), say).await
}

fn asked_for(effects: &[Effect]) -> Vec<String> {
    requests(effects).iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
}

fn question() -> String {
    format!("GET https://pay.test/v1/charges/{}", id(1))
}

#[tokio::test]
async fn an_answer_that_is_no_money_yet_makes_a_record_and_the_message_comes_again() {
    type Say = fn() -> Ruling;
    let table: [(Say, Option<&str>); 6] = [
        (
            || says(200, r#"{"id": "ch_1", "status": "requires_action", "next_action": "https://pay.test/3ds/1"}"#),
            Some(URL),
        ),
        (|| says(202, r#"{"status": "processing"}"#), None),
        (|| says(202, r#"{"id": "ch_1", "next_action": "https://pay.test/3ds/1"}"#), Some(URL)),
        (|| says(201, r#"{"id": {}, "status": "pending"}"#), None),
        (|| says(200, r#"{"status": "requires_action", "next_action": "javascript:alert(1)"}"#), None),
        (|| says(200, r#"{"status": "requires_action", "next_action": {"url": "https://pay.test"}}"#), None),
    ];
    for (say, next_action) in table {
        let (effects, settled) = judged(order(1), say).await;
        let record = written(&effects).unwrap();
        assert_eq!((record.status(), record.version().get()), (order::Status::PaymentPending, 1));
        assert_eq!(record.next_action().map(|url| url.as_str()), next_action);
        assert_eq!(record, Record::from_json(&pending_like(&record).to_json()).unwrap());
        assert_eq!((settled.verdict.as_str(), settled.counter.as_str()), ("again", "orders:payment_pending"));
        assert_eq!((settled.head.as_str(), settled.stock.as_str(), settled.delay_ms), ("1.pending.1", "", 2_000));
        let event: Value = serde_json::from_slice(&settled.emits[0].payload).unwrap();
        assert_eq!(event["type"], "sluice.order.payment_pending");
        assert_eq!(event["data"]["next_action"].as_str(), next_action);
        assert_eq!(event["data"]["payment"]["provider"], "pay.test");
    }
}

/// A record of the same time and customer's page.
fn pending_like(record: &Record) -> Record {
    let payment =
        Payment::Asked { charge: None, provider: "pay.test".parse().ok(), capture: Capture::Charged, back: None };
    let finding = Finding::Pending { payment, next_action: record.next_action().cloned() };
    order::decide(placed(1), &finding, record.updated_at())
}

#[tokio::test]
async fn a_secret_that_stands_for_the_card_is_in_no_next_action() {
    let mut placed = placed(1);
    let mut body = an_order();
    body["payment"] = serde_json::json!({"token": "tok_secret"});
    placed.order = order::NewOrder::parse(body.to_string().as_bytes()).unwrap();
    let message = Message { payload: placed.encode().into(), ..order(1) };
    let say = || says(200, r#"{"status": "requires_action", "next_action": "https://pay.test/3ds?t=tok_secret"}"#);
    let (effects, _) = judged(message, say).await;
    assert_eq!(written(&effects).unwrap().next_action(), None);
}

#[tokio::test]
async fn a_payment_that_is_pending_is_asked_for_and_never_charged_again() {
    let (effects, settled) = asked(10_000, || says(200, r#"{"id": "ch_1", "status": "succeeded"}"#)).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_eq!(asked_for(&effects), [question()]);
    assert_eq!(request.headers()["authorization"], "Bearer sk_live_51H");
    let sent = |name: &str| request.headers().contains_key(name);
    assert!(request.body().is_empty() && !sent("idempotency-key") && !sent("content-length") && !sent("content-type"));
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.version().get()), (order::Status::Confirmed, 2));
    assert_eq!((record.payment(), record.next_action()), (Some(&charged()), None));
    assert_eq!((settled.verdict.as_str(), settled.head.as_str(), settled.stock.as_str()), ("done", "2.7", ""));
    let superseded: Vec<_> = settled.emits.iter().filter(|emit| emit.queue == "placed.superseded").collect();
    assert_eq!(superseded[0].payload, format!("order/{}/1.6", id(1)).into_bytes(), "the record before goes");

    let (effects, settled) = asked(10_000, || says(402, r#"{"detail": "no funds"}"#)).await;
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.payment()), (order::Status::Rejected, None));
    assert_eq!(record.reason().unwrap().as_str(), "the payment was declined: no funds");
    assert_eq!((settled.verdict.as_str(), settled.stock.as_str()), ("done", "back"));
}

#[tokio::test]
async fn the_longer_a_payment_is_pending_the_more_seldom_it_is_asked_for() {
    for (age_ms, retry_after, wait_ms) in [
        (0, None, 2_000),
        (1_000, None, 2_000),
        (16_000, None, 16_000),
        (16_000, Some("3"), 16_000),
        (16_000, Some("60"), 60_000),
        (900_000, None, 300_000),
        // Once more shortly before the time is over, and then.
        (1_700_000, None, 98_000),
        (16_000, Some("86400"), 1_782_000),
        (1_799_000, None, 1_000),
    ] {
        let say = move || {
            let mut response = Response::new(Bytes::from_static(br#"{"status": "processing"}"#));
            if let Some(wait) = retry_after {
                response.headers_mut().insert("retry-after", wait.parse().unwrap());
            }
            Ruling::Answer(Answer::Http(response))
        };
        let record = pending(age_ms, None);
        let alone = charging([again()]).when(move |effect| match effect {
            Effect::Http(_) => Some(say()),
            Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_json())))),
            _ => None,
        });
        let (effects, settled) = woken(alone).await;
        assert!(written(&effects).is_none(), "there is nothing new to tell");
        assert_eq!((settled.verdict.as_str(), settled.head.as_str(), settled.counter.as_str()), ("again", "", ""));
        let about = (settled.delay_ms - wait_ms).abs();
        assert!(about < 900, "{age_ms} {retry_after:?}: {} instead of {wait_ms}", settled.delay_ms);
    }
}

#[tokio::test]
async fn a_next_action_that_comes_later_is_told_and_no_other_news_is() {
    let say = || says(200, r#"{"status": "requires_action", "next_action": "https://pay.test/other"}"#);
    let (effects, settled) = changed(again(), pending(10_000, None), say).await;
    let record = written(&effects).unwrap();
    assert_eq!((record.version().get(), record.next_action().unwrap().as_str()), (2, "https://pay.test/other"));
    assert_eq!((settled.verdict.as_str(), settled.head.as_str()), ("again", "2.pending.7"));
    let (effects, settled) = changed(again(), pending(10_000, Some(URL)), say).await;
    assert!(written(&effects).is_none());
    assert_eq!((settled.verdict.as_str(), settled.head.as_str(), settled.emits.len()), ("again", "", 0));
}

#[tokio::test]
async fn trouble_with_the_question_is_trouble_as_with_a_charge() {
    type Say = fn() -> Ruling;
    let table: [(Say, &str); 6] = [
        (|| says(500, ""), "retry"),
        (|| says(409, ""), "retry"),
        (|| says(404, ""), "release"),
        (|| says(405, ""), "release"),
        (|| says(401, ""), "release"),
        (|| says(400, ""), "bury"),
    ];
    for (say, verdict) in table {
        let (effects, settled) = asked(10_000, say).await;
        assert_eq!((asked_for(&effects), settled.verdict.as_str()), (vec![question()], verdict));
        assert!(written(&effects).is_none() && settled.stock.is_empty());
    }
}

#[tokio::test]
async fn a_payment_that_is_not_completed_in_time_is_closed_and_its_order_rejected() {
    let closing = "POST https://pay.test/v1/refunds";
    type Say = fn() -> Ruling;
    let table: [(Say, Option<&str>); 3] = [(|| says(410, ""), None), (|| says(404, ""), None), (refunds, Some("re_1"))];
    for (say, refund) in table {
        let (effects, settled) = asked(1_800_000, say).await;
        assert_eq!(asked_for(&effects), [closing], "what a delivery that died gave back may look as if it was taken");
        let body: Value = serde_json::from_slice(requests(&effects)[0].body()).unwrap();
        assert_eq!(body.get("charge_id"), None, "so the provider closes the order");
        let record = written(&effects).unwrap();
        assert_eq!((record.status(), record.version().get()), (order::Status::Rejected, 2));
        assert_eq!(record.reason().unwrap().as_str(), "the payment was not completed in time");
        let given_back: Value = serde_json::from_slice(&record.to_json()).unwrap();
        assert_eq!(given_back["payment"]["refund_id"].as_str(), refund);
        assert_eq!((settled.verdict.as_str(), settled.stock.as_str()), ("done", "back"));
    }
}

#[tokio::test]
async fn a_payment_that_can_not_be_closed_stays_pending() {
    let (effects, settled) = asked(1_800_000, || says(500, "")).await;
    assert_eq!(requests(&effects).len(), 1);
    assert!(written(&effects).is_none());
    assert_eq!((settled.verdict.as_str(), settled.stock.as_str()), ("retry", ""));
}

#[tokio::test]
async fn a_cancellation_closes_a_payment_that_is_pending() {
    type Say = fn() -> Ruling;
    let table: [(Say, Option<&str>); 2] = [(|| says(410, ""), None), (refunds, Some("re_1"))];
    for (say, refund) in table {
        let (effects, settled) = changed(cancel("1.pending.6"), pending(10_000, Some(URL)), say).await;
        assert_eq!(asked_for(&effects), ["POST https://pay.test/v1/refunds"]);
        let body: Value = serde_json::from_slice(requests(&effects)[0].body()).unwrap();
        assert_eq!(body.get("charge_id"), None);
        let record: Value = serde_json::from_slice(&written(&effects).unwrap().to_json()).unwrap();
        assert_eq!((&record["status"], &record["version"]), (&"cancelled".into(), &2.into()));
        assert_eq!((record["payment"]["refund_id"].as_str(), record.get("next_action")), (refund, None));
        assert_eq!((settled.verdict.as_str(), settled.stock.as_str(), settled.clears), ("done", "back", true));
    }
    // A provider that can't note a closed order is asked again, as for an order that has no record.
    let (effects, settled) = changed(cancel("1.pending.6"), pending(10_000, Some(URL)), || says(404, "")).await;
    assert!(written(&effects).is_none());
    // lease_ms and payment_late_s are 30 and 60 s.
    assert!(settled.verdict == "release" && (75_000..=80_000).contains(&settled.delay_ms), "{settled:?}");
    let (effects, _) = changed(cancel("1.pending.6"), pending(91_000, Some(URL)), || says(404, "")).await;
    assert_eq!(written(&effects).unwrap().status(), order::Status::Cancelled);
}

#[tokio::test]
async fn an_order_that_was_decided_meanwhile_is_left_as_it_is() {
    let confirmed = order::decide(placed(1), &Finding::Good(charged()), Timestamp::from_ms(ACCEPTED_AT + 1));
    let late = Message { head: Some("2.7".into()), ..again() };
    let (effects, settled) = changed(late, confirmed, refunds).await;
    assert!(requests(&effects).is_empty() && written(&effects).is_none());
    assert_eq!((settled.verdict.as_str(), settled.counter.as_str()), ("done", "orders:unchanged"));
}

/// A provider's word, signed with this secret so many seconds ago.
fn word(body: &str, secret: &str, seconds_ago: i64) -> Request<Bytes> {
    let at = (now_ms() / 1000) as i64 - seconds_ago;
    let signature = Webhook::new(secret).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let request = Request::post("http://shop.test/payments/events").header("webhook-id", "msg_1");
    let request = request.header("webhook-timestamp", at.to_string()).header("webhook-signature", signature);
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

async fn listener(secret: &str) -> Alone {
    Double::new().with("payment_event_secret", secret).around("listener").await
}

#[tokio::test]
async fn a_word_hastens_the_order_that_it_names_and_is_taken_whatever_becomes_of_it() {
    let alone = listener(SECRET).await;
    let first = format!(r#"{{"type": "charge.succeeded", "order_id": "{}"}}"#, id(1));
    let response = alone.http(word(&first, SECRET, 0)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED, "{response:?}");
    assert_eq!(words(&alone.take_effects()), ["open", "hasten"]);
    let response = alone.http(word(r#"{"order_id": "of another shop"}"#, SECRET, 299)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED, "{response:?}");
    assert!(words(&alone.take_effects()).is_empty());
}

#[tokio::test]
async fn a_word_that_is_not_signed_as_it_should_be_is_refused_and_does_nothing() {
    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let body = format!(r#"{{"order_id": "{}"}}"#, id(1));
    let alone = listener(SECRET).await;
    let changed = |header: &'static str, value: Option<&str>| {
        let mut request = word(&body, SECRET, 0);
        match value {
            Some(value) => drop(request.headers_mut().insert(header, value.parse().unwrap())),
            None => drop(request.headers_mut().remove(header)),
        }
        request
    };
    let mut otherwise = word(&body, SECRET, 0);
    *otherwise.body_mut() = Bytes::from(format!("{body} "));
    for request in [
        word(&body, OTHER, 0),
        word(&body, SECRET, 302),
        word(&body, SECRET, -302),
        changed("webhook-id", Some("msg_2")),
        changed("webhook-id", None),
        changed("webhook-timestamp", Some("soon")),
        changed("webhook-signature", Some("v1,")),
        changed("webhook-signature", None),
        otherwise,
    ] {
        let response = alone.http(request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{response:?}");
        assert!(words(&alone.take_effects()).is_empty());
    }
}

#[tokio::test]
async fn a_secret_that_is_changed_is_one_of_two_for_a_while() {
    const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let alone = listener(&format!("{SECRET} {NEW}\n")).await;
    for secret in [SECRET, NEW] {
        assert_eq!(alone.http(word(r#"{"order_id": ""}"#, secret, 0)).await.status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn a_word_that_names_no_order_and_one_without_a_secret_are_answered_with_what_to_do() {
    let alone = listener(SECRET).await;
    let response = alone.http(word(r#"{"id": 1}"#, SECRET, 0)).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(str::from_utf8(response.body()).unwrap().contains("/order_id must be the id of an order"));
    for (secret, status, fault) in [
        ("", StatusCode::UNAUTHORIZED, "payment_event_secret. While that is empty, no signature is good"),
        ("abc", StatusCode::SERVICE_UNAVAILABLE, "must begin with whsec_"),
    ] {
        let response = listener(secret).await.http(word("{}", SECRET, 0)).await;
        assert_eq!(response.status(), status);
        let body = str::from_utf8(response.body()).unwrap();
        assert!(body.contains(fault), "{body}");
    }
}
