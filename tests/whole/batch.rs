//! Many orders in one request.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::access::entry;
use crate::harness::{Sluice, an_order, json as body_of};

const KEY: &str = "0123456789abcdef";

async fn send(sluice: &Sluice, body: &Value) -> Response<Bytes> {
    let request = Request::post("/orders/batch").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {KEY}"));
    sluice.client.send(request.body(body.to_string().into()).unwrap()).await
}

fn keyed(key: &str, quantity: u64) -> Value {
    let mut order = an_order();
    order["idempotency_key"] = key.into();
    order["lines"][0]["quantity"] = quantity.into();
    order
}

/// The status of each order's verdict.
fn statuses(answer: &Value) -> Vec<u64> {
    answer["orders"].as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_of_a_batch_has_the_verdict_that_it_would_have_alone() {
    let sluice = Sluice::start().await;
    let known = sluice
        .post(
            &{
                let mut order = keyed("known", 1);
                order.as_object_mut().unwrap().remove("idempotency_key");
                order
            },
            Some("known"),
        )
        .await;
    let mut faulty = an_order();
    faulty["currency"] = "EURO".into();
    let mut unpaid = an_order();
    unpaid["payment"] = json!({"token": "tok_1"});
    let orders = json!([
        an_order(),
        keyed("known", 1),
        keyed("known", 2),
        faulty,
        unpaid,
        keyed("new", 1),
        keyed("new", 1),
        an_order()
    ]);
    let answer = send(&sluice, &json!({"orders": orders})).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let answer = body_of(&answer);
    assert_eq!(statuses(&answer), [202, 202, 422, 422, 422, 202, 202, 202]);
    let item = |at: usize| &answer["orders"][at];
    assert_eq!((&item(1)["order"]["id"], &item(1)["idempotency_replayed"]), (&body_of(&known)["id"], &true.into()));
    assert_eq!(item(2)["problem"]["type"], "urn:sluice:problem:idempotency-key-reused");
    assert_eq!(item(3)["problem"]["errors"][0]["pointer"], "/orders/3/currency");
    assert_eq!(item(4)["problem"]["errors"][0]["pointer"], "/orders/4/payment");
    assert_eq!((&item(6)["order"]["id"], &item(6)["idempotency_replayed"]), (&item(5)["order"]["id"], &true.into()));
    assert_ne!(item(0)["order"]["id"], item(7)["order"]["id"]);
    for at in [0, 5, 7] {
        sluice.until(item(at)["order"]["id"].as_str().unwrap(), "confirmed").await;
    }
    // Sent again as a whole, as an importer does whose answer was lost.
    let orders: Vec<Value> = (0..100).map(|n| keyed(&format!("import-{n}"), 1)).collect();
    let (first, again) =
        (send(&sluice, &json!({"orders": orders})).await, send(&sluice, &json!({"orders": orders})).await);
    let ids = |answer: &Response<Bytes>| {
        body_of(answer)["orders"].as_array().unwrap().iter().map(|item| item["order"]["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ids(&again));
    assert!(body_of(&again)["orders"].as_array().unwrap().iter().all(|item| item["idempotency_replayed"] == true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_keeps_nothing() {
    let sluice = Sluice::start().await;
    for (body, status, kind) in [
        (json!({"orders": []}), 422, "invalid-request"),
        (json!({"orders": vec![an_order(); 101]}), 422, "invalid-request"),
        (an_order(), 422, "invalid-request"),
        (json!({"orders": ["x".repeat(1 << 20)]}), 413, "too-large"),
    ] {
        let answer = send(&sluice, &body).await;
        assert_eq!(answer.status(), status, "{answer:?}");
        assert_eq!(body_of(&answer)["type"], format!("urn:sluice:problem:{kind}"));
    }
    let queues = sluice.redis.raw().await;
    let kept: bool = ::redis::AsyncCommands::exists(&mut { queues }, "{orders}:placed:body").await.unwrap();
    assert!(!kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_belongs_to_its_caller_and_each_order_of_it_counts() {
    let mut limited = entry("webshop", "shop", KEY);
    limited["per_second"] = 1.into();
    limited["burst"] = 3.into();
    let sluice = Sluice::with(&[("api_keys", &json!([limited]).to_string())]).await;
    let answer = send(&sluice, &json!({"orders": vec![an_order(); 5]})).await;
    assert_eq!(statuses(&body_of(&answer)), [202, 202, 202, 429, 429]);
    assert_eq!(body_of(&answer)["orders"][4]["retry_after"], 1);
    assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"orders\";r=0;"));
    let id = body_of(&answer)["orders"][0]["order"]["id"].as_str().unwrap().to_owned();
    let shown = sluice.operate("GET", &format!("/orders/{id}"), KEY, &Value::Null).await;
    assert_eq!(body_of(&shown)["shop"], "webshop");
    assert_eq!(send(&sluice, &json!({"orders": [an_order()]})).await.status(), 429, "the whole is turned away");
}
