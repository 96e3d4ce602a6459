//! The bodies that docs/reference.md draws, against what is taken: a field without `?` is required, one with `?` isn't.

use order::{BodyFault, NewOrder};
use serde_json::{Value, json};

use crate::tree;

/// A value for each field that the drawing may have.
fn sample() -> Value {
    json!({
        "reference": "A-1", "customer": {"email": "ada@example.com", "name": "Ada", "phone": "+44 1"}, "currency": "EUR",
        "lines": [{"sku": "TEA-1", "name": "Tea", "quantity": 2, "unit_price": 450, "discount": 0, "tax": 0}],
        "discounts": [{"code": "SPRING", "name": "Spring sale", "amount": 0}],
        "shipping": {"method": "DHL", "amount": 0}, "taxes": [{"name": "VAT", "rate": "19", "amount": 0}],
        "prices_include_tax": true, "total": 900,
        "shipping_address": {
            "name": "Ada", "line1": "1 Square", "line2": "c/o B", "city": "London", "region": "LND",
            "postal_code": "SW1Y", "country": "GB"
        },
        "note": "ring", "payment": {"later": true}, "metadata": {"a": "b"}
    })
}

/// Each field of the drawing with its pointer, and whether it may be left out.
fn drawn(drawing: &str) -> Vec<(String, bool)> {
    let (mut fields, mut path, mut name) = (Vec::new(), Vec::new(), String::new());
    let mut pieces = drawing.split('"');
    let mut after = pieces.next().unwrap_or_default();
    loop {
        for character in after.chars() {
            match character {
                '{' => path.push(name.clone()),
                '[' => name.push_str("/0"),
                '}' => _ = path.pop(),
                _ => {}
            }
        }
        let Some(next) = pieces.next() else { return fields };
        after = pieces.next().unwrap_or_default();
        name = format!("{}/{next}", path.last().expect("fields stand in an object"));
        fields.push((name.clone(), after.starts_with('?')));
    }
}

#[test]
fn an_order_needs_the_fields_that_are_drawn_without_a_question_mark_and_no_others() {
    let page = tree::text("docs/reference.md");
    let drawing = page.split("```").find(|block| block.trim_start().starts_with("{\"reference\"?"));
    let fields = drawn(drawing.expect("docs/reference.md draws an order"));
    let known = sample();
    assert!(NewOrder::parse(known.to_string().as_bytes()).is_ok());
    assert_eq!(fields.len(), 37);
    for (pointer, is_optional) in fields {
        let mut order = known.clone();
        let (object, name) = pointer.rsplit_once('/').expect("a pointer");
        let object = order.pointer_mut(object).unwrap_or_else(|| panic!("{pointer} is in no sample"));
        object.as_object_mut().expect("an object").remove(name).unwrap_or_else(|| panic!("{pointer} is in no sample"));
        match NewOrder::parse(order.to_string().as_bytes()) {
            Ok(_) => assert!(is_optional, "{pointer} may be left out"),
            Err(BodyFault::Invalid(faults)) => {
                assert!(!is_optional && faults[0].pointer == pointer, "{pointer}: {faults:?}");
            }
            Err(other) => panic!("{pointer}: {other}"),
        }
    }
}

#[test]
fn the_order_with_all_amounts_on_the_page_is_worth_what_the_page_adds_up() {
    let page = tree::text("docs/reference.md");
    let mut blocks = page.split("```").skip(1).step_by(2);
    let body = blocks.find_map(|block| block.strip_prefix("json").filter(|body| body.contains("\"discounts\": [{")));
    let sum = blocks.next().expect("the sum stands below the order");
    let order =
        NewOrder::parse(body.expect("docs/reference.md has an order with discounts").as_bytes()).expect("an order");
    let worth = order.worth();
    let shown = |part: &str| {
        let line = sum.lines().find(|line| line.split_whitespace().any(|word| word == part));
        line.and_then(|line| line.split(part).nth(1)?.trim().split(',').next()?.parse::<u64>().ok())
    };
    for (part, amount) in [
        ("subtotal", worth.subtotal),
        ("discount", worth.discount),
        ("shipping", worth.shipping),
        ("tax", worth.tax),
        ("total", worth.total),
    ] {
        assert_eq!(shown(part), Some(amount.minor_units()), "{part} in{sum}");
        assert!(amount.minor_units() > 0, "the page shows each part: {part}");
    }
}
