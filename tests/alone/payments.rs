//! The processor by itself: what it asks of the payment provider, and what it makes of the answer.

use host::calls::{Answer, HttpError, RedisResult, Refusal, Ruling};
use http::StatusCode;
use order::payment::{Capture, GivenBack};
use order::{ChangeRequest, CommandId, Finding, Payment, Record, Timestamp};
use queue::Message;
use serde_json::{Value, json};

use super::double::{binary, replies};
use super::processor::holding;
use super::sample::{ACCEPTED_AT, id, order, placed};
use super::stock::short;
use super::*;
use crate::harness::an_order;

const URL: &str = "https://pay.test/v1/";
const KEY: &str = "sk_live_51H";

/// Charges orders somewhere.
pub(super) fn charging(messages: impl IntoIterator<Item = Message>) -> Double {
    holding(messages).with("payment_url", URL).with("payment_key", KEY).with("payment_timeout_ms", "50")
}

fn fails(error: HttpError) -> Ruling {
    Ruling::Refuse(Refusal::Http(error))
}

pub(super) fn says(status: u16, body: &str) -> Ruling {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ruling::Answer(Answer::Http(response))
}

/// What becomes of a message where the provider does so.
pub(super) async fn judged(
    message: Message,
    say: impl Fn() -> Ruling + Send + Sync + 'static,
) -> (Vec<Effect>, Settled) {
    let alone = charging([message]).when(move |effect| matches!(effect, Effect::Http(_)).then(&say));
    woken(alone).await
}

