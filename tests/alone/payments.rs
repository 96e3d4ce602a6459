//! The processor by itself: what it asks of the payment provider, and what it makes of the answer.

use host::calls::{Answer, HttpError, RedisResult, Refusal, Ruling};
use http::StatusCode;
use order::{ChangeRequest, CommandId, Finding, Payment, Record, Timestamp};
use queue::Message;
use serde_json::{Value, json};

use super::double::{binary, replies};
use super::processor::holding;
use super::sample::{ACCEPTED_AT, id, order, placed};
use super::*;
use crate::harness::an_order;

const URL: &str = "https://pay.test/v1/";
const KEY: &str = "sk_live_51H";

/// Charges orders somewhere.
fn charging(messages: impl IntoIterator<Item = Message>) -> Double {
    holding(messages).with("payment_url", URL).with("payment_key", KEY).with("payment_timeout_ms", "50")
}

fn says(status: u16, body: &str) -> Ruling {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ruling::Answer(Answer::Http(response))
}

/// What becomes of a message where the provider does so.
async fn judged(message: Message, say: impl Fn() -> Ruling + Send + Sync + 'static) -> (Vec<Effect>, Settled) {
    let alone = charging([message]).when(move |effect| matches!(effect, Effect::Http(_)).then(&say));
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [settled] = settled(&effects, "placed").try_into().unwrap();
    (effects, settled)
}

