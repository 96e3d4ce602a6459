//! Each limit at its edge and one past it.

use crate::sample::{full, parse, priced, with};
use order::{BodyFault, IdempotencyKey, Money, NewOrder, Quantity, limits};
use serde_json::{Value, json};

/// Asserts that the value is taken.
#[track_caller]
fn taken(pointer: &str, value: Value) {
    let body = with(pointer, value);
    assert!(NewOrder::parse(body.as_bytes()).is_ok(), "{pointer}: {:?}", NewOrder::parse(body.as_bytes()));
}

/// Asserts that the value is refused, for itself alone.
#[track_caller]
fn refused(pointer: &str, value: Value, detail: &str) {
    match NewOrder::parse(with(pointer, value).as_bytes()) {
        Err(BodyFault::Invalid(faults)) => {
            assert_eq!(faults.len(), 1, "{pointer}: {faults:?}");
            assert_eq!((faults[0].pointer.as_str(), faults[0].detail.as_ref()), (pointer, detail));
        }
        other => panic!("{pointer}: {other:?}"),
    }
}

#[test]
fn strings_are_bounded_in_characters_not_bytes() {
    for (pointer, max) in [
        ("/reference", limits::REFERENCE),
        ("/customer/name", limits::NAME),
        ("/customer/phone", limits::PHONE),
        ("/lines/0/sku", limits::SKU),
        ("/lines/0/name", limits::NAME),
        ("/shipping_address/name", limits::NAME),
        ("/shipping_address/line1", limits::ADDRESS_LINE),
        ("/shipping_address/line2", limits::ADDRESS_LINE),
        ("/shipping_address/city", limits::LOCALITY),
        ("/shipping_address/region", limits::LOCALITY),
        ("/shipping_address/postal_code", limits::POSTAL_CODE),
        ("/note", limits::NOTE),
        ("/metadata/channel", limits::METADATA_VALUE),
    ] {
        for character in ["x", "é", "红", "📦"] {
            taken(pointer, json!(character.repeat(max)));
            refused(pointer, json!(character.repeat(max + 1)), &format!("must have at most {max} characters"));
        }
    }
}

#[test]
fn what_is_beside_the_lines_is_bounded_in_its_names() {
    for (object, field, max) in [
        ("/shipping", "method", limits::LABEL),
        ("/discounts/0", "name", limits::LABEL),
        ("/discounts/0", "code", limits::DISCOUNT_CODE),
        ("/taxes/0", "name", limits::LABEL),
    ] {
        for character in ["x", "红", "📦"] {
            let mut body = priced();
            body.pointer_mut(object).unwrap()[field] = json!(character.repeat(max));
            assert_eq!(parse(&body).total().minor_units(), 3367);
            body.pointer_mut(object).unwrap()[field] = json!(character.repeat(max + 1));
            let fault = NewOrder::parse(body.to_string().as_bytes()).unwrap_err().to_string();
            assert_eq!(fault, format!("the order has faults: {object}/{field} must have at most {max} characters"));
        }
    }
}

#[test]
fn metadata_is_bounded_in_entries_and_in_its_names() {
    let entries = |n: usize| Value::Object((0..n).map(|i| (format!("k{i}"), json!("v"))).collect());
    taken("/metadata", entries(50));
    refused("/metadata", entries(51), "must have at most 50 entries, not 51");
    let name = "é".repeat(limits::METADATA_KEY);
    taken(&format!("/metadata/{name}"), json!("v"));
    refused(&format!("/metadata/{name}e"), json!("v"), "has a name that must have at most 40 characters");
}

#[test]
fn numbers_are_taken_up_to_their_bounds() {
    taken("/lines/0/quantity", json!(1));
    taken("/lines/0/quantity", json!(1000));
    taken("/lines/0/unit_price", json!(0));
    taken("/lines/0/unit_price", json!(limits::UNIT_PRICE));
    let line = json!({"sku": "A", "quantity": 1, "unit_price": 1});
    taken("/lines", vec![line; limits::LINES].into());
}

#[test]
fn a_total_is_taken_up_to_the_largest_exact_integer() {
    let order = |rest: u64| {
        let dear = json!({"sku": "A", "quantity": 1000, "unit_price": limits::UNIT_PRICE});
        let mut lines = vec![dear; 9];
        lines.push(json!({"sku": "B", "quantity": 1, "unit_price": rest}));
        lines.push(json!({"sku": "C", "quantity": 7, "unit_price": 1_000_000_000_000_u64}));
        Value::from(lines)
    };
    let rest = limits::TOTAL - 9 * 1000 * limits::UNIT_PRICE - 7 * limits::UNIT_PRICE;
    let mut body = full();
    body["lines"] = order(rest);
    assert_eq!(parse(&body).total().minor_units(), limits::TOTAL);
    refused("/lines", order(rest + 1), "must total at most 9007199254740991 minor units");
}

