//! What becomes of orders.

use crate::sample::{after, full, id, noon, parse, pending, placed, record, unpaid};
use order::payment::{Capture, GivenBack, read_word};
use order::{
    Finding, NextAction, Payment, PaymentId, ReasonCode, Record, RecordName, Shortage, Status, Timestamp,
    cancel_undecided, decide,
};
use serde_json::{Value, json};

fn later() -> Timestamp {
    Timestamp::from_ms(noon().ms() + 5_000)
}

fn refunded(charge: Option<&str>) -> Payment {
    let back = Some(GivenBack::Refund(payment_id("re_1")));
    Payment::Asked {
        charge: charge.map(payment_id),
        provider: "pay.test".parse().ok(),
        capture: Capture::Charged,
        back,
    }
}

fn charged(capture: Capture) -> Payment {
    Payment::Asked { charge: Some(payment_id("ch_1")), provider: "pay.test".parse().ok(), capture, back: None }
}

fn payment_id(id: &str) -> PaymentId {
    id.parse().unwrap()
}

#[test]
fn an_order_that_arrives_whole_is_confirmed() {
    let record = decide(placed(), &unpaid(), Timestamp::from_ms(noon().ms() + 1));
    assert_eq!(record.id(), id());
    assert_eq!(record.status(), Status::Confirmed);
    assert_eq!(record.version().get(), 1);
    assert_eq!(record.reason(), None);
    assert_eq!(record.payment(), Some(&Payment::None));
    assert_eq!(record.created_at(), noon());
    assert_eq!(record.updated_at().ms(), noon().ms() + 1);
    assert_eq!(*record.order(), parse(&full()));
}

#[test]
fn the_same_order_is_decided_alike_however_often_it_is_delivered() {
    let now = Timestamp::from_ms(noon().ms() + 1);
    assert_eq!(decide(placed(), &unpaid(), now), decide(placed(), &unpaid(), now));
}

#[test]
fn no_order_changes_before_it_exists() {
    let record = decide(placed(), &unpaid(), Timestamp::from_ms(noon().ms() - 5_000));
    assert_eq!(record.updated_at(), record.created_at());
}

#[test]
fn no_order_changes_before_its_last_change() {
    let fulfilled = after(record(), |record| record.fulfil(None, noon()).unwrap());
    assert_eq!(fulfilled.updated_at(), record().updated_at(), "another host's clock is behind");
}

#[test]
fn a_record_is_kept_under_its_version_and_delivery() {
    let name = RecordName::of(&record(), None, 12);
    assert_eq!(name.to_string(), "1.12");
    assert_eq!(name.key(id()), format!("order/{}/1.12", id()));
    assert_eq!(RecordName::parse(b"1.12"), Some(name));
}

#[test]
fn an_order_that_the_stock_cannot_fill_is_rejected_with_what_was_short() {
    let shortage = |sku: &str| Shortage { sku: sku.to_owned(), wanted: 2, left: 1 };
    let rejected = |shortages| decide(placed(), &Finding::OutOfStock(shortages), noon());
    let record = rejected(vec![shortage("TEA-1"), shortage("CUP-2")]);
    assert_eq!(record.status(), Status::Rejected);
    assert_eq!(record.payment(), None);
    let reason = "not enough in stock: TEA-1 (2 wanted, 1 left), CUP-2 (2 wanted, 1 left)";
    assert_eq!(record.reason().unwrap().as_str(), reason);
    let read = Record::from_json(&record.to_json()).unwrap();
    assert_eq!(read.reason_code(), Some(ReasonCode::OutOfStock));
    assert_eq!(read.shortages(), [shortage("TEA-1"), shortage("CUP-2")], "for a program that reads no words");
    let record = rejected(vec![shortage(&"\u{1f375}".repeat(64)); 100]);
    assert_eq!(Record::from_json(&record.to_json()), Ok(record.clone()));
    assert!(record.reason().unwrap().as_str().ends_with(", and more"));
}