fn requests(effects: &[Effect]) -> Vec<&Request<Bytes>> {
    let requests = effects.iter().filter_map(|effect| match effect {
        Effect::Http(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

fn written(effects: &[Effect]) -> Option<Record> {
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
fn assert_request(request: &Request<Bytes>, url: &str) {
    assert_eq!((request.method().as_str(), request.uri().to_string()), ("POST", url.to_owned()));
    let headers = request.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-length"], request.body().len().to_string());
    assert_eq!(headers["idempotency-key"], id(1).to_string());
    assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn an_order_is_charged_after_its_stock_is_held_and_before_its_record_is_written() {
    let (effects, done) = judged(order(1), || says(201, r#"{"id": "ch_1", "paid": true}"#)).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_request(request, "https://pay.test/v1/charges");
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
    let charge = "ch_1".parse().unwrap();
    assert_eq!(written(&effects).unwrap().payment(), Some(&Payment::Charged { charge }));
}

#[tokio::test]
async fn an_order_that_the_stock_is_short_of_is_not_charged() {
    let alone = charging([order(1)]).when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => {
            Some(replies(vec![binary("short"), binary("TEA-1"), RedisResult::Int64(2), RedisResult::Int64(0)]))
        }
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
    let table: [(Say, &str, &str); 12] = [
        (|| says(500, ""), "retry", "the payment provider answered 500"),
        (|| says(503, r#"{"detail": "busy"}"#), "retry", "the payment provider answered 503: busy"),
        (|| says(302, ""), "retry", "the payment provider answered 302"),
        (|| says(408, ""), "retry", "the payment provider answered 408"),
        (|| says(409, ""), "retry", "the payment provider answered 409"),
        (|| says(429, ""), "retry", "the payment provider answered 429"),
        (|| says(200, "{}"), "retry", "the payment provider's answer has no id"),
        (|| says(200, r#"{"id": "ch\n1"}"#), "retry", "the payment provider's answer has no id"),
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
        let refuse = move || Ruling::Refuse(Refusal::Http(refused()));
        let last = Message { delivery: 5, failures: 4, ..order(1) };
        let (_, given_back) = judged(last, refuse).await;
        assert_eq!(given_back.verdict, "release", "{}", given_back.reason);
    }
    let (_, given_back) = judged(order(1), || Ruling::Refuse(Refusal::Http(HttpError::HttpRequestDenied))).await;
    assert_eq!(given_back.reason, "the application may not send there; set the variable payment_origin to allow it");
}

#[tokio::test]
async fn an_order_that_was_recalled_is_neither_charged_nor_held() {
    let alone = charging([order(1)]).when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => Some(replies(vec![binary("recalled")])),
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(requests(&effects).is_empty());
    assert_eq!(written(&effects).unwrap().status(), order::Status::Cancelled);
    assert_eq!(settled(&effects, "placed")[0].counter, "orders:cancelled");
}

/// What asks for a change of the first order, whose present record is this.
fn asking(request: ChangeRequest, head: &str) -> Message {
    let change = order::Change { id: id(1), request, trace: None };
    Message {
        id: CommandId { order: id(1), change: Some(change.kind()) }.to_bytes().into(),
        subject: id(1).as_bytes().into(),
        payload: change.encode().into(),
        head: Some(head).filter(|head| !head.is_empty()).map(queue::Head::from),
        ..order(1)
    }
}

fn cancel(head: &str) -> Message {
    asking(ChangeRequest::Cancel { reason: "ordered twice".parse().ok() }, head)
}

fn confirmed(payment: Payment) -> Record {
    order::decide(placed(1), &Finding::Good(payment), Timestamp::from_ms(ACCEPTED_AT + 1))
}

fn charged() -> Payment {
    Payment::Charged { charge: "ch_1".parse().unwrap() }
}

/// What becomes of a change of the first order where the store holds this record of it and the provider does so.
async fn changed(message: Message, record: Record, say: fn() -> Ruling) -> (Vec<Effect>, Settled) {
    let alone = charging([message]).when(move |effect| match effect {
        Effect::Http(_) => Some(say()),
        Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_json())))),
        _ => None,
    });
    let alone = alone.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [settled] = settled(&effects, "placed").try_into().unwrap();
    (effects, settled)
}

fn refunds() -> Ruling {
    says(200, r#"{"id": "re_1"}"#)
}

#[tokio::test]
async fn a_paid_order_is_refunded_and_then_cancelled_and_gives_its_stock_back() {
    let (effects, done) = changed(cancel("1.4"), confirmed(charged()), refunds).await;
    let [request] = requests(&effects)[..] else { panic!() };
    assert_request(request, "https://pay.test/v1/refunds");
    assert_eq!(
        json_of(request),
        json!({"order_id": id(1).to_string(), "amount": 2100, "currency": "EUR", "charge_id": "ch_1"})
    );
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.version().get()), (order::Status::Cancelled, 2));
    assert_eq!(record.reason().unwrap().as_str(), "ordered twice");
    assert_eq!(
        record.payment(),
        Some(&Payment::Refunded { charge: "ch_1".parse().ok(), refund: "re_1".parse().unwrap() })
    );
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
    let fulfil = asking(ChangeRequest::Fulfil { tracking: "JD0146".parse().ok() }, "1.1");
    let (effects, done) = changed(fulfil, confirmed(charged()), refunds).await;
    assert!(requests(&effects).is_empty());
    let record = written(&effects).unwrap();
    assert_eq!((record.status(), record.tracking().unwrap().as_str()), (order::Status::Fulfilled, "JD0146"));
    assert_eq!((done.head.as_str(), done.stock.as_str()), ("2.fulfil.1", "out"));
}

#[tokio::test]
async fn a_change_that_the_order_has_no_place_for_any_more_changes_nothing() {
    let fulfilled = confirmed(charged()).fulfil(None, Timestamp::from_ms(ACCEPTED_AT + 2)).unwrap();
    let (effects, done) = changed(cancel("2.fulfil.1"), fulfilled, refunds).await;
    assert!(requests(&effects).is_empty() && written(&effects).is_none());
    assert_eq!((done.verdict.as_str(), done.head.as_str(), done.emits.len()), ("done", "", 0));
    assert_eq!((done.counter.as_str(), done.stock.as_str(), done.clears), ("orders:unchanged", "", false));
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
