//! The readers of bodies are written by hand, and so are some schemas. Here they are compared.

use jsonschema::Validator;
use order::desk::{Decision, Redrive, parse_available, parse_by};
use order::{ChangeKind, ChangeRequest, NewOrder};
use serde_json::{Value, json};

use super::examples::{least, priced};
use super::written;

/// A body's schema, whether its reader takes a body, and bodies to begin with.
type Reader = (&'static str, fn(&[u8]) -> bool, Vec<Value>);

fn readers() -> Vec<Reader> {
    let decision = json!({"id": "a", "by": "ann", "why": "a test order"});
    let means = [json!({"token": "tok_1", "customer": "cus_1"}), json!({"charge_id": "ch_1", "capture": true})];
    let [with_token, with_charge] = means.map(|means| {
        let mut order = least();
        order["payment"] = means;
        order
    });
    vec![
        ("NewOrder", |body| NewOrder::parse(body).is_ok(), vec![least(), priced(), with_token, with_charge]),
        (
            "Cancellation",
            |body| ChangeRequest::parse(ChangeKind::Cancel, body).is_ok(),
            vec![json!({"reason": "ordered twice"}), json!({})],
        ),
        (
            "Fulfilment",
            |body| ChangeRequest::parse(ChangeKind::Fulfil, body).is_ok(),
            vec![json!({"tracking": "JD014600003SE"}), json!({})],
        ),
        (
            "RedriveRequest",
            |body| Redrive::parse(body, &["handler", "crash"]).is_ok(),
            vec![json!({"ids": ["a"]}), json!({"class": "crash", "per_second": 1}), json!({"all": true})],
        ),
        ("DecisionRequest", |body| Decision::parse(body).is_ok(), vec![decision]),
        ("StockLevel", |body| parse_available(body).is_ok(), vec![json!({"available": 1})]),
        ("StockChange", |body| parse_by(body).is_ok(), vec![json!({"by": -1})]),
    ]
}

fn schema(name: &str) -> Validator {
    let mut root = written();
    root["$ref"] = format!("#/components/schemas/{name}").into();
    jsonschema::draft202012::new(&root).unwrap()
}

/// What may stand in place of a value, or beside it.
fn odd_values() -> Vec<Value> {
    let mut values = vec![Value::Null, json!(true), json!(false), json!([]), json!({}), json!([{}])];
    values.extend([json!(0), json!(-1), json!(1), json!(1.5), json!(1000), json!(1001), json!(u64::MAX)]);
    values.extend([1_000_000_000_001, 1_u64 << 50, (1 << 50) + 1, (1 << 53) - 1, 1 << 53].map(Value::from));
    values.extend(["", " ", "a", "é", " a", "a ", "a\nb", "a\u{0}", "\u{85}", "EUR", "DE", "XXX"].map(Value::from));
    values.extend(["19.25", "0.0000001", "ann@example.com", "https://a.test", "\"", "\\"].map(Value::from));
    let lengths = [16, 17, 32, 33, 40, 41, 64, 65, 100, 101, 128, 129, 200, 201, 254, 255, 256, 500, 501, 1000, 1001];
    values.extend(lengths.map(|length| Value::from("a".repeat(length))));
    values.extend([2000, 2001, 2048, 2049, 4096, 4097].map(|length| Value::from("\u{1f375}".repeat(length))));
    values
}

/// The pointers to all values in a value.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{pointer}/{name}"), found));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| pointers(value, &format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

/// A body with each of its values replaced, left out, or with an unknown field beside it.
fn variants(body: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    pointers(body, "", &mut found);
    let mut variants = vec![body.clone()];
    for pointer in found {
        for odd in odd_values() {
            let mut variant = body.clone();
            *variant.pointer_mut(&pointer).unwrap() = odd;
            variants.push(variant);
        }
        let mut variant = body.clone();
        if let Some(Value::Object(members)) = variant.pointer_mut(&pointer) {
            members.insert("unknown".to_owned(), json!(1));
            variants.push(variant);
        }
        let mut variant = body.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        if let Some(Value::Object(members)) = variant.pointer_mut(parent) {
            members.remove(name);
            variants.push(variant);
        }
    }
    variants
}

#[test]
fn no_reader_takes_what_its_schema_forbids() {
    for (name, reads, bodies) in readers() {
        let schema = schema(name);
        let (mut taken, mut refused) = (0, 0);
        for body in bodies.iter().flat_map(variants) {
            if reads(body.to_string().as_bytes()) {
                let fault = schema.validate(&body).err().map(|fault| fault.to_string());
                assert_eq!(fault, None, "{name} forbids {body}, which is taken");
                taken += 1;
            } else if !schema.is_valid(&body) {
                refused += 1;
            }
        }
        assert!(taken > 1 && refused > taken, "{name}: {taken} were taken, {refused} refused by both");
    }
}

#[test]
fn what_a_schema_can_say_it_says() {
    let order = schema("NewOrder");
    for (pointer, bad) in [
        ("/lines", json!([])),
        ("/lines/0/quantity", json!(1001)),
        ("/lines/0/unit_price", json!(1_000_000_000_001_u64)),
        ("/lines/0/sku", json!("a".repeat(65))),
        ("/currency", json!("EURO")),
        ("/currency", json!("XXX")),
        ("/shipping_address/country", json!("de")),
        ("/customer/name", json!("a\nb")),
        ("/customer", json!({"email": "ada@example.com", "mail": "b"})),
        ("/payment", json!({"later": true, "token": "a"})),
        ("/metadata", json!({"channel": 7})),
        ("/total", json!(-1)),
    ] {
        let mut body = priced();
        assert!(order.is_valid(&body), "{pointer}");
        *body.pointer_mut(pointer).unwrap() = bad;
        assert!(!order.is_valid(&body), "{body}");
    }
}