#[test]
fn an_order_whose_payment_is_declined_is_rejected_in_the_providers_words() {
    let reason = |words: Option<&str>| {
        let record = decide(placed(), &Finding::Declined(words.map(str::to_owned)), noon());
        assert_eq!((record.status(), record.payment()), (Status::Rejected, None));
        assert_eq!(record.reason_code(), Some(ReasonCode::PaymentDeclined));
        record.reason().unwrap().to_string()
    };
    assert_eq!(reason(None), "the payment was declined");
    assert_eq!(reason(Some(" ")), "the payment was declined");
    assert_eq!(reason(Some("the card\nhas expired")), "the payment was declined: the card has expired");
    assert!(reason(Some(&"\u{1f4b3}".repeat(10_000))).chars().count() < order::limits::REASON);
}

#[test]
fn an_order_whose_payment_is_pending_says_where_the_customer_goes_until_it_is_over() {
    let url = "https://pay.test/3ds?order=1&x=%20#a";
    let record = decide(placed(), &pending(Some(url)), noon());
    assert_eq!((record.status(), record.version().get()), (Status::PaymentPending, 1));
    assert_eq!(record.next_action().unwrap().as_str(), url);
    assert_eq!(Record::from_json(&record.to_json()), Ok(record.clone()));
    let name = RecordName::of(&record, None, 12);
    assert_eq!((name.to_string(), name.key(id())), ("1.pending.12".to_owned(), format!("order/{}/1.12", id())));
    assert_eq!(RecordName::parse(b"1.pending.12"), Some(name));

    let charged = charged(Capture::Charged);
    let confirmed = after(record.clone(), |record| record.decide(&Finding::Good(charged.clone()), later()));
    assert_eq!((confirmed.status(), confirmed.payment()), (Status::Confirmed, Some(&charged)));
    let expired = after(record.clone(), |record| record.decide(&Finding::Expired, later()));
    assert_eq!((expired.status(), expired.payment()), (Status::Rejected, None));
    assert_eq!(expired.reason().unwrap().as_str(), "the payment was not completed in time");
    assert_eq!(expired.reason_code(), Some(ReasonCode::PaymentExpired));
    let cancelled = after(record, |record| record.cancel(None, None, later()).unwrap());
    assert_eq!((cancelled.status(), cancelled.payment()), (Status::Cancelled, None), "nothing was taken");
    for over in [confirmed, expired, cancelled] {
        assert_eq!((over.version().get(), over.next_action()), (2, None), "{over:?}");
    }
}

#[test]
fn a_customer_is_sent_to_web_pages_only() {
    for good in ["https://pay.test", "http://127.0.0.1:8100/a?b=c&d[]=%C3%A9#e", "https://pay.test/a'b(c)"] {
        assert_eq!(good.parse::<NextAction>().unwrap().as_str(), good);
    }
    let long = |length: usize| ["https://pay.test/", &"a".repeat(length - 17)].concat();
    assert!(long(order::limits::NEXT_ACTION).parse::<NextAction>().is_ok());
    for bad in [
        "",
        "https://",
        "https:///path",
        "https://?a",
        "javascript:alert(1)",
        "data:text/html,x",
        "HTTPS://pay.test",
        "//pay.test",
        " https://pay.test",
        "https://pay.test/a b",
        "https://pay.test/\n",
        "https://pay.test/é",
        "https://pay.test/\"><script>",
        "https://pay.test/\\",
        &long(order::limits::NEXT_ACTION + 1),
    ] {
        assert!(bad.parse::<NextAction>().is_err(), "{bad}");
    }
}

