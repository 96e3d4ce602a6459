//! What a monitoring system reads.

use serde_json::Value;

use crate::harness::{Endpoint, Sluice, an_order, eventually, webhooks};

const KEY: &str = "0123456789abcdef";

async fn metrics(sluice: &Sluice) -> String {
    let answer = sluice.operate("GET", "/metrics", KEY, &Value::Null).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_the_counters_and_what_is_left_over_are_told() {
    let endpoint = Endpoint::start("erp").await;
    let [webhooks, origin] = webhooks(&[&endpoint]);
    let sluice = Sluice::with(&[("operator_key", KEY), (webhooks.0, &webhooks.1), (origin.0, &origin.1)]).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    endpoint.received(2).await;
    let told = [
        r#"sluice_events_total{subject="orders",event="confirmed"} 1"#,
        r#"sluice_events_total{subject="orders",event="cancelled"} 1"#,
        r#"sluice_events_total{subject="webhooks",event="delivered"} 2"#,
        r#"sluice_queue_messages{queue="placed",state="visible"} 0"#,
        r#"sluice_queue_messages{queue="changes.erp",state="dead"} 0"#,
        r#"sluice_queue_oldest_visible_seconds{queue="placed"} 0.0"#,
        "sluice_superseded_records 1",
    ];
    let text = eventually("the counters to be there", async || {
        let text = metrics(&sluice).await;
        told.iter().all(|line| text.lines().any(|other| other == *line)).then_some(text)
    })
    .await;
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_read_them() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    assert_eq!(sluice.operate("GET", "/metrics", "another", &Value::Null).await.status(), 401);
    assert_eq!(sluice.operate("POST", "/metrics", KEY, &Value::Null).await.status(), 405);
}
