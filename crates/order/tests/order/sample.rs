//! Orders to begin with.

use order::payment::Capture;
use order::{Finding, NewOrder, OrderId, Payment, Placed, Record, Timestamp, decide};
use serde_json::{Value, json};

/// A body that says everything that an order of lines alone can say.
pub(crate) fn full() -> Value {
    json!({
        "reference": "A-1001",
        "customer": {"email": "ann@example.com", "name": "Ann Müller", "phone": "+49 30 901820"},
        "currency": "EUR",
        "lines": [
            {"sku": "TEA-GREEN-100", "name": "Green tea, 100 g", "quantity": 2, "unit_price": 749},
            {"sku": "CUP/红 1", "quantity": 1, "unit_price": 1200}
        ],
        "shipping_address": {
            "name": "Ben Müller", "line1": "Hauptstraße 5", "line2": "c/o Weber", "city": "Berlin", "region": "BE",
            "postal_code": "10827", "country": "DE"
        },
        "note": "Please ring twice.\n\tThank you!",
        "metadata": {"channel": "web", "a/b~c": "1"}
    })
}

/// The same with all that makes it worth more or less than its lines: 2698 - 150 - 200 + 490 + 529 = 3367.
pub(crate) fn priced() -> Value {
    let mut body = full();
    body["lines"][0]["discount"] = 150.into();
    body["lines"][0]["tax"] = 256.into();
    body["discounts"] = json!([{"code": "SPRING", "name": "Spring sale", "amount": 150}, {"amount": 50}]);
    body["shipping"] = json!({"method": "DHL", "amount": 490});
    body["taxes"] = json!([{"name": "VAT", "rate": "19", "amount": 500}, {"name": "Levy", "amount": 29}]);
    body["total"] = 3367.into();
    body
}

/// A body that says only what an order must say.
pub(crate) fn least() -> Value {
    json!({
        "customer": {"email": "ann@example.com"},
        "currency": "EUR",
        "lines": [{"sku": "TEA", "quantity": 1, "unit_price": 749}]
    })
}

/// The full body with the value at a JSON pointer replaced, or a field added there.
pub(crate) fn with(pointer: &str, value: Value) -> String {
    let mut body = full();
    match body.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => {
            let (object, name) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(object).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        }
    }
    body.to_string()
}

/// The full body without the field at a JSON pointer.
pub(crate) fn without(pointer: &str) -> String {
    let mut body = full();
    let (object, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    body.to_string()
}

/// `2026-09-01T12:00:00.250Z`
pub(crate) fn noon() -> Timestamp {
    "2026-09-01T12:00:00.250Z".parse().unwrap()
}

/// `01a05cd7-2afa-75a5-a5a5-a5a5a5a5a5a5`: accepted at noon.
pub(crate) fn id() -> OrderId {
    OrderId::new(noon(), [0xa5; 10])
}

pub(crate) fn parse(body: &Value) -> NewOrder {
    NewOrder::parse(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn placed() -> Placed {
    Placed { id: id(), shop: None, order: parse(&full()), trace: None }
}

/// The stock has it, and no payment is asked for.
pub(crate) fn unpaid() -> Finding {
    Finding::Good(Payment::None)
}

/// A provider was asked, and isn't done. The customer may have to go somewhere.
pub(crate) fn pending(next_action: Option<&str>) -> Finding {
    let payment =
        Payment::Asked { charge: None, provider: "pay.test".parse().ok(), capture: Capture::Charged, back: None };
    Finding::Pending { payment, next_action: next_action.map(|url| url.parse().unwrap()) }
}

/// The record after a change.
pub(crate) fn after(mut record: Record, change: impl FnOnce(&mut Record)) -> Record {
    change(&mut record);
    record
}

pub(crate) fn record() -> Record {
    decide(placed(), &unpaid(), Timestamp::from_ms(noon().ms() + 40))
}