pub(super) fn requests(effects: &[Effect]) -> Vec<&Request<Bytes>> {
    let requests = effects.iter().filter_map(|effect| match effect {
        Effect::Http(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

pub(super) fn written(effects: &[Effect]) -> Option<Record> {
    let record = effects.iter().find_map(|effect| match effect {
        Effect::StoreSet(key, record) if key.starts_with("order/") => Some(record),
        _ => None,
    });
    record.map(|record| Record::from_json(record).unwrap())
}

fn json_of(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[track_caller]
fn assert_request(request: &Request<Bytes>, url: &str, key: &str) {
    assert_eq!((request.method().as_str(), request.uri().to_string()), ("POST", url.to_owned()));
    let headers = request.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-length"], request.body().len().to_string());
    assert_eq!(headers["idempotency-key"], key);
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn an_order_is_charged_after_its_stock_is_held_and_before_its_record_is_written() {
    let (effects, done) = judged(order(1), || says(201, r#"{"id": "ch_1", "paid": true}"#)).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_request(request, "https://pay.test/v1/charges", &id(1).to_string());
    let order = an_order();
    assert_eq!(
        json_of(request),
        json!({
            "order_id": id(1).to_string(), "amount": 2100, "currency": "EUR", "customer": order["customer"],
            "reference": order["reference"],
        })
    );
    let words = words(&effects);
    let at = |wanted: &str| words.iter().position(|word| word.starts_with(wanted)).unwrap();
    assert!(at("hold") < at("POST") && at("POST") < at("set order/") && at("set order/") < at("settle"), "{words:?}");
    assert_eq!((done.verdict.as_str(), done.counter.as_str()), ("done", "orders:confirmed"));
    let Some(Verb::Hold(hold)) = effects.iter().find_map(|effect| effect.verb().filter(|verb| is_hold(verb))) else {
        panic!("it is held")
    };
    assert_eq!(hold[0].asks, "pay.test", "Redis knows it before the provider does");
    assert_eq!(written(&effects).unwrap().payment(), Some(&charged()));
}

#[tokio::test]
async fn an_order_that_the_stock_is_short_of_is_not_charged() {
    let alone = charging([order(1)]).when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => Some(short("TEA-1", 2, 0)),
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    assert!(requests(&alone.take_effects()).is_empty());
}

#[tokio::test]
async fn a_declined_order_is_rejected_in_the_providers_words_and_gives_its_stock_back() {
    let (effects, done) = judged(order(1), || says(402, r#"{"title": "Declined", "detail": "no funds"}"#)).await;
    assert_eq!(
        (done.verdict.as_str(), done.counter.as_str(), done.stock.as_str()),
        ("done", "orders:rejected", "back")
    );
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.payment()), (order::Status::Rejected, None));
    assert_eq!(record.reason().unwrap().as_str(), "the payment was declined: no funds");
}

#[tokio::test]
async fn an_answer_that_a_later_try_may_better_is_retried_and_one_that_stands_is_buried() {
    type Say = fn() -> Ruling;
    let long: Say = || says(200, &format!(r#"{{"id": "{}"}}"#, "x".repeat(70 * 1024)));
    let table: [(Say, &str, &str); 19] = [
        (|| says(500, ""), "retry", "the payment provider answered 500"),
        (|| says(503, r#"{"detail": "busy"}"#), "retry", "the payment provider answered 503: busy"),
        (|| says(302, ""), "retry", "the payment provider answered 302"),
        (|| says(408, ""), "retry", "the payment provider answered 408"),
        (|| says(409, ""), "retry", "the payment provider answered 409"),
        (|| says(429, ""), "retry", "the payment provider answered 429"),
        (|| says(200, "{}"), "retry", "the payment provider's answer has no id"),
        (|| says(200, r#"{"id": "ch\n1"}"#), "bury", "the payment provider's answer has an id that is no string"),
        (|| says(200, r#"{"id": ""}"#), "bury", "the payment provider's answer has an id that is no string"),
        (|| says(200, r#"{"id": {"id": "ch_1"}}"#), "bury", "the payment provider's answer has an id that is no"),
        (long, "bury", "the payment provider's answer has more than 64 KiB"),
        (|| says(401, ""), "release", "the payment provider answered 401; are payment_url and payment_key right?"),
        (|| says(403, r#"{"detail": "no"}"#), "release", "the payment provider answered 403: no; are payment_url"),
        (|| says(405, ""), "release", "the payment provider answered 405; are payment_url and payment_key right?"),
        (|| says(404, ""), "release", "the payment provider answered 404; are payment_url and payment_key right?"),
        (
            || Ruling::Refuse(Refusal::Http(HttpError::ConnectionRefused)),
            "retry",
            "the payment provider can't be reached",
        ),
        (
            || Ruling::Delay(std::time::Duration::from_secs(3600)),
            "retry",
            "the payment provider did not answer within 50 ms",
        ),
        (|| says(400, r#"{"detail": "no such currency"}"#), "bury", "the payment provider answered 400: no such"),
        (|| says(422, "<html>"), "bury", "the payment provider answered 422"),
    ];
    for (say, verdict, reason) in table {
        let (effects, settled) = judged(order(1), say).await;
        assert_eq!(
            (settled.verdict.as_str(), settled.stock.as_str(), settled.clears),
            (verdict, "", false),
            "{reason}"
        );
        assert!(settled.reason.starts_with(reason), "{}", settled.reason);
        if verdict == "bury" {
            assert_eq!(settled.class, "permanent");
        }
        assert!(written(&effects).is_none(), "{reason}: nothing is decided");
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_time_gets_it_whatever_its_status() {
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    for status in [200, 302, 408, 409, 425, 429, 500, 503] {
        for (asked, expected) in [
            ("7200", 7_200_000..=7_200_000),
            ("Wed, 21 Oct 2015 09:28:00 GMT", 7_200_000..=7_200_000),
            (date, 0..=1000),
        ] {
            let (_, settled) = judged(order(1), move || {
                let Ruling::Answer(Answer::Http(mut response)) = says(status, "{}") else { unreachable!() };
                response.headers_mut().insert("retry-after", asked.parse().unwrap());
                response.headers_mut().insert("date", date.parse().unwrap());
                Ruling::Answer(Answer::Http(response))
            })
            .await;
            assert_eq!(settled.verdict, "retry", "{status}");
            assert!(expected.contains(&settled.delay_ms), "{status} {asked}: {} ms", settled.delay_ms);
        }
    }
}

#[tokio::test]
async fn long_words_of_a_provider_are_cut_alike_in_letter_and_event() {
    let words = || {
        let detail = format!("a stack trace\nof <b>many</b> lines\u{1b}[31m{}", "ü".repeat(30_000));
        says(400, &json!({"detail": detail}).to_string())
    };
    let (_, buried) = judged(order(1), words).await;
    let begins = "the payment provider answered 400: a stack trace of <b>many</b> lines [31müüü";
    assert!(buried.reason.starts_with(begins) && buried.reason.ends_with("ü…"), "{}", buried.reason);
    assert!(buried.reason.len() <= queue::limits::REASON_BYTES, "{} bytes", buried.reason.len());
    let event: Value = serde_json::from_slice(&buried.emits[0].payload).unwrap();
    assert_eq!(event["data"]["reason"], buried.reason);
}

#[tokio::test]
async fn a_charge_that_may_not_be_sent_spends_no_attempt_and_names_the_variable() {
    let refusals: [fn() -> HttpError; 2] = [|| HttpError::HttpRequestDenied, || HttpError::DestinationIpProhibited];
    for refused in refusals {
        let last = Message { delivery: 5, failures: 4, ..order(1) };
        let (_, given_back) = judged(last, move || fails(refused())).await;
        assert_eq!(given_back.verdict, "release", "{}", given_back.reason);
    }
    let (_, given_back) = judged(order(1), || fails(HttpError::HttpRequestDenied)).await;
    assert_eq!(given_back.reason, "the application may not send there; set the variable payment_origin to allow it");
}

#[tokio::test]
async fn who_was_not_reached_or_says_that_the_set_up_is_wrong_does_not_count_as_asked() {
    let cases: [(fn() -> Ruling, bool); 11] = [
        (|| fails(HttpError::HttpRequestDenied), true),
        (|| fails(HttpError::ConnectionRefused), true),
        (|| fails(HttpError::DnsTimeout), true),
        (|| says(401, ""), true),
        (|| says(404, ""), true),
        (|| says(405, ""), true),
        (|| fails(HttpError::ConnectionTerminated), false),
        (|| fails(HttpError::HttpResponseTimeout), false),
        (|| says(500, ""), false),
        (|| says(409, ""), false),
        (|| says(200, "{}"), false),
    ];
    for (n, (say, undone)) in cases.into_iter().enumerate() {
        for first in [true, false] {
            let alone = charging([order(1)]).when(move |effect| match (effect, effect.verb()) {
                (Effect::Http(_), _) => Some(say()),
                (_, Some(Verb::Hold(_))) => {
                    Some(replies(vec![binary("held"), RedisResult::Int64(first.into()), RedisResult::Int64(0)]))
                }
                _ => None,
            });
            let (effects, _) = woken(alone).await;
            let words = words(&effects);
            assert_eq!(words.contains(&"unask".to_owned()), undone && first, "{n}: {words:?}");
        }
    }
}

#[tokio::test]
async fn an_order_that_was_recalled_lets_its_cancellation_go_first() {
    let alone = charging([order(1)]).when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => Some(replies(vec![binary("recalled")])),
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(requests(&effects).is_empty());
    assert!(written(&effects).is_none());
    let [settled] = settled(&effects, "placed").try_into().unwrap();
    assert_eq!((settled.verdict.as_str(), settled.counter.as_str()), ("release", ""));
}

/// What asks for a change of the first order, whose present record is this.
pub(super) fn asking(request: ChangeRequest, head: &str) -> Message {
    let change = order::Change { id: id(1), request, trace: None };
    Message {
        id: CommandId { order: id(1), change: Some(change.kind()) }.to_bytes().into(),
        subject: id(1).as_bytes().into(),
        payload: change.encode().into(),
        head: Some(head).filter(|head| !head.is_empty()).map(queue::Head::from),
        ..order(1)
    }
}

pub(super) fn cancel(head: &str) -> Message {
    asking(ChangeRequest::Cancel { reason: "ordered twice".parse().ok(), settled: None }, head)
}

pub(super) fn confirmed(payment: Payment) -> Record {
    order::decide(placed(1), &Finding::Good(payment), Timestamp::from_ms(ACCEPTED_AT + 1))
}

pub(super) fn charged() -> Payment {
    Payment::Asked {
        charge: "ch_1".parse().ok(),
        provider: "pay.test".parse().ok(),
        capture: Capture::Charged,
        back: None,
    }
}

/// What becomes of a change of the first order where the store holds this record of it and the provider does so.
pub(super) async fn changed(message: Message, record: Record, say: fn() -> Ruling) -> (Vec<Effect>, Settled) {
    let alone = charging([message]).when(move |effect| match effect {
        Effect::Http(_) => Some(say()),
        Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_json())))),
        _ => None,
    });
    woken(alone).await
}

/// What one wake of the processor does, and what becomes of its only delivery.
pub(super) async fn woken(double: Double) -> (Vec<Effect>, Settled) {
    let alone = double.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [settled] = settled(&effects, "placed").try_into().unwrap();
    (effects, settled)
}

fn refunded(charge: &str) -> Payment {
    let back = Some(GivenBack::Refund("re_1".parse().unwrap()));
    Payment::Asked { charge: charge.parse().ok(), provider: "pay.test".parse().ok(), capture: Capture::Charged, back }
}

pub(super) fn refunds() -> Ruling {
    says(200, r#"{"id": "re_1"}"#)
}

#[tokio::test]
async fn a_paid_order_is_refunded_and_then_cancelled_and_gives_its_stock_back() {
    let (effects, done) = changed(cancel("1.4"), confirmed(charged()), refunds).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_request(request, "https://pay.test/v1/refunds", &format!("{}/refund", id(1)));
    assert_eq!(
        json_of(request),
        json!({"order_id": id(1).to_string(), "amount": 2100, "currency": "EUR", "charge_id": "ch_1"})
    );
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.version().get()), (order::Status::Cancelled, 2));
    assert_eq!(record.reason().unwrap().as_str(), "ordered twice");
    assert_eq!(record.payment(), Some(&refunded("ch_1")));
    assert_eq!((done.verdict.as_str(), done.head.as_str(), done.stock.as_str()), ("done", "2.cancel.1", "back"));
    assert_eq!(done.emits[0].id, format!("{}.2", id(1)).into_bytes());
    assert_eq!(
        done.emits[1].payload,
        format!("order/{}/1.4", id(1)).into_bytes(),
        "the record before is removed later"
    );
    assert!(words(&effects).contains(&format!("set order/{}/2.cancel.1", id(1))));
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_without_a_refund() {
    let (effects, done) = changed(cancel("1.1"), confirmed(Payment::None), refunds).await;
    assert!(requests(&effects).is_empty());
    assert_eq!((done.head.as_str(), done.counter.as_str()), ("2.cancel.1", "orders:cancelled"));
    assert_eq!(written(&effects).unwrap().payment(), Some(&Payment::None));
}

#[tokio::test]
async fn an_order_whose_refund_fails_stays_as_it_is() {
    for (say, verdict) in [
        ((|| says(500, "")) as fn() -> Ruling, "retry"),
        (|| says(404, r#"{"detail": "no such charge"}"#), "bury"),
        (|| says(402, r#"{"detail": "too late"}"#), "bury"),
    ] {
        let (effects, settled) = changed(cancel("1.1"), confirmed(charged()), say).await;
        assert_eq!((settled.verdict.as_str(), settled.head.as_str(), settled.stock.as_str()), (verdict, "", ""));
        assert!(written(&effects).is_none());
        if verdict == "bury" {
            let event: Value = serde_json::from_slice(&settled.emits[0].payload).unwrap();
            assert_eq!(event["type"], "sluice.order.needs_attention");
            assert_eq!(event["id"], format!("{}.attention.cancel.1", id(1)));
        }
    }
}

#[tokio::test]
async fn a_fulfilled_orders_stock_is_gone_and_its_parcel_is_told() {
    let fulfil = asking(ChangeRequest::Fulfil { tracking: "JD0146".parse().ok(), settled: None }, "1.1");
    let (effects, done) = changed(fulfil, confirmed(charged()), refunds).await;
    assert!(requests(&effects).is_empty());
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.tracking().unwrap().as_str()), (order::Status::Fulfilled, "JD0146"));
    assert_eq!((done.head.as_str(), done.stock.as_str()), ("2.fulfil.1", "out"));
}

#[tokio::test]
async fn a_change_that_the_order_has_no_place_for_any_more_changes_nothing() {
    let mut fulfilled = confirmed(charged());
    fulfilled.fulfil(None, Timestamp::from_ms(ACCEPTED_AT + 2)).unwrap();
    let (effects, done) = changed(cancel("2.fulfil.1"), fulfilled, refunds).await;
    assert!(requests(&effects).is_empty() && written(&effects).is_none());
    assert_eq!((done.verdict.as_str(), done.head.as_str(), done.emits.len()), ("done", "", 0));
    assert_eq!((done.counter.as_str(), done.stock.as_str(), done.clears), ("orders:unchanged", "", false));
}

fn is_hold(verb: &Verb) -> bool {
    matches!(verb, Verb::Hold(_))
}

/// What becomes of the cancellation of an undecided order that was handed out so often, where it was asked for its
/// money so long ago, and the provider does so.
async fn cancelled_undecided(
    deliveries: i64,
    asked: Option<(&str, i64)>,
    say: fn() -> Ruling,
) -> (Vec<Effect>, Settled) {
    let now = ACCEPTED_AT as i64 + 1_000_000;
    let asked = asked.map_or(String::new(), |(whom, ago)| format!("{} {whom}", now - ago));
    let payload = placed(1).encode();
    let alone = charging([cancel("")]).when(move |effect| match (effect, effect.verb()) {
        (Effect::Http(_), _) => Some(say()),
        (_, Some(Verb::Find { .. })) => {
            let row = [binary("queued"), binary(&payload), binary(""), RedisResult::Int64(deliveries)];
            Some(replies([RedisResult::Int64(now), binary(""), binary(&asked)].into_iter().chain(row).collect()))
        }
        _ => None,
    });
    woken(alone).await
}

#[tokio::test]
async fn an_order_that_was_never_handed_out_is_cancelled_for_its_reason_and_nobody_is_asked() {
    let (effects, done) = cancelled_undecided(0, None, refunds).await;
    assert!(requests(&effects).is_empty());
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.reason().unwrap().as_str()), (order::Status::Cancelled, "ordered twice"));
    assert_eq!((done.counter.as_str(), done.stock.as_str(), done.clears), ("orders:cancelled", "back", true));
}

#[tokio::test]
async fn an_order_whose_charge_may_have_been_tried_is_refunded_by_its_id_alone() {
    let (effects, done) = cancelled_undecided(1, Some(("pay.test", 500)), refunds).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_request(request, "https://pay.test/v1/refunds", &format!("{}/refund", id(1)));
    assert_eq!(json_of(request).get("charge_id"), None);
    assert_eq!(written(&effects).unwrap().payment(), Some(&refunded("")));
    assert_eq!(done.verdict, "done");
}

#[tokio::test]
async fn an_order_that_only_waited_for_leave_is_cancelled_and_nobody_is_asked() {
    let (effects, done) = cancelled_undecided(3, Some(("", 500)), refunds).await;
    assert!(requests(&effects).is_empty());
    assert_eq!((done.counter.as_str(), written(&effects).unwrap().payment()), ("orders:cancelled", None));
}

#[tokio::test]
async fn a_provider_that_knows_of_no_charge_is_asked_again_until_none_can_come_any_more() {
    let unknown: fn() -> Ruling = || says(404, "");
    // lease_ms and payment_late_s are 30 and 60 s.
    let (effects, waits) = cancelled_undecided(2, Some(("pay.test", 10_000)), unknown).await;
    assert!(written(&effects).is_none());
    assert_eq!(waits.verdict, "release", "it spends nothing");
    assert!((80_000..81_000).contains(&waits.delay_ms), "{} ms", waits.delay_ms);
    for (ago, say) in [(90_000, unknown), (0, || says(410, ""))] {
        let (effects, done) = cancelled_undecided(2, Some(("pay.test", ago)), say).await;
        let record = written(&effects).unwrap();
        assert_eq!(
            (done.verdict.as_str(), record.status(), record.payment()),
            ("done", order::Status::Cancelled, None)
        );
    }
}

#[tokio::test]
async fn only_who_charged_is_asked_for_a_refund() {
    let (effects, buried) = cancelled_undecided(2, Some(("other.test", 500)), refunds).await;
    assert!(requests(&effects).is_empty());
    assert_eq!((buried.verdict.as_str(), buried.class.as_str()), ("bury", "permanent"));
    assert!(buried.reason.starts_with("other.test was asked for this payment"), "{}", buried.reason);

    let provider = "other.test:8443".parse().ok();
    let theirs = Payment::Asked { charge: "ch_1".parse().ok(), provider, capture: Capture::Charged, back: None };
    let (effects, buried) = changed(cancel("1.1"), confirmed(theirs), refunds).await;
    assert!(requests(&effects).is_empty());
    assert!(buried.reason.starts_with("other.test:8443 was asked for this payment"), "{}", buried.reason);

    // Release 0.1 noted no provider.
    let unnamed = Payment::Asked { charge: "ch_1".parse().ok(), provider: None, capture: Capture::Charged, back: None };
    let (_, done) = changed(cancel("1.1"), confirmed(unnamed), refunds).await;
    assert_eq!(done.verdict, "done");
}

#[tokio::test]
async fn an_order_that_another_provider_may_have_charged_is_not_charged_again() {
    for whom in ["other.test", ""] {
        let alone = charging([order(1)]).with("payment_url", if whom.is_empty() { "" } else { URL });
        let alone = alone.when(|effect| match effect.verb() {
            Some(Verb::Hold(_)) => Some(replies(vec![binary("asked"), binary("other.test")])),
            _ => None,
        });
        let alone = alone.around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        assert!(requests(&effects).is_empty() && written(&effects).is_none());
        let [settled] = settled(&effects, "placed").try_into().unwrap();
        assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("bury", "permanent"));
    }
}

#[tokio::test]
async fn a_worker_that_stood_still_after_its_hold_charges_nothing() {
    let alone = charging([order(1)]).with("lease_ms", "50").when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => {
            // All stands still with it.
            std::thread::sleep(std::time::Duration::from_millis(100));
            None
        }
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(requests(&effects).is_empty());
    assert_eq!(settled(&effects, "placed")[0].verdict, "release");
}

#[tokio::test]
async fn an_order_that_is_short_after_a_delivery_of_release_0_1_is_rejected_only_when_its_refund_is_answered() {
    for (status, verdict) in [(503, "retry"), (404, "done"), (200, "done")] {
        let again = Message { delivery: 2, ..order(1) };
        let alone = charging([again]).when(move |effect| match (effect, effect.verb()) {
            (Effect::Http(_), _) => Some(says(status, r#"{"id": "re_1"}"#)),
            (_, Some(Verb::Hold(_))) => Some(short("TEA-1", 2, 0)),
            _ => None,
        });
        let alone = alone.around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        let [request] = requests(&effects)[..] else { panic!("{status}") };
        assert_request(request, "https://pay.test/v1/refunds", &format!("{}/refund", id(1)));
        assert_eq!(settled(&effects, "placed")[0].verdict, verdict, "{status}");
    }
}

#[tokio::test]
async fn a_number_is_an_id_too() {
    let (effects, _) = judged(order(1), || says(201, r#"{"id": 1234567890, "status": "paid"}"#)).await;
    let record = written(&effects).unwrap();
    let Some(Payment::Asked { charge: Some(charge), .. }) = record.payment() else { panic!("{record:?}") };
    assert_eq!(charge.as_str(), "1234567890");
}

#[tokio::test]
async fn the_processor_names_a_payment_variable_that_is_wrong_and_shows_no_key() {
    for (variable, value, fault) in [
        ("payment_url", "pay.test", "must begin with https://"),
        ("payment_url", "ftp://pay.test", "must begin with https://"),
        ("payment_url", "https://pay.test/?a=b", "must have no query"),
        ("payment_url", "https://user:secret@pay.test/", "must have no user, no password and no @"),
        ("payment_url", "https://user:s/ecret@pay.test/", "must have no user, no password and no @"),
        ("payment_key", "a secret\n", "must be visible ASCII"),
        ("payment_timeout_ms", "9", "is \"9\", but must be a whole number from 10 to 60000"),
    ] {
        let alone = charging([order(1)]).with(variable, value).around("processor").await;
        let error = alone.wake().await.unwrap_err();
        let begins = format!("the variable {variable} of component processor ");
        assert!(error.starts_with(&begins) && error.contains(fault), "{error}");
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(words(&alone.take_effects()), [""; 0], "nothing was claimed");
    }
}
