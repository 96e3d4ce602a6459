//! Full means no, not lost: past a limit, or when Redis can't write, the shop is told at once and nothing is half done.

use ::redis::AsyncCommands;
use host::Triggers;
use http::StatusCode;

use crate::harness::{Redis, Sluice, an_order, json, start_with};

async fn health(sluice: &Sluice) -> (StatusCode, String) {
    let response = sluice.client.get("/health").await;
    (response.status(), json(&response).to_string())
}

/// What is in the queue's database, without what health writes.
async fn keys(redis: &Redis) -> Vec<String> {
    let mut keys: Vec<String> = redis.raw().await.keys("*").await.unwrap();
    keys.retain(|key| !key.ends_with(":rearmed"));
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_503_with_retry_after_and_a_known_key_all_the_same() {
    let redis = Redis::start().await.into();
    // Nobody works the queue off.
    let start = host::StartOptions {
        triggers: Triggers::Only(["intake".to_owned()].into()),
        ..start_with(&[("max_queue_depth", "2")])
    };
    let sluice = Sluice::on(redis, start).await;
    let first = sluice.post(&an_order(), Some("a")).await;
    sluice.place(&an_order()).await;
    let before = keys(&sluice.redis).await;

    let refused = sluice.post(&an_order(), Some("b")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&refused.headers()["retry-after"], &json(&refused)["type"]),
        (&"5".parse().unwrap(), &"urn:sluice:problem:queue-full".into())
    );
    assert_eq!(keys(&sluice.redis).await, before);
    let remembered: u64 = sluice.redis.raw().await.hlen("{orders}:seen").await.unwrap();
    assert_eq!(remembered, 1, "a refused key is not remembered");

    let again = sluice.post(&an_order(), Some("a")).await;
    assert_eq!((again.status(), again.body()), (StatusCode::ACCEPTED, first.body()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_too_long_keeps_new_ones_out_until_it_is_gone() {
    let start = host::StartOptions {
        triggers: Triggers::Only(["intake".to_owned()].into()),
        ..start_with(&[("max_queue_age_s", "60")])
    };
    let sluice = Sluice::on(Redis::start().await.into(), start).await;
    let id: order::OrderId = sluice.place(&an_order()).await.parse().unwrap();
    let age = async |ms: i64| {
        let _: f64 = sluice.redis.raw().await.zincr("{orders}:placed:due", id.as_bytes(), -ms).await.unwrap();
    };
    age(61_000).await;
    let before = keys(&sluice.redis).await;
    let refused = sluice.post(&an_order(), Some("b")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(&refused)["type"], "urn:sluice:problem:queue-full");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(keys(&sluice.redis).await, before);
    age(-61_000).await;
    assert_eq!(sluice.post(&an_order(), Some("b")).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_cannot_write_takes_no_order_and_health_says_so() {
    let sluice = Sluice::start().await;
    sluice.place(&an_order()).await;
    for (hurt, heal, told) in [
        (&["CONFIG", "SET", "maxmemory", "1"][..], &["CONFIG", "SET", "maxmemory", "0"][..], "maxmemory"),
        (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"], "read only"),
    ] {
        sluice.redis.tell(hurt).await;
        let refused = sluice.post(&an_order(), Some("k")).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{hurt:?}");
        assert!(refused.headers().contains_key("retry-after"));
        let (status, body) = health(&sluice).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{hurt:?}");
        assert!(body.contains(told), "{hurt:?}: {body}");
        sluice.redis.tell(heal).await;
        let taken = sluice.post(&an_order(), Some(heal[0])).await;
        assert_eq!(taken.status(), StatusCode::ACCEPTED, "{heal:?}: {taken:?}");
        assert_eq!(health(&sluice).await.0, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_refuses_a_redis_that_may_throw_orders_away_and_the_command_it_names_mends_it() {
    let sluice = Sluice::start().await;
    for (name, bad) in [("maxmemory-policy", "allkeys-lru"), ("notify-keyspace-events", "")] {
        sluice.redis.tell(&["CONFIG", "SET", "maxmemory", "1gb"]).await;
        sluice.redis.tell(&["CONFIG", "SET", name, bad]).await;
        let (status, body) = health(&sluice).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        let advice = body.split(" config set ").nth(1).expect("it names the command");
        let words: Vec<&str> = advice.split(['"', '\\', '\'']).next().unwrap().split(' ').take(2).collect();
        sluice.redis.tell(&["CONFIG", "SET", words[0], words[1]]).await;
        assert_eq!(health(&sluice).await.0, StatusCode::OK, "{words:?}");
    }
}
