//! What can be done to an order after it was accepted, at the shop's door.

use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{
    Delivery, Endpoint, Sluice, an_order, eventually, json as body_of, start_with, unattended, webhooks,
};

const KEY: &str = "0123456789abcdef";

async fn start() -> Sluice {
    Sluice::with(&[("operator_key", KEY)]).await
}

async fn confirmed(sluice: &Sluice) -> String {
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    id
}

async fn fulfil(sluice: &Sluice, id: &str, body: &Value) -> http::Response<bytes::Bytes> {
    sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilled_order_tells_where_its_parcel_is_and_can_be_fulfilled_again_by_the_same() {
    let endpoint = Endpoint::start("erp").await;
    let [webhooks, origin] = webhooks(&[&endpoint]);
    let sluice = Sluice::with(&[("operator_key", KEY), (webhooks.0, &webhooks.1), (origin.0, &origin.1)]).await;
    let id = confirmed(&sluice).await;
    let answer = fulfil(&sluice, &id, &json!({"tracking": "JD014600003SE"})).await;
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (StatusCode::ACCEPTED, &format!("/orders/{id}").parse().unwrap())
    );
    assert_eq!(
        body_of(&answer),
        json!({"id": id, "status": "confirmed", "pending": [{"change": "fulfil", "status": "queued"}]})
    );
    let record = sluice.until(&id, "fulfilled").await;
    assert_eq!((&record["tracking"], &record["version"]), (&json!("JD014600003SE"), &json!(2)));
    assert_eq!(record.get("pending"), None);
    for same in [json!({"tracking": "JD014600003SE"}), json!({})] {
        let again = fulfil(&sluice, &id, &same).await;
        assert_eq!((again.status(), body_of(&again)), (StatusCode::OK, record.clone()));
    }
    let other = fulfil(&sluice, &id, &json!({"tracking": "another"})).await;
    assert_eq!((other.status(), &body_of(&other)["state"]), (StatusCode::CONFLICT, &json!("fulfilled")));
    // Two events at once may arrive in either order.
    let events = endpoint.received(2).await;
    let told = events.iter().map(Delivery::event).find(|event| event["type"] == "sluice.order.fulfilled");
    assert_eq!(told.expect("it is told")["data"], record);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_illegal_move_is_answered_with_the_present_state() {
    let sluice = start().await;
    sluice.operate("PUT", "/stock/TEA-1", KEY, &json!({"available": 2})).await;
    let good = confirmed(&sluice).await;
    let rejected = sluice.place(&an_order()).await;
    sluice.until(&rejected, "rejected").await;
    fulfil(&sluice, &good, &json!({})).await;
    sluice.until(&good, "fulfilled").await;
    for (answer, state) in [
        (sluice.ask(&good, "cancel", &Value::Null).await, "fulfilled"),
        (sluice.ask(&rejected, "cancel", &Value::Null).await, "rejected"),
        (fulfil(&sluice, &rejected, &json!({})).await, "rejected"),
    ] {
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{answer:?}");
        let problem = body_of(&answer);
        assert_eq!((&problem["type"], &problem["state"]), (&json!("urn:sluice:problem:illegal-move"), &json!(state)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_fulfil_and_bad_requests_change_nothing() {
    let sluice = start().await;
    let id = confirmed(&sluice).await;
    let unknown = "01a05cd7-2afa-75a5-a5a5-a5a5a5a5a5a5";
    let path = |id: &str, verb: &str| format!("/orders/{id}/{verb}");
    for (method, path, key, body, status) in [
        ("POST", path(&id, "fulfil"), "wrong", json!({}), 401),
        ("POST", path(&id, "fulfil"), KEY, json!({"tracking": ""}), 422),
        ("POST", path(&id, "fulfil"), KEY, json!({"parcel": "x"}), 422),
        ("POST", path(&id, "fulfil"), KEY, json!([]), 422),
        ("GET", path(&id, "fulfil"), KEY, Value::Null, 405),
        ("POST", path(unknown, "fulfil"), KEY, json!({}), 404),
        ("POST", path("4711", "cancel"), KEY, json!({}), 404),
        ("POST", path(unknown, "cancel"), KEY, json!({}), 404),
        ("POST", path(&id, "cancel"), KEY, json!({"reason": 7}), 422),
        ("DELETE", path(&id, "cancel"), KEY, Value::Null, 405),
        ("POST", path(&id, "steal"), KEY, json!({}), 404),
    ] {
        let answer = sluice.operate_json(method, &path, key, &body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    let untyped = sluice.operate("POST", &path(&id, "fulfil"), KEY, &json!({"tracking": "x"})).await;
    assert_eq!(untyped.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(sluice.get(&id).await["version"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_of_an_order_is_shown_until_it_is_done_and_done_in_turn() {
    let all = start().await;
    let id = confirmed(&all).await;
    let redis = all.redis.clone();
    all.running.stop().await;

    let door = Sluice::on(redis.clone(), unattended(&[("operator_key", KEY)])).await;
    assert_eq!(fulfil(&door, &id, &json!({})).await.status(), StatusCode::ACCEPTED);
    assert_eq!(door.ask(&id, "cancel", &Value::Null).await.status(), StatusCode::ACCEPTED);
    let queued = |change: &str| json!({"change": change, "status": "queued"});
    let shown = door.get(&id).await;
    assert_eq!(
        (&shown["status"], &shown["pending"]),
        (&json!("confirmed"), &json!([queued("fulfil"), queued("cancel")]))
    );
    let sluice = Sluice::on(redis, start_with(&[("operator_key", KEY)])).await;
    sluice.attend().await;
    let record = eventually("both to be done", async || {
        let shown = sluice.get(&id).await;
        shown.get("pending").is_none().then_some(shown)
    })
    .await;
    assert_eq!((&record["status"], &record["version"]), (&json!("fulfilled"), &json!(2)), "what was asked first");
}

#[tokio::test(flavor = "multi_thread")]
async fn superseded_records_are_removed_in_time() {
    let sluice = Sluice::with(&[("operator_key", KEY), ("lease_ms", "100")]).await;
    let id = confirmed(&sluice).await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    let store = redis::Client::open(sluice.redis.url(1)).unwrap();
    let store = store.get_multiplexed_async_connection().await.unwrap();
    let present = format!("order/{id}/2.cancel.1");
    let left = eventually("the first record to go", async || {
        let left: Vec<String> = redis::AsyncCommands::keys(&mut store.clone(), "order/*").await.unwrap();
        (left.len() == 1).then_some(left)
    })
    .await;
    assert_eq!(left, [present]);
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_do_not_go_out_for_an_order_that_is_to_be_cancelled() {
    let all = start().await;
    let id = confirmed(&all).await;
    let redis = all.redis.clone();
    all.running.stop().await;

    let door = Sluice::on(redis, unattended(&[("operator_key", KEY)])).await;
    assert_eq!(door.ask(&id, "cancel", &Value::Null).await.status(), StatusCode::ACCEPTED);
    let refused = fulfil(&door, &id, &json!({})).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT, "{refused:?}");
    assert_eq!(body_of(&refused)["type"], "urn:sluice:problem:cancel-pending");
}
