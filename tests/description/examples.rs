//! Bodies to begin with. `whole::description` posts each.

use serde_json::{Value, json};

/// As short as an order can be.
pub(super) fn least() -> Value {
    json!({"customer": {"email": "ada@example.com"}, "currency": "EUR",
        "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 450}]})
}

/// With most of what an order can say.
pub(super) fn priced() -> Value {
    json!({
        "reference": "cart-4711",
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+49 30 901820"},
        "currency": "EUR",
        "lines": [
            {"sku": "TEA-1", "name": "Tea", "quantity": 2, "unit_price": 450, "discount": 100},
            {"sku": "CUP-2", "name": "Cup", "quantity": 1, "unit_price": 1200},
        ],
        "discounts": [{"code": "SPRING", "amount": 200}],
        "shipping": {"method": "DHL", "amount": 490},
        "taxes": [{"name": "VAT", "rate": "19", "amount": 435}],
        "total": 2725,
        "shipping_address": {"line1": "Hauptstraße 5", "city": "Berlin", "postal_code": "10827", "country": "DE"},
        "note": "Please ring twice.",
        "payment": {"later": true},
        "metadata": {"channel": "web"},
    })
}

pub(super) fn batch() -> Value {
    let mut first = least();
    first["idempotency_key"] = "import-1".into();
    json!({"orders": [first, least()]})
}
