//! From POST to a signed notification, on the real components.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http::StatusCode;
use serde_json::Value;

use crate::harness::{Endpoint, Reaction, Sluice, an_order, eventually, json, webhooks};

/// A running application that tells these endpoints, and retries at once.
async fn telling(endpoints: &[&Endpoint]) -> Sluice {
    let [webhooks, origin] = webhooks(endpoints);
    Sluice::with(&[
        (webhooks.0, &webhooks.1),
        (origin.0, &origin.1),
        ("webhook_schedule_ms", "10,10"),
        ("webhook_timeout_ms", "500"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_accepted_confirmed_and_told() {
    let endpoint = Endpoint::start("erp").await;
    let sluice = telling(&[&endpoint]).await;

    let accepted = sluice.post(&an_order(), None).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let answer = json(&accepted);
    let id = answer["id"].as_str().unwrap();
    assert_eq!(accepted.headers()["location"], format!("/orders/{id}"));
    assert_eq!(
        (&answer["status"], &answer["total"], &answer["currency"]),
        (&"queued".into(), &2100.into(), &"EUR".into())
    );

    let record = sluice.until(id, "confirmed").await;
    assert_eq!((&record["id"], &record["version"], &record["total"]), (&answer["id"], &1.into(), &2100.into()));
    assert_eq!(record["created_at"], answer["created_at"]);
    assert_eq!(record["lines"], an_order()["lines"]);

    let deliveries = endpoint.received(1).await;
    let event = deliveries[0].event();
    assert_eq!(deliveries[0].headers["content-type"], "application/cloudevents+json");
    assert_eq!(deliveries[0].headers["webhook-id"], *event["id"].as_str().unwrap());
    assert_eq!((&event["specversion"], &event["type"]), (&"1.0".into(), &"sluice.order.confirmed".into()));
    assert_eq!((&event["subject"], &event["data"]), (&record["id"], &record));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_posts_at_once_with_one_key_are_one_order_and_one_event() {
    let endpoint = Endpoint::start("erp").await;
    let sluice = telling(&[&endpoint]).await;
    let order = an_order();
    let answers = join_all((0..50).map(|_| sluice.post(&order, Some("cart-4711")))).await;

    let first = answers[0].body();
    assert!(answers.iter().all(|answer| answer.status() == 202 && answer.body() == first), "{answers:?}");
    let replayed = answers.iter().filter(|answer| answer.headers().contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 49);

    let id = json(&answers[0])["id"].as_str().unwrap().to_owned();
    sluice.until(&id, "confirmed").await;
    // A later order's event comes after all that there are of the first.
    let later = sluice.place(&order).await;
    let subjects = eventually("the later order's event", async || {
        let subjects: Vec<Value> =
            endpoint.deliveries().iter().map(|delivery| delivery.event()["subject"].take()).collect();
        subjects.contains(&later.as_str().into()).then_some(subjects)
    })
    .await;
    assert_eq!(subjects.iter().filter(|subject| **subject == id.as_str()).count(), 1, "{subjects:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_told_again_under_the_same_id() {
    let failing = |before| match before {
        0 => Reaction::Answer(StatusCode::INTERNAL_SERVER_ERROR),
        1 => Reaction::Close,
        _ => Reaction::Answer(StatusCode::OK),
    };
    let endpoint = Endpoint::behaving("erp", failing).await;
    let sluice = telling(&[&endpoint]).await;
    let id = sluice.place(&an_order()).await;
    let events: Vec<_> = endpoint.received(3).await.iter().map(|delivery| delivery.event()).collect();
    assert!(events.iter().all(|event| event["subject"] == id.as_str() && event == &events[0]), "{events:?}");
}

/// Longer than a wake's budget and a request's time limit together, and then once more: whatever pauses between two
/// wakes shows itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_delays_no_other() {
    let hanging = Endpoint::behaving("slow", |_| Reaction::Hang).await;
    let good = Endpoint::start("good").await;
    let [webhooks, origin] = webhooks(&[&hanging, &good]);
    let sluice = Sluice::with(&[
        (webhooks.0, &webhooks.1),
        (origin.0, &origin.1),
        ("drain_budget_ms", "500"),
        ("webhook_timeout_ms", "2500"),
    ])
    .await;
    let mut worst = Duration::ZERO;
    let mut told = 0;
    // The first batch has one event, each later one has sixteen.
    while hanging.deliveries().len() < 1 + 16 + 16 {
        let placed = Instant::now();
        sluice.place(&an_order()).await;
        told += 1;
        good.received(told).await;
        worst = worst.max(placed.elapsed());
    }
    assert!(worst < Duration::from_millis(1000), "of {told} orders one was told after {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_orders_at_once_are_all_confirmed_and_told() {
    let endpoint = Endpoint::start("erp").await;
    let sluice = telling(&[&endpoint]).await;
    let order = an_order();
    let mut ids: Vec<String> = join_all((0..1000).map(|_| sluice.place(&order))).await;
    endpoint.received(1000).await;
    let mut told: Vec<String> =
        endpoint.deliveries().iter().map(|delivery| delivery.event()["subject"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    told.sort();
    told.dedup();
    assert_eq!(told, ids);
    for id in ids.iter().step_by(100) {
        sluice.until(id, "confirmed").await;
    }
}
