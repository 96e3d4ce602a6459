//! Bodies, bad ones and odd ones.

use serde_json::{Value, json};

use super::*;

/// A body, its status and all pointers of its faults.
type Row = (Vec<u8>, u16, Vec<String>);

fn row(body: impl Into<Vec<u8>>, status: u16, pointers: &[&str]) -> Row {
    (body.into(), status, pointers.iter().map(|pointer| (*pointer).to_owned()).collect())
}

/// The full order with one value replaced or added, which is the one fault.
fn fault(pointer: &str, value: impl Into<Value>) -> Row {
    row(with(pointer, value).to_string(), 422, &[pointer])
}

/// The full order with one value replaced by raw text.
fn raw(pointer: &str, text: &str) -> Row {
    row(with(pointer, "?!").to_string().replace("\"?!\"", text), 422, &[pointer])
}

/// Bodies that are no JSON.
fn no_json() -> Vec<Row> {
    let order = full().to_string();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" \r\n\t".to_vec(),
        b"order".to_vec(),
        b"{".to_vec(),
        b"{'currency': 'EUR'}".to_vec(),
        br#"{"currency" "EUR"}"#.to_vec(),
        br#"{"currency": "EUR",}"#.to_vec(),
        br#"{"a": NaN}"#.to_vec(),
        br#"{"a": 01}"#.to_vec(),
        br#"{"a": 1e400}"#.to_vec(),
        b"{\"a\": \"\t\"}".to_vec(),
        br#"{"a": "\ud800"}"#.to_vec(),
        b"{\"a\": \"\xff\"}".to_vec(),
        "\u{feff}{}".into(),
        b"customer=ann&currency=EUR".to_vec(),
        order.as_bytes()[..order.len() - 1].to_vec(),
        format!("{order} {order}").into(),
        format!("{order}\0").into(),
        "[".repeat(100_000).into(),
    ];
    bodies.into_iter().map(|body| row(body, 400, &[])).collect()
}

