//! Hosts whose lists of endpoints differ: what one doesn't know it leaves to others, and nothing is lost or buried.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::redis::AsyncCommands;
use serde_json::{Value, json};

use crate::harness::{Endpoint, Redis, Sluice, an_order, eventually, json as body_of, start_with, webhooks};

const KEY: &str = "0123456789abcdef";

/// A host that knows these endpoints.
async fn knowing(redis: &Arc<Redis>, endpoints: &[&Endpoint]) -> Sluice {
    let [list, origin] = webhooks(endpoints);
    let variables = [(list.0, list.1.as_str()), (origin.0, &origin.1), ("operator_key", KEY)];
    Sluice::on(redis.clone(), start_with(&variables)).await
}

/// Waits until an endpoint was told of all these orders.
async fn told_of(endpoint: &Endpoint, orders: &BTreeSet<String>) {
    eventually("every order to be told", async || {
        let deliveries = endpoint.deliveries();
        let told: BTreeSet<_> =
            deliveries.iter().map(|it| it.event()["subject"].as_str().unwrap().to_owned()).collect();
        orders.is_subset(&told).then_some(())
    })
    .await;
}

/// Waits until nothing is left to be copied to the endpoints.
async fn copied(redis: &Redis) {
    emptied(redis, "placed").await;
    emptied(redis, "changes").await;
}

async fn emptied(redis: &Redis, queue: &str) {
    let due = format!("{{orders}}:{queue}:due");
    eventually("an empty queue", async || {
        let left: u64 = redis.raw().await.zcard(&due).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
}

async fn dead(redis: &Redis) -> Vec<String> {
    redis.raw().await.keys("*:dead").await.unwrap()
}

async fn confirm(sluice: &Sluice) -> String {
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_of_which_one_does_not_know_an_endpoint_tell_it_of_every_order() {
    let (old, new) = (Endpoint::start("old").await, Endpoint::start("new").await);
    let redis = Arc::new(Redis::start().await);
    let before = knowing(&redis, &[&old]).await;
    confirm(&before).await;
    // The hosts are changed one after the other.
    let after = knowing(&redis, &[&old, &new]).await;
    let mut orders = BTreeSet::new();
    for _ in 0..50 {
        orders.insert(before.place(&an_order()).await);
        orders.insert(after.place(&an_order()).await);
    }
    told_of(&new, &orders).await;
    told_of(&old, &orders).await;
    // And the other way: a host that no longer knows it leaves it to the one that does.
    drop(before);
    let without = knowing(&redis, &[&old]).await;
    for _ in 0..50 {
        orders.insert(without.place(&an_order()).await);
    }
    told_of(&new, &orders).await;
    told_of(&old, &orders).await;
    assert_eq!(dead(&redis).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_empty_for_one_restart_loses_nothing() {
    let endpoint = Endpoint::start("erp").await;
    let redis = Arc::new(Redis::start().await);
    let mut orders = BTreeSet::new();
    let first = knowing(&redis, &[&endpoint]).await;
    orders.insert(confirm(&first).await);
    endpoint.received(1).await;
    drop(first);

    let empty = knowing(&redis, &[]).await;
    for _ in 0..3 {
        orders.insert(confirm(&empty).await);
        // The next wake finds the event waiting.
        copied(&redis).await;
    }
    drop(empty);
    assert_eq!(endpoint.deliveries().len(), 1);

    let third = knowing(&redis, &[&endpoint]).await;
    third.attend().await;
    told_of(&endpoint, &orders).await;
    assert_eq!(dead(&redis).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_retired_endpoint_is_shown_until_an_operator_removes_it() {
    let endpoint = Endpoint::start("erp").await;
    let redis = Arc::new(Redis::start().await);
    let first = knowing(&redis, &[&endpoint]).await;
    confirm(&first).await;
    endpoint.received(1).await;
    emptied(&redis, "changes.erp").await;
    drop(first);
    let sluice = knowing(&redis, &[]).await;
    confirm(&sluice).await;
    copied(&redis).await;
    let desk = async |method: &str, path: &str| sluice.operate(method, path, KEY, &Value::Null).await;
    let health = async || body_of(&sluice.client.get("/health").await).to_string();

    let refused = desk("DELETE", "/endpoints/erp").await;
    assert_eq!(
        (refused.status(), &body_of(&refused)["type"]),
        (409.try_into().unwrap(), &json!("urn:sluice:problem:endpoint-in-use"))
    );
    assert!(!health().await.contains("Events wait"), "another host might know it");

    // A minute later.
    let (mut raw, subscribers) = (redis.raw().await, "{orders}:changes:subscribers");
    let known: String = raw.hget(subscribers, "changes.erp").await.unwrap();
    let mut known: Value = serde_json::from_str(&known).unwrap();
    known["topics"]["*"] = (known["topics"]["*"].as_u64().unwrap() - 61_000).into();
    let _: u64 = raw.hset(subscribers, "changes.erp", known.to_string()).await.unwrap();
    let told =
        eventually("health to tell it", async || Some(health().await).filter(|it| it.contains("Events wait"))).await;
    assert!(told.contains("Events wait for the endpoint erp, which no host knows: 1."), "{told}");
    let listed = body_of(&desk("GET", "/endpoints").await);
    let [erp] = listed["endpoints"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&erp["name"], &erp["waiting"], &erp["dead"]), (&json!("erp"), &json!(1), &json!(0)));
    let metrics = desk("GET", "/metrics").await;
    let metrics = str::from_utf8(metrics.body()).unwrap();
    let unnamed = r#"sluice_endpoint_unnamed_seconds{queue="changes.erp"} "#;
    let line = metrics.lines().find_map(|line| line.strip_prefix(unnamed)).unwrap();
    assert!(line.parse::<f64>().unwrap() > 60.0, "{line}");

    let removed = desk("DELETE", "/endpoints/erp").await;
    assert_eq!(body_of(&removed), json!({"removed": true, "waiting": 1, "dead": 0}));
    assert_eq!(body_of(&desk("GET", "/endpoints").await), json!({"endpoints": []}));
    assert_eq!(desk("DELETE", "/endpoints/erp").await.status(), 404);
    assert!(!health().await.contains("Events wait"));
}