#[test]
fn a_body_is_read_up_to_its_last_byte() {
    let body = full().to_string();
    let padded = |bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    assert!(NewOrder::parse(padded(limits::BODY_BYTES).as_bytes()).is_ok());
    assert_eq!(NewOrder::parse(padded(limits::BODY_BYTES + 1).as_bytes()), Err(BodyFault::TooLarge));
    assert_eq!(NewOrder::parse(&vec![b'{'; limits::BODY_BYTES + 1]), Err(BodyFault::TooLarge));
}

#[test]
fn an_order_with_everything_filled_fits_a_body() {
    let wide = |n: usize| json!("📦".repeat(n));
    let mut body = full();
    body["reference"] = wide(limits::REFERENCE);
    body["note"] = wide(limits::NOTE);
    let line = json!({
        "sku": wide(limits::SKU), "name": wide(limits::NAME), "quantity": 1000, "unit_price": 10_000_000_000_u64,
        "discount": 1_000_000_000_000_u64, "tax": 1_000_000_000_000_u64
    });
    body["lines"] = vec![line; limits::LINES].into();
    let entry = |n: usize| (format!("{n:02}{}", "📦".repeat(limits::METADATA_KEY - 2)), wide(limits::METADATA_VALUE));
    body["metadata"] = Value::Object((0..limits::METADATA_ENTRIES).map(entry).collect());
    let name = wide(limits::LABEL);
    let discount = json!({"code": wide(limits::DISCOUNT_CODE), "name": name, "amount": 10_000_000_000_000_u64});
    body["discounts"] = vec![discount; limits::DISCOUNTS].into();
    let tax = json!({"name": name, "rate": "100.123456", "amount": 50_000_000_000_000_u64});
    body["taxes"] = vec![tax; limits::TAXES].into();
    body["shipping"] = json!({"method": name, "amount": 10_000_000_000_000_u64});
    body["total"] = json!(1_710_000_000_000_000_u64);
    assert_eq!(parse(&body).lines().len(), limits::LINES);
}

#[test]
fn email_addresses_in_use_are_taken() {
    let long = format!("ann@{}.com", ["a".repeat(61), "b".repeat(61), "c".repeat(61), "d".repeat(60)].join("."));
    assert_eq!(long.len(), limits::EMAIL_BYTES);
    for good in [
        "a@b.de",
        "ann+shop@example.co.uk",
        "Ann.O'Neil_1@EXAMPLE.com",
        "ann@xn--mller-kva.example",
        "jörg@müller.example",
        "用户@例子.公司",
        "\"a@b\"@example.com",
        &long,
    ] {
        taken("/customer/email", json!(good));
    }
}

#[test]
fn currencies_in_use_are_taken_and_those_just_replaced() {
    for good in ["EUR", "USD", "JPY", "KWD", "XOF", "XPF", "CLP", "BGN"] {
        taken("/currency", json!(good));
    }
}

#[test]
fn notes_may_have_line_breaks_of_both_kinds_and_tabs() {
    taken("/note", json!("a\nb\r\nc\td\r\n"));
}

#[test]
fn a_field_that_may_be_left_out_may_be_null() {
    for pointer in [
        "/reference",
        "/customer/name",
        "/customer/phone",
        "/lines/0/name",
        "/shipping_address",
        "/note",
        "/metadata",
        "/shipping_address/name",
        "/shipping_address/line2",
        "/shipping_address/region",
    ] {
        taken(pointer, Value::Null);
    }
}

#[test]
fn idempotency_keys_are_visible_ascii() {
    let key = |text: &str| text.parse::<IdempotencyKey>();
    for good in ["a", "!~", "8e03978e-40d5-43e8-bc93-6894a57f9324", "\"quoted\"", &"x".repeat(255)] {
        assert_eq!(key(good).unwrap().as_str(), good);
    }
    for bad in ["", " ", "a b", "a\tb", "é", "a\u{7f}", "\0", &"x".repeat(256)] {
        assert_eq!(key(bad).unwrap_err().to_string(), "must be 1 to 255 visible ASCII characters, without spaces");
    }
}

#[test]
fn amounts_refuse_what_they_cannot_hold() {
    let money = |minor_units: u64| Money::try_from(minor_units);
    let most = money(limits::TOTAL).unwrap();
    assert!(money(limits::TOTAL + 1).is_err());
    assert_eq!(most.checked_add(money(1).unwrap()), None);
    assert_eq!(most.checked_add(most), None);
    assert_eq!(most.checked_add(Money::ZERO), Some(most));
    let two = Quantity::try_from(2).unwrap();
    assert_eq!(most.checked_mul(two), None);
    assert_eq!(money(limits::TOTAL / 2).unwrap().checked_mul(two), money(limits::TOTAL - 1).ok());
    assert!(Quantity::try_from(0).is_err() && Quantity::try_from(1001).is_err());
    assert!(Quantity::try_from(65_537).is_err(), "no bits are cut off");
}
