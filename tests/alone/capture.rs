//! The processor and a payment that is authorized first and captured when the order is fulfilled.

use host::calls::{Answer, Ruling};
use order::payment::{Capture, GivenBack};
use order::{ChangeRequest, CommandId, Finding, NewOrder, Payment, Placed, Record, Timestamp, queues};
use queue::Message;
use serde_json::{Value, json};

use super::payments::{
    asking, cancel, changed, charged, charging, confirmed, judged, refunds, requests, says, woken, written,
};
use super::pending::now_ms;
use super::sample::{id, message, order, placed};
use super::stock::short;
use super::*;
use crate::harness::an_order;

/// Six days, as spin.toml has it.
const WITHIN_MS: u64 = 518_400_000;

type Say = fn() -> Ruling;

fn on_fulfil(messages: impl IntoIterator<Item = Message>) -> Double {
    charging(messages).with("payment_capture", "on_fulfil")
}

fn authorizes() -> Ruling {
    says(201, r#"{"id": "ch_1", "status": "authorized"}"#)
}

fn captures() -> Ruling {
    says(201, r#"{"id": "cap_1", "status": "captured"}"#)
}

fn voids() -> Ruling {
    says(410, r#"{"detail": "nothing was taken"}"#)
}

fn payment(capture: Capture, back: Option<GivenBack>) -> Payment {
    Payment::Asked { charge: "ch_1".parse().ok(), provider: "pay.test".parse().ok(), capture, back }
}

fn fulfil() -> Message {
    asking(ChangeRequest::Fulfil { tracking: "JD0146".parse().ok(), settled: None }, "1.1")
}

/// The first order, for which the shop has had this charge authorized.
fn of_the_shop() -> Message {
    let mut body = an_order();
    body["payment"] = json!({"charge_id": "ch_1", "capture": true});
    let authorized = NewOrder::parse(body.to_string().as_bytes()).unwrap();
    Message { payload: Placed { order: authorized, ..placed(1) }.encode().into(), ..order(1) }
}

/// Method, path and Idempotency-Key of each request.
fn asked_for(effects: &[Effect]) -> Vec<(String, String)> {
    let key = |request: &Request<Bytes>| request.headers()["idempotency-key"].to_str().unwrap().to_owned();
    requests(effects).iter().map(|request| (request.uri().path().to_owned(), key(request))).collect()
}

fn json_of(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// The messages that look later whether the payment is still authorized: for which order, and after how long.
fn reminders(settled: &Settled) -> Vec<(Vec<u8>, u64)> {
    let emits = settled.emits.iter().filter(|emit| emit.payload == queues::REMINDER.as_bytes());
    emits.map(|emit| (emit.id.clone(), emit.after_ms as u64)).collect()
}

/// What becomes of a message where payments are captured at fulfilment.
async fn judged_on_fulfil(message: Message, say: Say) -> (Vec<Effect>, Settled) {
    woken(on_fulfil([message]).when(move |effect| matches!(effect, Effect::Http(_)).then(say))).await
}

#[tokio::test]
async fn a_charge_is_only_authorized_where_payments_are_captured_at_fulfilment_and_support_is_told_in_time() {
    let (effects, done) = judged_on_fulfil(order(1), authorizes).await;
    let [request] = requests(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((request.uri().path(), &json_of(request)["capture"]), ("/v1/charges", &json!(false)));
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.payment()), (order::Status::Confirmed, Some(&payment(Capture::Due, None))));
    assert_eq!((done.verdict.as_str(), done.head.as_str()), ("done", "1.1"));
    let [(own, after_ms)] = &reminders(&done)[..] else { panic!("{done:?}") };
    assert_eq!(*own, CommandId { order: id(1), change: None }.to_bytes());
    assert!((WITHIN_MS - 60_000..=WITHIN_MS).contains(after_ms), "{after_ms}");
}

#[tokio::test]
async fn what_the_provider_answers_counts_and_not_what_it_was_asked_for() {
    let (effects, done) = judged_on_fulfil(order(1), || says(201, r#"{"id": "ch_1", "status": "succeeded"}"#)).await;
    assert_eq!(written(&effects).unwrap().payment(), Some(&charged()));
    assert_eq!(reminders(&done), [], "its money is taken");
    for status in ["authorized", "authorised", "requires_capture"] {
        let say = move || says(200, &json!({"id": "ch_1", "status": status}).to_string());
        let (effects, done) = judged(order(1), say).await;
        let [request] = requests(&effects)[..] else { panic!("{effects:?}") };
        assert_eq!(json_of(request).get("capture"), None, "it was to be charged at once");
        assert_eq!(written(&effects).unwrap().payment(), Some(&payment(Capture::Due, None)), "{status}");
        assert_eq!(reminders(&done).len(), 1);
    }
    let (_, bad) = judged_on_fulfil(order(1), || says(200, r#"{"id": {}, "status": "authorized"}"#)).await;
    assert_eq!((bad.verdict.as_str(), bad.class.as_str()), ("bury", "permanent"), "what can't be captured later");
}

#[tokio::test]
async fn the_money_is_taken_when_the_order_is_fulfilled_and_then_its_goods_are_gone() {
    let (effects, done) = changed(fulfil(), confirmed(payment(Capture::Due, None)), captures).await;
    assert_eq!(asked_for(&effects), [("/v1/captures".to_owned(), format!("{}/capture", id(1)))]);
    assert_eq!(
        json_of(requests(&effects)[0]),
        json!({"order_id": id(1).to_string(), "amount": 2100, "currency": "EUR", "charge_id": "ch_1"})
    );
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.tracking().unwrap().as_str()), (order::Status::Fulfilled, "JD0146"));
    assert_eq!(record.payment(), Some(&payment(Capture::Made("cap_1".parse().unwrap()), None)));
    assert_eq!((done.head.as_str(), done.stock.as_str()), ("2.fulfil.1", "out"));
    let own = CommandId { order: id(1), change: None }.to_bytes();
    assert_eq!(reminders(&done), [(own.to_vec(), 0)], "the reminder is called forward");
}

#[tokio::test]
async fn an_order_whose_money_was_taken_already_is_fulfilled_without_a_request() {
    let made = payment(Capture::Made("cap_1".parse().unwrap()), None);
    for paid in [charged(), made, Payment::None, Payment::Later] {
        let (effects, done) = changed(fulfil(), confirmed(paid), captures).await;
        assert!(requests(&effects).is_empty() && reminders(&done).is_empty());
        assert_eq!(done.head, "2.fulfil.1");
    }
}

#[tokio::test]
async fn goods_go_out_only_for_money_that_was_taken() {
    let declined = "the payment provider did not capture what it had authorized: it expired";
    let table: [(Say, &str, &str); 7] = [
        (|| says(402, r#"{"detail": "it expired"}"#), "bury", declined),
        (|| says(404, ""), "bury", "the payment provider answered 404"),
        (|| says(410, ""), "bury", "the payment provider did not capture what it had authorized"),
        (|| says(500, ""), "retry", "the payment provider answered 500"),
        (|| says(202, ""), "retry", "the payment provider is not done yet, its status is 202"),
        (authorizes, "retry", "the payment provider is not done yet, its status is authorized"),
        (|| says(401, ""), "release", "the payment provider answered 401; are payment_url and payment_key right?"),
    ];
    for (say, verdict, reason) in table {
        let (effects, settled) = changed(fulfil(), confirmed(payment(Capture::Due, None)), say).await;
        assert!(written(&effects).is_none());
        assert_eq!((settled.verdict.as_str(), settled.reason.as_str()), (verdict, reason));
        assert_eq!((settled.head.as_str(), settled.stock.as_str()), ("", ""));
    }
}

#[tokio::test]
async fn a_cancelled_order_whose_money_was_only_authorized_is_voided() {
    let refund = GivenBack::Refund("re_1".parse().unwrap());
    for (say, back) in [(voids as Say, GivenBack::Void), (refunds, refund)] {
        let (effects, done) = changed(cancel("1.1"), confirmed(payment(Capture::Due, None)), say).await;
        assert_eq!(asked_for(&effects), [("/v1/refunds".to_owned(), format!("{}/refund", id(1)))]);
        assert_eq!(json_of(requests(&effects)[0])["charge_id"], "ch_1");
        let record = written(&effects).unwrap();
        assert_eq!(record.status(), order::Status::Cancelled);
        assert_eq!(record.payment(), Some(&payment(Capture::Charged, Some(back))));
        assert_eq!((done.head.as_str(), done.stock.as_str()), ("2.cancel.1", "back"));
        assert_eq!(reminders(&done).len(), 1);
    }
    let made = payment(Capture::Made("cap_1".parse().unwrap()), None);
    for taken in [charged(), made] {
        let (_, settled) = changed(cancel("1.1"), confirmed(taken), voids).await;
        assert_eq!(settled.verdict, "bury", "who took money can't say that nothing was taken");
    }
}

#[tokio::test]
async fn what_the_shop_has_had_authorized_is_captured_when_the_order_has_its_stock() {
    let (effects, done) = judged(of_the_shop(), captures).await;
    assert_eq!(asked_for(&effects), [("/v1/captures".to_owned(), format!("{}/capture", id(1)))]);
    let made = payment(Capture::Made("cap_1".parse().unwrap()), None);
    assert_eq!(written(&effects).unwrap().payment(), Some(&made));
    assert_eq!((done.verdict.as_str(), reminders(&done).len()), ("done", 0));

    let (effects, done) = judged_on_fulfil(of_the_shop(), captures).await;
    assert!(requests(&effects).is_empty(), "it is captured when it is fulfilled");
    assert_eq!(written(&effects).unwrap().payment(), Some(&payment(Capture::Due, None)));
    assert_eq!(reminders(&done).len(), 1);
}

#[tokio::test]
async fn what_the_shop_has_had_authorized_is_voided_where_the_order_is_rejected() {
    let voided = payment(Capture::Charged, Some(GivenBack::Void));
    let alone = charging([of_the_shop()]).when(|effect| match effect {
        Effect::Http(request) if request.uri().path().ends_with("captures") => Some(says(402, "")),
        Effect::Http(_) => Some(voids()),
        _ => None,
    });
    let (effects, done) = woken(alone).await;
    let paths: Vec<_> = asked_for(&effects).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/v1/captures", "/v1/refunds"]);
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.payment()), (order::Status::Rejected, Some(&voided)));
    assert_eq!(done.stock, "back");

    let short = on_fulfil([of_the_shop()]).when(|effect| match effect {
        Effect::Http(_) => Some(voids()),
        other => matches!(other.verb(), Some(Verb::Hold(_))).then(|| short("TEA-1", 2, 1)),
    });
    let (effects, _) = woken(short).await;
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.payment()), (order::Status::Rejected, Some(&voided)));
}

#[tokio::test]
async fn what_an_earlier_delivery_voided_and_did_not_end_is_rejected_by_the_next_one() {
    let again = Message { delivery: 2, ..of_the_shop() };
    let (effects, done) = woken(charging([again]).when(|effect| matches!(effect, Effect::Http(_)).then(voids))).await;
    let paths: Vec<_> = asked_for(&effects).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/v1/captures", "/v1/refunds"], "what was begun is ended");
    let record = written(&effects).unwrap();
    assert_eq!(record.status(), order::Status::Rejected);
    assert_eq!(record.payment(), Some(&payment(Capture::Charged, Some(GivenBack::Void))));
    assert_eq!(done.stock, "back");
}

/// What becomes of a reminder where the order has this record under this name.
async fn reminded(record: Record, head: &str) -> (Vec<Effect>, Settled) {
    let reminder = Message {
        head: Some(head.into()),
        ..message(&CommandId { order: id(1), change: None }.to_bytes(), queues::REMINDER.into())
    };
    let alone = Double::new().holding("placed.superseded", [reminder]);
    let alone = alone.with("payment_url", "https://pay.test").with("payment_capture", "on_fulfil");
    let alone = alone.when(move |effect| match effect {
        Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_json())))),
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [settled] = settled(&effects, "placed.superseded").try_into().unwrap();
    (effects, settled)
}

#[tokio::test]
async fn support_is_told_once_of_an_authorization_that_expires_while_the_order_waits() {
    let decided = |age_ms: u64, paid: Payment| {
        let now = now_ms();
        order::decide(placed(1), &Finding::Good(paid), Timestamp::from_ms(now - age_ms))
    };
    let (_, told) = reminded(decided(WITHIN_MS + 1, payment(Capture::Due, None)), "1.1").await;
    assert_eq!((told.verdict.as_str(), told.emits.len()), ("done", 1));
    let event: Value = serde_json::from_slice(&told.emits[0].payload).unwrap();
    assert_eq!(event["type"], "sluice.order.authorization_expiring");
    assert_eq!(event["id"], format!("{}.1.expiring", id(1)));
    assert_eq!(event["data"]["payment"]["authorized"], true);

    let (_, early) = reminded(decided(WITHIN_MS - 90_000, payment(Capture::Due, None)), "1.1").await;
    assert_eq!((early.verdict.as_str(), early.emits.len()), ("again", 0));
    assert!((60_000..=90_000).contains(&early.delay_ms), "{}", early.delay_ms);

    for (record, head) in [(decided(WITHIN_MS + 1, charged()), "1.1"), (confirmed(charged()), "2.fulfil.1")] {
        let (_, over) = reminded(record, head).await;
        assert_eq!((over.verdict.as_str(), over.emits.len()), ("done", 0), "{head}");
    }
}