#[test]
fn a_word_of_the_provider_tells_its_order_and_nothing_else_is_read() {
    for (word, order) in [
        (r#"{"order_id": "a"}"#, Some("a")),
        (r#"{"type": "charge.succeeded", "data": [], "order_id": "a"}"#, Some("a")),
        (r#"{"order_id": 7}"#, None),
        (r#"{"data": {"order_id": "a"}}"#, None),
        (r#"["order_id"]"#, None),
        ("order_id", None),
    ] {
        assert_eq!(read_word(word.as_bytes()).as_deref(), order, "{word}");
    }
}

#[test]
fn a_paid_order_keeps_the_id_of_its_charge_and_then_of_its_refund() {
    let charged = charged(Capture::Charged);
    let record = decide(placed(), &Finding::Good(charged.clone()), noon());
    assert_eq!(record.payment(), Some(&charged));
    let refunded = refunded(Some("ch_1"));
    let (reason, back) = ("ordered twice".parse().ok(), Some(GivenBack::Refund(payment_id("re_1"))));
    let cancelled = after(record, |record| record.cancel(reason.clone(), back, later()).unwrap());
    assert_eq!((cancelled.status(), cancelled.version().get()), (Status::Cancelled, 2));
    assert_eq!((cancelled.payment(), cancelled.reason()), (Some(&refunded), reason.as_ref()));
    assert_eq!(cancelled.reason_code(), Some(ReasonCode::Requested));
    assert_eq!(cancelled.updated_at(), later());
    assert_eq!(Record::from_json(&cancelled.to_json()), Ok(cancelled));
}

#[test]
fn a_fulfilled_order_keeps_its_payment_and_tells_where_its_parcel_is() {
    let tracking = "JD014600003SE".parse().ok();
    let fulfilled = after(record(), |record| record.fulfil(tracking.clone(), later()).unwrap());
    assert_eq!((fulfilled.status(), fulfilled.version().get()), (Status::Fulfilled, 2));
    assert_eq!((fulfilled.tracking(), fulfilled.payment()), (tracking.as_ref(), Some(&Payment::None)));
    assert_eq!(Record::from_json(&fulfilled.to_json()), Ok(fulfilled));
}

#[test]
fn what_is_authorized_is_captured_or_voided_and_the_record_says_which() {
    let authorized = decide(placed(), &Finding::Good(charged(Capture::Due)), noon());
    let captured = after(authorized.clone(), |record| record.capture(payment_id("cap_1")));
    let ended = |back| after(authorized.clone(), |record| record.cancel(None, Some(back), later()).unwrap());
    let voided = ended(GivenBack::Void);
    let refunded = after(captured.clone(), |record| {
        record.cancel(None, Some(GivenBack::Refund(payment_id("re_1"))), later()).unwrap();
    });
    for (record, is_due, payment) in [
        (authorized.clone(), true, json!({"charge_id": "ch_1", "authorized": true})),
        (captured, false, json!({"charge_id": "ch_1", "capture_id": "cap_1"})),
        (voided, false, json!({"charge_id": "ch_1", "voided": true})),
        (refunded, false, json!({"charge_id": "ch_1", "capture_id": "cap_1", "refund_id": "re_1"})),
        (ended(GivenBack::Refund(payment_id("re_1"))), false, json!({"charge_id": "ch_1", "refund_id": "re_1"})),
    ] {
        let mut expected = payment;
        expected["provider"] = "pay.test".into();
        let stored: Value = serde_json::from_slice(&record.to_json()).unwrap();
        assert_eq!((&stored["payment"], record.payment().unwrap().is_due()), (&expected, is_due));
        assert_eq!(Record::from_json(&record.to_json()), Ok(record));
    }
}

#[test]
fn an_order_that_was_never_decided_can_be_cancelled_and_refunded() {
    let recalled = decide(placed(), &Finding::Recalled, noon());
    assert_eq!((recalled.status(), recalled.version().get(), recalled.payment()), (Status::Cancelled, 1, None));
    let refunded = refunded(None);
    let cancelled = cancel_undecided(placed(), None, Some(refunded.clone()), noon());
    assert_eq!((cancelled.status(), cancelled.payment()), (Status::Cancelled, Some(&refunded)));
    assert_eq!(Record::from_json(&cancelled.to_json()), Ok(cancelled));
}
