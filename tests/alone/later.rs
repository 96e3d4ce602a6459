//! What a later release wrote: each component leaves it for that one, and says so.

use host::calls::{Answer, Ruling};
use http::StatusCode;
use order::{Change, ChangeKind, ChangeRequest, CommandId};
use queue::Message;
use serde_json::{Value, json};

use super::double::{answers, store_fails};
use super::intake::{finding, found, refusal};
use super::processor::holding;
use super::sample::{change, endpoint, get, id, message, order, placed, record};
use super::*;
use crate::harness::json as body_of;

/// A record with a field set.
fn with(field: &str, value: Value) -> Vec<u8> {
    let mut record: Value = serde_json::from_slice(&record(1).to_json()).unwrap();
    record[field] = value;
    record.to_string().into_bytes()
}

/// Records that only a later release understands.
fn later_records() -> [Vec<u8>; 4] {
    [
        with("channel", json!("web")),
        with("status", json!("returned")),
        with("payment", json!("invoice")),
        with("v", json!(2)),
    ]
}

fn cancel(delivery: u64) -> Message {
    let cancel = Change { id: id(1), request: ChangeRequest::Cancel { reason: None, settled: None }, trace: None };
    let name = CommandId { order: id(1), change: Some(ChangeKind::Cancel) };
    Message { head: Some("1.1".into()), delivery, ..message(&name.to_bytes(), cancel.encode()) }
}

fn stored(record: Vec<u8>) -> impl Fn(&Effect) -> Option<Ruling> + Send + Sync {
    move |effect| matches!(effect, Effect::StoreGet(_)).then(|| Ruling::Answer(Answer::Value(Some(record.clone()))))
}

/// What the processor makes of a message.
async fn judged(double: Double) -> (Vec<Effect>, Settled, String) {
    let alone = double.with("payment_url", "https://pay.test/v1").around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [settled] = settled(&effects, "placed").try_into().unwrap();
    (effects, settled, alone.printed())
}

#[tokio::test]
async fn a_change_of_a_record_that_a_later_release_wrote_is_given_back_before_anything_is_done() {
    for record in later_records() {
        let (effects, settled, printed) = judged(holding([cancel(1)]).when(stored(record.clone()))).await;
        assert_eq!((settled.verdict.as_str(), settled.emits.len()), ("release", 0), "{settled:?}");
        assert!(settled.reason.starts_with(&format!("order/{}/1.1: the record has ", id(1))), "{}", settled.reason);
        assert!(settled.reason.contains("a newer one wrote it"), "{}", settled.reason);
        assert_eq!(printed.matches("a newer one wrote it").count(), 1, "{printed}");
        let read = format!("get order/{}/1.1", id(1));
        let all = ["open store", "open", "claim placed", &read, "settle placed"];
        assert_eq!(words(&effects)[..5], all, "it is read, and nothing is asked of the provider");

        // It may go on for days, and is not told each time.
        let (_, again, printed) = judged(holding([cancel(12)]).when(stored(record))).await;
        assert_eq!((again.verdict.as_str(), printed.as_str()), ("release", ""));
        assert!(again.delay_ms >= 15_000, "{again:?}");
    }
}

#[tokio::test]
async fn a_record_that_is_damaged_is_still_a_dead_letter_at_the_first_try() {
    for damaged in [b"{".to_vec(), b"[]".to_vec(), with("v", json!(0)), with("v", json!("2")), with("total", json!(1))]
    {
        let (_, settled, _) = judged(holding([cancel(1)]).when(stored(damaged))).await;
        assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("bury", "permanent"), "{settled:?}");
    }
}

