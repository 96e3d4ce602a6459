//! What an order is worth is what its customer is charged and gets back: with shipping and taxes, without discounts.

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, charging, charging_and_telling, level, track, variables};
use crate::harness::{Endpoint, PaymentProvider, Redis, Sluice, an_order, json as body_of, start_with};

/// 900 + 1200 for the lines, - 100 - 200 taken off, + 490 for shipping, + 435 tax.
fn priced() -> Value {
    let mut order = an_order();
    order["lines"][0]["discount"] = 100.into();
    order["lines"][0]["tax"] = 152.into();
    order["discounts"] = json!([{"code": "SPRING", "amount": 200}]);
    order["shipping"] = json!({"method": "DHL", "amount": 490});
    order["taxes"] = json!([{"name": "VAT", "rate": "19", "amount": 435}]);
    order["total"] = 2725.into();
    order
}

/// All is taken off, shipping too.
fn free() -> Value {
    let mut order = an_order();
    order["shipping"] = json!({"amount": 490});
    order["discounts"] = json!([{"name": "For the first hundred", "amount": 2590}]);
    order["total"] = 0.into();
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_charged_the_total_that_everyone_is_told_and_gets_it_back() {
    let (provider, endpoint) = (PaymentProvider::start().await, Endpoint::start("erp").await);
    let sluice = charging_and_telling(&provider, &[&endpoint]).await;
    let answer = body_of(&sluice.post(&priced(), None).await);
    let id = answer["id"].as_str().unwrap();
    let record = sluice.until(id, "confirmed").await;
    let events = endpoint.received(1).await;
    for told in [&answer, &record, &events[0].event()["data"]] {
        let sums = ["subtotal", "discount", "tax", "total"].map(|field| told[field].as_u64());
        assert_eq!(sums, [Some(2100), Some(300), Some(435), Some(2725)], "{told}");
        assert_eq!(told["shipping"], priced()["shipping"], "{told}");
    }
    for field in ["lines", "discounts", "taxes"] {
        assert_eq!(record[field], priced()[field]);
    }
    assert_eq!(provider.ledger().charges[id]["amount"], 2725);
    sluice.ask(id, "cancel", &Value::Null).await;
    sluice.until(id, "cancelled").await;
    assert_eq!(provider.ledger().refunds[id]["amount"], 2725);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_total_the_shop_shows_otherwise_is_not_taken() {
    let provider = PaymentProvider::start().await;
    let sluice = charging(&provider).await;
    let mut order = priced();
    order["total"] = 2724.into();
    let refused = sluice.post(&order, None).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = body_of(&refused);
    let detail = "must be 2725, not 2724: 2100 for the lines - 300 discount + 490 shipping + 435 tax";
    assert_eq!(problem["errors"], json!([{"pointer": "/total", "detail": detail}]), "{problem}");
    assert_eq!(problem["detail"], format!("/total {detail}."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_differs_in_what_is_beside_its_lines_is_not_the_one_that_its_key_brought() {
    let sluice = charging(&PaymentProvider::start().await).await;
    let first = body_of(&sluice.post(&free(), Some("cart-1")).await);
    let mut untold = free();
    untold["total"] = Value::Null;
    let again = body_of(&sluice.post(&untold, Some("cart-1")).await);
    assert_eq!(again["id"], first["id"], "a total that is told says nothing more");
    let mut renamed = free();
    renamed["discounts"][0]["name"] = "For everybody".into();
    let other = sluice.post(&renamed, Some("cart-1")).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body_of(&other)["type"], "urn:sluice:problem:idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_costs_nothing_in_the_end_is_confirmed_fulfilled_and_cancelled_without_the_provider() {
    for capture in ["at_once", "on_fulfil"] {
        let provider = PaymentProvider::start().await;
        let mut variables = variables(&provider, &[]);
        variables.push(("payment_capture", capture.to_owned()));
        let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
        track(&sluice, 9).await;
        let means = [
            Value::Null,
            json!({"token": "tok_1"}),
            json!({"charge_id": "ch_1"}),
            json!({"charge_id": "auth_1", "capture": true}),
        ];
        for payment in means {
            let mut order = free();
            order["payment"] = payment;
            let id = sluice.place(&order).await;
            let record = sluice.until(&id, "confirmed").await;
            assert_eq!((&record["payment"], &record["total"]), (&json!("none"), &json!(0)), "{record}");
            sluice.ask(&id, "cancel", &Value::Null).await;
            sluice.until(&id, "cancelled").await;
            let id = sluice.place(&order).await;
            sluice.until(&id, "confirmed").await;
            sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
            sluice.until(&id, "fulfilled").await;
        }
        assert_eq!(level(&sluice, "TEA-1").await, (1.into(), 0.into()), "four went out, four came back");
        assert!(provider.ledger().asked.is_empty(), "{:?}", provider.ledger().asked);
    }
}
