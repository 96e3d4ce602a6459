//! Nothing is oversold, on the real components.

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Endpoint, Sluice, eventually, json as body_of, webhooks};

const KEY: &str = "0123456789abcdef";

fn tea(quantity: u32) -> Value {
    json!({
        "customer": {"email": "ada@example.com"},
        "currency": "EUR",
        "lines": [{"sku": "TEA-1", "quantity": quantity, "unit_price": 450}],
    })
}

async fn stock(sluice: &Sluice, method: &str, path: &str, body: Value) -> Response<Bytes> {
    sluice.operate(method, path, KEY, &body).await
}

async fn level(sluice: &Sluice) -> Value {
    body_of(&stock(sluice, "GET", "/stock/TEA-1", Value::Null).await)
}

/// The order, once it is decided.
async fn decided(sluice: &Sluice, id: &str) -> Value {
    eventually(&format!("order {id} to be decided"), async || {
        let order = sluice.get(id).await;
        (order["status"] != "queued").then_some(order)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orders_for_the_last_ten_pieces_sell_ten_and_tell_all() {
    let endpoint = Endpoint::start("erp").await;
    let [webhooks, origin] = webhooks(&[&endpoint]);
    let sluice = Sluice::with(&[(webhooks.0, &webhooks.1), (origin.0, &origin.1), ("operator_key", KEY)]).await;
    stock(&sluice, "PUT", "/stock/TEA-1", json!({"available": 10})).await;

    let order = tea(1);
    let ids = join_all((0..100).map(|_| sluice.place(&order))).await;
    let decided = join_all(ids.iter().map(|id| decided(&sluice, id))).await;
    let of = |status: &str| decided.iter().filter(|order| order["status"] == status).count();
    assert_eq!((of("confirmed"), of("rejected")), (10, 90));
    assert_eq!(level(&sluice).await, json!({"sku": "TEA-1", "available": 0, "held": 10}));
    let rejected = decided.iter().find(|order| order["status"] == "rejected").unwrap();
    assert_eq!(rejected["reason"], "not enough in stock: TEA-1 (1 wanted, 0 left)");

    let events = endpoint.received(100).await;
    let told = events.iter().filter(|delivery| delivery.event()["type"] == "sluice.order.rejected").count();
    assert_eq!(told, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_same_article_count_together() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    stock(&sluice, "PUT", "/stock/TEA-1", json!({"available": 3})).await;
    let mut order = tea(2);
    let line = order["lines"][0].clone();
    order["lines"].as_array_mut().unwrap().push(line);
    let rejected = decided(&sluice, &sluice.place(&order).await).await;
    assert_eq!(rejected["reason"], "not enough in stock: TEA-1 (4 wanted, 3 left)");
    assert_eq!(rejected["reason_code"], "out_of_stock");
    assert_eq!(rejected["shortages"], json!([{"sku": "TEA-1", "wanted": 4, "left": 3}]));
    let confirmed = decided(&sluice, &sluice.place(&tea(3)).await).await;
    assert_eq!(confirmed["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_without_a_stock_entry_sell_freely_unless_the_shop_wants_otherwise() {
    for (untracked, status) in [("allow", "confirmed"), ("reject", "rejected")] {
        let sluice = Sluice::with(&[("untracked_stock", untracked)]).await;
        assert_eq!(decided(&sluice, &sluice.place(&tea(1)).await).await["status"], status, "{untracked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_kept_by_whoever_has_the_operators_key() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let level = |available: u64| format!(r#""sku":"TEA-1","available":{available},"held":0"#);
    for (method, path, body, status, answer) in [
        ("GET", "/stock/TEA-1", Value::Null, 404, "untracked".to_owned()),
        ("PATCH", "/stock/TEA-1", json!({"by": 1}), 404, "untracked".to_owned()),
        ("PUT", "/stock/TEA-1", json!({"available": 5}), 200, level(5)),
        ("PATCH", "/stock/TEA-1", json!({"by": -2}), 200, level(3)),
        ("PATCH", "/stock/TEA-1", json!({"by": -4}), 409, "Only 3 are left".to_owned()),
        ("GET", "/stock/TEA-1", Value::Null, 200, level(3)),
        ("PUT", "/stock/A%2FB%20%C3%A9", json!({"available": 1}), 200, r#""sku":"A/B é""#.to_owned()),
        ("GET", "/stock/A/B%20%C3%A9", Value::Null, 200, r#""available":1"#.to_owned()),
        ("GET", "/stock", Value::Null, 200, level(3)),
        ("GET", "/stock?cursor=x", Value::Null, 400, "cursor".to_owned()),
        ("PUT", "/stock/TEA-1", json!({"available": -1}), 422, "from 0 to 1125899906842624".to_owned()),
        ("PUT", "/stock/TEA-1", json!({"available": 1_u64 << 51}), 422, "from 0 to 1125899906842624".to_owned()),
        ("PATCH", "/stock/TEA-1", json!({"by": 1_u64 << 50}), 409, "at most 1125899906842624 may be".to_owned()),
        ("PUT", "/stock/TEA-1", json!({"available": -1, "x": 1}), 422, r#""pointer":"/x""#.to_owned()),
        ("PATCH", "/stock/TEA-1", json!({"by": 1.5}), 422, r#""pointer":"/by""#.to_owned()),
        ("DELETE", "/stock/TEA-1", Value::Null, 405, "GET, HEAD, PUT, PATCH".to_owned()),
        ("POST", "/stock", Value::Null, 405, "GET".to_owned()),
        ("GET", "/stock/%ff", Value::Null, 400, "percent-encoded UTF-8".to_owned()),
        ("GET", "/stock/", Value::Null, 404, "not-found".to_owned()),
    ] {
        let got = stock(&sluice, method, path, body.clone()).await;
        let text = String::from_utf8_lossy(got.body()).into_owned();
        let what = format!("{method} {path} {body}: {} {text}", got.status());
        assert_eq!(got.status(), status, "{what}");
        let expected: String = answer.chars().filter(|c| *c != ' ').collect();
        let compact: String = text.chars().filter(|c| *c != ' ').collect();
        assert!(compact.contains(&expected), "{what}");
    }
    let request = Request::put("/stock/TEA-1").body(Bytes::from_static(b"{\"available\":9}")).unwrap();
    assert_eq!(sluice.client.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_stock_with_a_key_counts_once_and_its_key_is_none_of_an_order() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    stock(&sluice, "PUT", "/stock/TEA-1", json!({"available": 5})).await;
    stock(&sluice, "PUT", "/stock/MUG-1", json!({"available": 5})).await;
    let patch = async |sku: &str, key: &str, by: i64| {
        let request = Request::patch(format!("/stock/{sku}")).header("authorization", format!("Bearer {KEY}"));
        let body = Bytes::from(json!({"by": by}).to_string());
        sluice.client.send(request.header("idempotency-key", key).body(body).unwrap()).await
    };
    assert_eq!(sluice.post(&tea(1), Some("cart-4711")).await.status(), 202);
    eventually("the order to hold its piece", async || (level(&sluice).await["held"] == 1).then_some(())).await;
    let first = patch("TEA-1", "cart-4711", 3).await;
    assert!(first.status() == 200 && !first.headers().contains_key("idempotency-replayed"), "{first:?}");
    let second = patch("TEA-1", "cart-4711", 3).await;
    assert_eq!(
        (second.status(), &second.headers()["idempotency-replayed"]),
        (StatusCode::OK, &"true".parse().unwrap())
    );
    assert_eq!(level(&sluice).await, json!({"sku": "TEA-1", "available": 7, "held": 1}));
    for (sku, by) in [("TEA-1", 4), ("MUG-1", 3)] {
        let reused = patch(sku, "cart-4711", by).await;
        assert_eq!(reused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{reused:?}");
        assert_eq!(body_of(&reused)["type"], "urn:sluice:problem:idempotency-key-reused");
    }
    assert_eq!(patch("TEA-1", "two words", 1).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(level(&sluice).await["available"], 7);
}