#[tokio::test]
async fn a_message_of_a_later_release_is_given_back_and_nothing_is_held_for_it() {
    let text = String::from_utf8(placed(1).encode()).unwrap();
    for (more, with) in [
        (r#""v":1"#, r#""v":2"#),
        (r#""v":1"#, r#""v":1,"channel":"web""#),
        (r#""placed""#, r#""returned""#),
        (r#""EUR""#, r#""XYZ""#),
    ] {
        let payload = text.replacen(more, with, 1).into_bytes();
        let (effects, settled, printed) = judged(holding([message(id(1).as_bytes(), payload)])).await;
        assert_eq!(settled.verdict, "release", "{settled:?}");
        assert!(settled.reason.starts_with(&format!("{}: the message has ", id(1))), "{}", settled.reason);
        assert!(printed.contains("a newer one wrote it"), "{printed}");
        assert!(!words(&effects).contains(&"hold".to_owned()), "{:?}", words(&effects));
    }
}

#[tokio::test]
async fn a_change_of_an_order_whose_head_only_a_later_release_knows_is_given_back() {
    let returned = Message { head: Some("2.return.1".into()), ..cancel(1) };
    let (_, settled, _) = judged(holding([returned])).await;
    assert_eq!(settled.verdict, "release", "{settled:?}");
    assert!(settled.reason.contains("its record 2.return.1"), "{}", settled.reason);
}

#[tokio::test]
async fn what_is_to_be_removed_is_a_records_key_or_of_a_later_release_or_damaged() {
    for (payload, verdict) in [
        (format!("order/{}/1.1", id(1)), "done"),
        (r#"{"records": 40}"#.to_owned(), "release"),
        ("orders/latest-change".to_owned(), "bury"),
    ] {
        let told = message(payload.as_bytes(), payload.clone().into_bytes());
        let alone = Double::new().holding("placed.superseded", [told]).around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        assert_eq!(settled(&effects, "placed.superseded")[0].verdict, verdict, "{payload}");
        assert_eq!(words(&effects).iter().any(|word| word.starts_with("delete ")), verdict == "done", "{payload}");
    }
}

#[tokio::test]
async fn a_delivery_that_comes_again_has_removed_what_it_and_its_crashed_forerunners_may_have_left() {
    let refuses = |effect: &Effect| {
        matches!(effect, Effect::StoreSet(key, _) if key.starts_with("order/")).then(|| store_fails("no"))
    };
    let keys = |settled: &Settled| settled.emits.iter().map(|emit| emit.payload.clone()).collect::<Vec<_>>();
    let key = |delivery: u64| format!("order/{}/1.{delivery}", id(1)).into_bytes();
    let alone = |failures, crashes| {
        holding([Message { delivery: 60, failures, crashes, ..order(1) }]).with("max_attempts", "100")
    };
    for (crashes, expected) in [(0, vec![key(60)]), (2, vec![key(58), key(59), key(60)])] {
        let around = alone(57, crashes).when(refuses).around("processor").await;
        assert_eq!(around.wake().await, Ok(()));
        let [retried] = settled(&around.take_effects(), "placed").try_into().unwrap();
        assert_eq!((retried.verdict.as_str(), keys(&retried)), ("retry", expected));
    }
    // What is given back before it wrote costs nothing; only a worker that died before it may have left something.
    for (crashes, expected) in [(0, vec![]), (1, vec![key(59)])] {
        let text = String::from_utf8(placed(1).encode()).unwrap().replace("\"v\":1", "\"v\":2");
        let message = Message { delivery: 60, crashes, ..message(id(1).as_bytes(), text.into_bytes()) };
        let (_, released, _) = judged(holding([message])).await;
        assert_eq!((released.verdict.as_str(), keys(&released)), ("release", expected));
    }
}

#[tokio::test]
async fn a_record_of_a_later_release_is_shown_as_it_is_unless_its_format_is_another() {
    for record in later_records() {
        let is_other_format = record == with("v", json!(2));
        let alone = finding(found("1.1", "", b"", ""), stored(record.clone())).around("intake").await;
        let answer = alone.http(get(1)).await;
        if is_other_format {
            let detail = refusal(&answer, "unavailable");
            assert!(detail.starts_with("A later release wrote the order's record"), "{detail}");
            assert!(alone.printed().contains("a newer one wrote it"), "{}", alone.printed());
        } else {
            assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, &record[..]));
        }
    }
    let alone = finding(found("2.return.1", "", b"", ""), |_| None).around("intake").await;
    refusal(&alone.http(get(1)).await, "unavailable");
}

#[tokio::test]
async fn a_change_of_a_record_of_a_later_release_is_taken_where_its_state_is_known_and_else_asked_for_again() {
    for (record, known) in later_records().into_iter().zip([true, false, true, false]) {
        let alone = finding(found("1.1", "", b"", ""), stored(record)).around("intake").await;
        let cancel = Request::post(format!("http://shop.test/orders/{}/cancel", id(1))).body(Bytes::new()).unwrap();
        let answer = alone.http(cancel).await;
        if known {
            assert_eq!(answer.status(), 202, "{answer:?}");
        } else {
            refusal(&answer, "unavailable");
        }
    }
}

#[tokio::test]
async fn an_order_that_waits_for_a_later_release_is_queued_and_needs_nobody() {
    let text = String::from_utf8(placed(1).encode()).unwrap().replace("\"v\":1", "\"v\":2");
    let alone = finding(found("", "queued", text.as_bytes(), ""), |_| None).around("intake").await;
    let shown = body_of(&alone.http(get(1)).await);
    assert_eq!((&shown["status"], &shown["age_ms"]), (&json!("queued"), &json!(10_000)), "{shown}");
}

#[tokio::test]
async fn an_event_of_a_later_release_is_told_as_it_is() {
    let mut event: Value = serde_json::from_slice(&change(1).payload).unwrap();
    event["type"] = json!("sluice.order.returned");
    event["channel"] = json!("web");
    let payload = event.to_string().into_bytes();
    let alone = Double::new()
        .with("webhooks", &json!([endpoint("erp", "https://erp.test/")]).to_string())
        .holding("changes", [message(b"later", payload.clone())])
        .when(|effect| matches!(effect, Effect::Http(_)).then(|| answers(StatusCode::OK)))
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Http(request) => Some(request.body().to_vec()),
        _ => None,
    });
    assert_eq!(sent, Some(payload));
}
