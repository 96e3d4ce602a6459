//! The bytes by which two orders are the same.

use crate::sample::{full, least, parse, priced};
use order::NewOrder;
use serde_json::json;

fn canonical(body: &str) -> String {
    let json = NewOrder::parse(body.as_bytes()).unwrap().canonical_json();
    String::from_utf8(json.as_bytes().to_vec()).unwrap()
}

#[test]
fn it_is_this_one() {
    assert_eq!(
        canonical(&full().to_string()),
        concat!(
            r#"{"reference":"A-1001","#,
            r#""customer":{"email":"ann@example.com","name":"Ann Müller","phone":"+49 30 901820"},"currency":"EUR","#,
            r#""lines":[{"sku":"TEA-GREEN-100","name":"Green tea, 100 g","quantity":2,"unit_price":749},"#,
            r#"{"sku":"CUP/红 1","quantity":1,"unit_price":1200}],"#,
            r#""shipping_address":{"name":"Ben Müller","line1":"Hauptstraße 5","line2":"c/o Weber","city":"Berlin","#,
            r#""region":"BE","postal_code":"10827","country":"DE"},"#,
            r#""note":"Please ring twice.\n\tThank you!","metadata":{"a/b~c":"1","channel":"web"}}"#,
        )
    );
    assert_eq!(
        canonical(&priced().to_string()),
        concat!(
            r#"{"reference":"A-1001","#,
            r#""customer":{"email":"ann@example.com","name":"Ann Müller","phone":"+49 30 901820"},"currency":"EUR","#,
            r#""lines":[{"sku":"TEA-GREEN-100","name":"Green tea, 100 g","quantity":2,"unit_price":749,"#,
            r#""discount":150,"tax":256},{"sku":"CUP/红 1","quantity":1,"unit_price":1200}],"#,
            r#""discounts":[{"code":"SPRING","name":"Spring sale","amount":150},{"amount":50}],"#,
            r#""shipping":{"method":"DHL","amount":490},"#,
            r#""taxes":[{"name":"VAT","rate":"19","amount":500},{"name":"Levy","amount":29}],"#,
            r#""shipping_address":{"name":"Ben Müller","line1":"Hauptstraße 5","line2":"c/o Weber","city":"Berlin","#,
            r#""region":"BE","postal_code":"10827","country":"DE"},"#,
            r#""note":"Please ring twice.\n\tThank you!","metadata":{"a/b~c":"1","channel":"web"}}"#,
        )
    );
    assert_eq!(
        canonical(&least().to_string()),
        concat!(
            r#"{"customer":{"email":"ann@example.com"},"currency":"EUR","#,
            r#""lines":[{"sku":"TEA","quantity":1,"unit_price":749}]}"#,
        )
    );
}

#[test]
fn white_space_escapes_order_and_empty_fields_make_no_difference() {
    let body = r#" {
        "metadata": {}, "note": null, "lines": [ { "unit_price" : 749, "quantity": 1, "sku": "\u0054EA", "name": null } ],
        "\u0063urrency": "EUR",
        "customer": { "phone": null, "email": "ann\u0040example.com" }
    } "#;
    assert_eq!(canonical(body), canonical(&least().to_string()));
}

#[test]
fn what_is_said_otherwise_makes_a_difference() {
    let line = |sku: &str| json!({"sku": sku, "quantity": 1, "unit_price": 1});
    let mut orders = vec![parse(&least())];
    for (field, value) in [
        ("currency", json!("USD")),
        ("reference", json!("1")),
        ("note", json!("1")),
        ("metadata", json!({"1": "1"})),
        ("customer", json!({"email": "Ann@example.com"})),
        ("lines", json!([line("A"), line("B")])),
        ("lines", json!([line("B"), line("A")])),
        ("lines", json!([line("A"), line("B"), line("B")])),
        ("lines", json!([{"sku": "A", "quantity": 1, "unit_price": 1, "discount": 1}])),
        ("lines", json!([{"sku": "A", "quantity": 1, "unit_price": 1, "tax": 1}])),
        ("shipping", json!({"amount": 1})),
        ("shipping", json!({"amount": 1, "method": "DHL"})),
        ("discounts", json!([{"amount": 1}])),
        ("discounts", json!([{"amount": 1, "code": "X"}])),
        ("discounts", json!([{"amount": 1, "name": "X"}])),
        ("taxes", json!([{"name": "VAT", "amount": 1}])),
        ("taxes", json!([{"name": "VAT", "amount": 1, "rate": "19"}])),
        ("prices_include_tax", json!(true)),
    ] {
        let mut body = least();
        body[field] = value;
        orders.push(parse(&body));
    }
    let forms: std::collections::BTreeSet<_> =
        orders.iter().map(|order| order.canonical_json().as_bytes().to_vec()).collect();
    assert_eq!(forms.len(), orders.len());
}
