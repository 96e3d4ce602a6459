//! What Stripe is sent for an order.

use super::*;

/// What is sent for a charge with these changes, and what is answered.
async fn sent(change: Value) -> (Response<Bytes>, Vec<(String, String)>) {
    let adapter = Adapter::with(takes).await;
    let mut body = a_charge();
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let answer = adapter.ask("/charges", "key", &body).await;
    (answer, adapter.asked().first().map(ToStripe::fields).unwrap_or_default())
}

fn field<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

#[tokio::test]
async fn an_intent_says_what_stripe_must_know_and_its_confirmation_has_no_key() {
    let adapter = Adapter::with(takes).await;
    adapter.charge().await;
    let [create, confirm] = adapter.asked().try_into().ok().unwrap();
    for asked in [&create, &confirm] {
        assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
        assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(asked.headers["content-length"], asked.body.len().to_string());
        assert_eq!(asked.headers["stripe-version"], "2024-06-20");
    }
    assert_eq!(create.headers["idempotency-key"], id(1).to_string());
    assert_eq!((confirm.headers.get("idempotency-key"), &*confirm.body), (None, ""));
    let expected = [
        ("amount", "2100"),
        ("currency", "eur"),
        ("payment_method_types[0]", "card"),
        ("payment_method", TOKEN),
        ("customer", "cus_1"),
        ("metadata[order_id]", &id(1).to_string()),
        ("metadata[reference]", "cart-4711"),
        ("metadata[campaign]", "a & b"),
    ];
    assert_eq!(create.fields(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn an_amount_is_sent_as_stripe_counts_it() {
    for (amount, currency, expected) in [
        (450, "EUR", "450"),
        (450, "JPY", "450"),
        (4500, "KWD", "4500"),
        (5, "ISK", "500"),
        (5, "UGX", "500"),
        (500, "MGA", "5"),
    ] {
        let (_, fields) = sent(json!({"amount": amount, "currency": currency})).await;
        assert_eq!(field(&fields, "amount"), Some(expected), "{currency}");
        assert_eq!(field(&fields, "currency"), Some(&*currency.to_lowercase()));
    }
    let (answer, fields) = sent(json!({"amount": 501, "currency": "MGA"})).await;
    assert_refused(&answer, 422, "Stripe takes MGA in whole units only.");
    assert!(fields.is_empty());
}

#[tokio::test]
async fn an_old_token_is_sent_as_one() {
    let (_, fields) = sent(json!({"payment": {"token": "tok_visa"}})).await;
    assert_eq!(field(&fields, "payment_method_data[card][token]"), Some("tok_visa"));
    assert_eq!(field(&fields, "payment_method_data[type]"), Some("card"));
    assert_eq!((field(&fields, "payment_method"), field(&fields, "customer")), (None, None));
}

#[tokio::test]
async fn of_the_shops_metadata_as_much_is_sent_as_stripe_keeps() {
    let mut many: BTreeMap<String, String> = (0..50).map(|n| (format!("s{n:02}"), n.to_string())).collect();
    many.extend([("a[b]", "x"), ("order_id", "another"), ("reference", "another")].map(|(k, v)| (k.into(), v.into())));
    let (_, fields) = sent(json!({"metadata": many})).await;
    let metadata: Vec<_> = fields.iter().filter(|(name, _)| name.starts_with("metadata[")).collect();
    assert_eq!(metadata.len(), 50, "Stripe keeps no more");
    assert_eq!((&*metadata[0].1, &*metadata[1].1), (&*id(1).to_string(), "cart-4711"), "ours come first");
    assert_eq!(metadata[49].0, "metadata[s47]");
}
