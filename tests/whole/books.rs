//! The comparison of ledger and records itself: it is silent where they agree, and names each difference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Books, Ledger};

type Records = BTreeMap<String, Value>;

fn money(amount: u64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn record(status: &str, total: u64, payment: &Value) -> Value {
    json!({"status": status, "total": total, "currency": "EUR", "payment": payment})
}

/// One order of each kind.
fn in_agreement() -> (Ledger, Records) {
    let ledger = Ledger {
        charges: [("sold", 900), ("returned", 500), ("late", 70)].map(|(id, sum)| (id.to_owned(), money(sum))).into(),
        refunds: [("returned", 500), ("late", 70)].map(|(id, sum)| (id.to_owned(), money(sum))).into(),
        pending: [("sold".to_owned(), money(900)), ("closed".to_owned(), money(40))].into(),
        declined: [("declined".to_owned(), "no".to_owned())].into(),
        closed: ["closed".to_owned()].into(),
        ..Ledger::default()
    };
    let records = [
        ("sold", record("confirmed", 900, &json!({"charge_id": "ch_sold"}))),
        ("returned", record("cancelled", 500, &json!({"charge_id": "ch_returned", "refund_id": "re_returned"}))),
        ("late", record("cancelled", 70, &json!({"refund_id": "re_late"}))),
        ("declined", record("rejected", 30, &Value::Null)),
        ("closed", record("cancelled", 40, &Value::Null)),
    ];
    (ledger, records.map(|(id, record)| (id.to_owned(), record)).into())
}

/// What is wrong after this change, of which there must be something.
fn faults(change: impl FnOnce(&mut Ledger, &mut Records)) -> Vec<String> {
    let (mut ledger, mut records) = in_agreement();
    change(&mut ledger, &mut records);
    Books::compare(&ledger, &records).faults
}

#[test]
fn books_that_agree_have_a_line_for_each_side_and_no_fault() {
    let (ledger, records) = in_agreement();
    let books = Books::compare(&ledger, &records);
    assert_eq!(books.faults, [""; 0]);
    let lines: Vec<String> = books.lines().into_iter().map(|(whose, sum)| format!("{whose}: {sum}")).collect();
    let expected = [
        "the provider took: 3 orders, 1470 EUR",
        "the provider gave back: 2 orders, 570 EUR",
        "the provider has still open: 0 orders",
        "records: confirmed: 1 orders, 900 EUR",
        "records: rejected: 1 orders, 30 EUR",
        "records: cancelled: 3 orders, 610 EUR",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_cent_is_missed_in_its_order_and_in_the_sum_of_its_currency() {
    let expected = [
        "order sold is confirmed, so 900 are due, and the provider keeps 901",
        "the provider keeps 1 EUR more than was sold for",
    ];
    assert_eq!(faults(|ledger, _| _ = ledger.charges.insert("sold".to_owned(), money(901))), expected);
}

#[test]
fn what_was_taken_of_an_order_that_is_not_sold_is_missed() {
    let found = faults(|ledger, _| _ = ledger.charges.insert("declined".to_owned(), money(30)));
    assert_eq!(found[0], "order declined is rejected, so 0 are due, and the provider keeps 30");
    let found = faults(|ledger, _| _ = ledger.refunds.remove("returned"));
    assert_eq!(found[0], "order returned is cancelled, so 0 are due, and the provider keeps 500");
}

#[test]
fn what_was_never_taken_of_an_order_that_is_sold_is_missed() {
    let found = faults(|ledger, _| _ = ledger.charges.remove("sold"));
    assert_eq!(found[0], "the payment of order sold is still open at the provider");
    assert_eq!(found[1], "order sold is confirmed, so 900 are due, and the provider keeps 0");
}

#[test]
fn another_currency_of_the_same_amount_is_missed() {
    let dollars = json!({"amount": 900, "currency": "USD"});
    let expected = [
        r#"order sold is in "EUR", and was paid in "USD""#,
        "the provider keeps -900 EUR more than was sold for",
        "the provider keeps 900 USD more than was sold for",
    ];
    assert_eq!(faults(|ledger, _| _ = ledger.charges.insert("sold".to_owned(), dollars)), expected);
}

#[test]
fn a_record_that_names_another_payment_than_there_is_is_missed() {
    for (order, field) in [("sold", "charge_id"), ("returned", "refund_id")] {
        let found = faults(|_, records| records.get_mut(order).unwrap()["payment"][field] = Value::Null);
        assert!(found[0].starts_with(&format!("order {order} has ")), "{found:?}");
    }
    let found = faults(|_, records| records.get_mut("closed").unwrap()["payment"] = json!({"charge_id": "ch_closed"}));
    assert!(found[0].starts_with("order closed has "), "{found:?}");
}

#[test]
fn a_payment_of_an_order_that_nobody_sent_is_missed() {
    let found = faults(|ledger, _| _ = ledger.charges.insert("strange".to_owned(), money(1)));
    assert_eq!(found[0], "the provider has a payment of order strange, which nobody sent");
}

#[test]
fn an_order_that_is_not_over_is_named() {
    for status in ["queued", "payment_pending", "needs_attention"] {
        let found = faults(|_, records| records.get_mut("declined").unwrap()["status"] = status.into());
        assert_eq!(found, [format!("order declined is {status}")]);
    }
}