/// Bodies with a fault of their shape.
fn misshapen() -> Vec<Row> {
    vec![
        row("[]", 422, &[""]),
        row("null", 422, &[""]),
        row("3", 422, &[""]),
        row("\"order\"", 422, &[""]),
        row("{}", 422, &["/customer", "/currency", "/lines"]),
        row(json!([full()]).to_string(), 422, &[""]),
        row(without("/customer").to_string(), 422, &["/customer"]),
        row(without("/customer/email").to_string(), 422, &["/customer/email"]),
        row(without("/currency").to_string(), 422, &["/currency"]),
        row(without("/lines").to_string(), 422, &["/lines"]),
        row(without("/lines/0/sku").to_string(), 422, &["/lines/0/sku"]),
        row(without("/lines/1/quantity").to_string(), 422, &["/lines/1/quantity"]),
        row(without("/lines/1/unit_price").to_string(), 422, &["/lines/1/unit_price"]),
        row(without("/shipping_address/country").to_string(), 422, &["/shipping_address/country"]),
        fault("/currency", Value::Null),
        fault("/id", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        fault("/subtotal", 2698),
        fault("/total", 2697),
        fault("/status", "confirmed"),
        fault("/customer/password", "x"),
        fault("/lines/1/price", 1),
        fault("/shipping_address/street", "x"),
        fault("/customer", "ann@example.com"),
        fault("/lines", json!({"sku": "A", "quantity": 1, "unit_price": 1})),
        fault("/lines", json!([])),
        fault("/lines", vec![full()["lines"][0].clone(); 101]),
        fault("/lines/1", "CUP"),
        fault("/metadata", json!(["web"])),
        fault("/metadata/channel", json!({"deep": "x"})),
        row(full().to_string().replacen('{', r#"{"currency":"EUR","#, 1), 422, &["/currency"]),
        row(
            r#"{"a/b~c":1,"customer":{"email":"a@b.de"},"currency":"EUR","lines":[{"sku":"A","quantity":1,"unit_price":1}]}"#,
            422,
            &["/a~1b~0c"],
        ),
    ]
}

/// Bodies with a value that is out of bounds.
fn out_of_bounds() -> Vec<Row> {
    vec![
        fault("/reference", ""),
        fault("/reference", "x".repeat(65)),
        fault("/reference", " A"),
        fault("/reference", "A\nB"),
        fault("/customer/email", "ann"),
        fault("/customer/email", "ann@example"),
        fault("/customer/email", "Ann <ann@example.com>"),
        fault("/customer/email", format!("ann@{}.com", "a".repeat(250))),
        fault("/customer/name", "   "),
        fault("/customer/name", "é".repeat(201)),
        fault("/customer/phone", "1".repeat(33)),
        fault("/currency", "eur"),
        fault("/currency", "XXX"),
        fault("/currency", "BTC"),
        fault("/reference", "A\u{200b}"),
        fault("/customer/email", "ann\u{200b}@example.com"),
        fault("/lines/0/sku", "TEA\u{a0}1"),
        fault("/lines/0/sku", "\u{feff}TEA"),
        fault("/lines/0/sku", "TEA  1"),
        fault("/lines/0/sku", "A "),
        fault("/lines/0/sku", "红".repeat(65)),
        fault("/lines/0/quantity", 0),
        fault("/lines/0/quantity", -1),
        fault("/lines/0/quantity", 1001),
        fault("/lines/0/quantity", "2"),
        raw("/lines/0/quantity", "1.0"),
        raw("/lines/0/quantity", "1e2"),
        raw("/lines/0/quantity", "4294967297"),
        raw("/lines/0/quantity", "18446744073709551617"),
        fault("/lines/1/unit_price", -1),
        fault("/lines/1/unit_price", 7.49),
        fault("/lines/1/unit_price", 1_000_000_000_001_u64),
        fault("/lines", vec![json!({"sku": "A", "quantity": 1000, "unit_price": 1_000_000_000_000_u64}); 10]),
        fault("/shipping_address/country", "Germany"),
        fault("/shipping_address/country", "UK"),
        fault("/shipping_address/postal_code", "1".repeat(17)),
        fault("/note", "x".repeat(2001)),
        fault("/note", "a\u{0}b"),
        fault("/metadata", (0..51).map(|n| (n.to_string(), json!("x"))).collect::<Value>()),
        fault("/metadata/channel", "x".repeat(501)),
        fault("/metadata/a ", "x"),
    ]
}

/// A body with every kind of fault.
fn full_of_faults() -> Row {
    let body = json!({
        "customer": {"email": "ann", "fax": "1"},
        "currency": "euro",
        "lines": [{"sku": "A", "quantity": 1, "unit_price": 1}, {"sku": " B", "quantity": 0}, 7],
        "shipping_address": {"country": "Germany"},
        "coupon": "X"
    });
    let pointers = [
        "/coupon",
        "/customer/fax",
        "/customer/email",
        "/currency",
        "/lines/1/sku",
        "/lines/1/quantity",
        "/lines/1/unit_price",
        "/lines/2",
        "/shipping_address/line1",
        "/shipping_address/country",
    ];
    row(body.to_string(), 422, &pointers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_body_is_answered_with_every_fault_and_leaves_nothing_behind() {
    let sluice = Sluice::start().await;
    let rows = [no_json(), misshapen(), out_of_bounds(), vec![full_of_faults()]].concat();
    assert!(rows.len() > 80);
    for (body, status, pointers) in rows {
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let mut request = post(body);
        // A key that comes with a bad body is not used up.
        request.headers_mut().insert("idempotency-key", "cart-4711".parse().unwrap());
        let answer = sluice.client.send(request).await;
        assert_eq!(answer.status(), status, "{shown}: {answer:?}");
        let problem = problem(&answer);
        let kind = if status == 400 { "not-json" } else { "invalid-order" };
        assert_eq!(problem["type"], format!("urn:sluice:problem:{kind}"), "{shown}");
        assert_eq!(told_pointers(&problem), pointers, "{shown}");
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0], "nothing was written anywhere");
    let answer = sluice.post(&full(), Some("cart-4711")).await;
    assert!(answer.status() == 202 && !answer.headers().contains_key("idempotency-replayed"), "{answer:?}");
}

/// The pointers of a problem, each of whose errors says what is wrong.
fn told_pointers(problem: &Value) -> Vec<String> {
    let none = Vec::new();
    let errors = problem.get("errors").map_or(&none, |errors| errors.as_array().unwrap());
    assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty())), "{problem}");
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// Orders at the end of what is allowed, with their total.
fn odd_orders() -> Vec<(Value, u64)> {
    let line = |quantity: u64, price: u64| json!({"sku": "A", "quantity": quantity, "unit_price": price});
    vec![
        (full(), 2698),
        (least(), 749),
        (with("/lines", json!([line(1, 0)])), 0),
        (with("/lines", json!([line(1000, 1_000_000_000_000)])), 1_000_000_000_000_000),
        (with("/lines", vec![line(1, 1); 100]), 100),
        (
            with(
                "/lines",
                [vec![line(1000, 1_000_000_000_000); 9], vec![line(7, 1_000_000_000_000), line(1, 199_254_740_991)]]
                    .concat(),
            ),
            (1 << 53) - 1,
        ),
        (with("/reference", "红".repeat(64)), 2698),
        (with("/customer/email", "ann+shop@sub.example.co.uk"), 2698),
        (with("/customer/email", "用户@例子.广告"), 2698),
        (with("/customer/name", "𝒜".repeat(200)), 2698),
        (with("/customer/name", "O'Brien \"\\ </script> {{x}} %s \u{202e}"), 2698),
        (with("/currency", "JPY"), 2698),
        (with("/currency", "BHD"), 2698),
        (with("/lines/0/sku", "x".repeat(64)), 2698),
        (with("/note", format!("{}{}", "\r\n\t".repeat(600), "x".repeat(200))), 2698),
        (with("/note", Value::Null), 2698),
        (with("/shipping_address", json!({"line1": "12 Queen's Road", "city": "Hong Kong", "country": "HK"})), 2698),
        (
            with("/shipping_address", json!({"line1": "1 Raffles Place", "postal_code": "048616", "country": "SG"})),
            2698,
        ),
        (with("/shipping_address", json!({"line1": "Rruga B", "city": "Prishtina", "country": "XK"})), 2698),
        (with("/lines/0/sku", "CAF\u{c9}\u{2011}1"), 2698),
        (with("/metadata", json!({})), 2698),
        (with("/metadata", (0..50).map(|n| (format!("{n:0>40}"), json!("𝒜".repeat(500)))).collect::<Value>()), 2698),
        (with("/metadata", json!({"a/b~c \"\\": "1"})), 2698),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_but_good_order_is_taken_and_confirmed_as_it_was_sent() {
    let sluice = Sluice::start().await;
    for (order, total) in odd_orders() {
        let answer = sluice.post(&order, None).await;
        assert_eq!(answer.status(), 202, "{order}: {answer:?}");
        assert_eq!(answer.headers()["content-length"], answer.body().len().to_string());
        let answer = body_of(&answer);
        assert_eq!((&answer["status"], &answer["total"]), (&"queued".into(), &total.into()));

        let record = sluice.until(answer["id"].as_str().unwrap(), "confirmed").await;
        for field in ["reference", "customer", "currency", "lines", "shipping_address", "note"] {
            assert_eq!(record.get(field).unwrap_or(&Value::Null), order.get(field).unwrap_or(&Value::Null), "{field}");
        }
        let nothing = json!({});
        assert_eq!(record.get("metadata").unwrap_or(&nothing), order.get("metadata").unwrap_or(&nothing));
        assert_eq!(record["total"], total);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_body_is_taken_and_one_byte_more_is_not() {
    const MOST: usize = 256 * 1024;
    let sluice = Sluice::start().await;
    let padded = |length: usize| {
        let order = full().to_string();
        format!("{order}{}", " ".repeat(length - order.len()))
    };
    assert_eq!(sluice.client.send(post(padded(MOST))).await.status(), 202);
    let answer = sluice.client.send(post(padded(MOST + 1))).await;
    assert_eq!(answer.status(), 413);
    let problem = problem(&answer);
    assert_eq!(problem["type"], "urn:sluice:problem:too-large");
    assert!(problem["detail"].as_str().unwrap().contains("262144 bytes"), "{problem}");
}
