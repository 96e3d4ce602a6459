//! Callers who may place only so many orders a second.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response};
use serde_json::Value;

use super::access::entry;
use crate::harness::{Sluice, an_order, json as body_of};

/// A key for each name. `webshop` may send `burst` orders at once, and then one a second.
fn api_keys(burst: u32) -> String {
    let mut limited = entry("webshop", "shop", "webshop");
    limited["per_second"] = 1.into();
    limited["burst"] = burst.into();
    Value::from(vec![limited, entry("outlet", "shop", "outlet")]).to_string()
}

async fn send(sluice: &Sluice, name: &str, request: http::request::Builder, body: &Value) -> Response<Bytes> {
    let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {name}"));
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    sluice.client.send(request.body(body).unwrap()).await
}

async fn post(sluice: &Sluice, name: &str) -> Response<Bytes> {
    send(sluice, name, Request::post("/orders"), &an_order()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_many_orders_is_told_when_to_go_on_and_what_may_be_sent() {
    let sluice = Sluice::with(&[("api_keys", &api_keys(3))]).await;
    for left in (0..3).rev() {
        let answer = post(&sluice, "webshop").await;
        assert_eq!(answer.status(), 202, "{answer:?}");
        assert_eq!(answer.headers()["ratelimit-policy"], "\"orders\";q=3;w=3");
        let told = answer.headers()["ratelimit"].to_str().unwrap();
        assert!(told.starts_with(&format!("\"orders\";r={left};t=")), "{told}");
    }
    let refused = post(&sluice, "webshop").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(body_of(&refused)["type"], "urn:sluice:problem:rate-limited");
    assert!(refused.headers()["ratelimit"].to_str().unwrap().starts_with("\"orders\";r=0;t="), "{refused:?}");

    // Reading goes on, and tells it too.
    let unknown = "/orders/017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    let read = send(&sluice, "webshop", Request::get(unknown), &Value::Null).await;
    assert_eq!(read.status(), 404);
    assert!(read.headers().contains_key("ratelimit") && read.headers().contains_key("ratelimit-policy"), "{read:?}");
    let other = post(&sluice, "outlet").await;
    assert_eq!(other.status(), 202);
    assert!(!other.headers().contains_key("ratelimit"), "who has no limit is told of none");

    let wait = Duration::from_secs(refused.headers()["retry-after"].to_str().unwrap().parse().unwrap());
    tokio::time::sleep(wait).await;
    assert_eq!(post(&sluice, "webshop").await.status(), 202, "after the time in Retry-After");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_floods_is_turned_away_at_the_door_and_no_other_shop_is() {
    let sluice = Sluice::with(&[("api_keys", &api_keys(2))]).await;
    let flood = join_all((0..400).map(|_| post(&sluice, "webshop")));
    let others = join_all((0..20).map(|_| post(&sluice, "outlet")));
    let (flood, others) = tokio::join!(flood, others);
    assert!(others.iter().all(|answer| answer.status() == 202));
    let taken = flood.iter().filter(|answer| answer.status() == 202).count();
    let refused = flood.iter().filter(|answer| answer.status() == 429).count();
    assert!((2..20).contains(&taken) && taken + refused == 400, "{taken} taken, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_taken_is_known_again_though_its_shop_may_send_no_more() {
    let sluice = Sluice::with(&[("api_keys", &api_keys(1))]).await;
    let keyed = async || {
        let request = Request::post("/orders").header("idempotency-key", "cart-1");
        send(&sluice, "webshop", request, &an_order()).await
    };
    let first = body_of(&keyed().await);
    // The instance that answers may remember that there is no token, and then it asks for a moment's patience.
    let again = loop {
        let again = keyed().await;
        if again.status() != 429 {
            break again;
        }
    };
    assert_eq!((again.status().as_u16(), &body_of(&again)["id"]), (202, &first["id"]));
}
