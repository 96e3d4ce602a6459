//! `GET /health`: what is checked, what is said of each failure, and the queues that a probe revives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::AsyncCommands;
use host::calls::{Answer, Operation, Ruling, decide};
use host::redis_server::RedisServer;
use host::{RedisOverride, StartOptions, Triggers};
use tempfile::TempDir;

use super::*;
use crate::harness::{Client, Endpoint, app, eventually, start_with, webhooks};

/// The status of each check by its name.
#[track_caller]
fn checks(health: &Value) -> Vec<(&str, &str)> {
    let checks = health["checks"].as_array().unwrap().iter();
    checks.map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap())).collect()
}

/// What is said of one check.
fn detail<'a>(health: &'a Value, name: &str) -> &'a str {
    let mut checks = health["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("{health} checks no {name}"));
    check["detail"].as_str().unwrap_or_else(|| panic!("nothing is said of {name}"))
}

async fn ask(client: &Client) -> (u16, Value) {
    let answer = client.get("/health").await;
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-length"], answer.body().len().to_string());
    (answer.status().as_u16(), body_of(&answer))
}

const ALL: [&str; 7] = ["settings", "access", "redis", "rights", "keyspace notifications", "no eviction", "store"];

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_on_a_redis_that_is_set_up_as_the_readme_says() {
    let sluice = Sluice::start().await;
    for orders in [0, 10] {
        for _ in 0..orders {
            sluice.place(&full()).await;
        }
        let (status, health) = ask(&sluice.client).await;
        assert_eq!((status, &health["status"]), (200, &"pass".into()), "{health}");
        assert_eq!(checks(&health), ALL.map(|name| (name, "pass")));
    }
}

/// Pastes what a check says into a shell: everything behind "run: ".
fn paste(detail: &str) {
    let (_, command) = detail.split_once("run: ").unwrap_or_else(|| panic!("{detail} names no command"));
    let told = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(!told.is_empty() && told.lines().all(|line| line == "OK"), "{command}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_set_up_otherwise_is_mended_by_the_commands_that_health_names() {
    let sluice = Sluice::start().await;
    sluice.redis.tell(&["CONFIG", "SET", "maxmemory", "1gb"]).await;
    for (change, check, status) in [
        (["notify-keyspace-events", ""], "keyspace notifications", 503),
        (["notify-keyspace-events", "Ex$"], "keyspace notifications", 503),
        (["notify-keyspace-events", "Kx"], "keyspace notifications", 503),
        (["appendfsync", "everysec"], "durability", 200),
        (["appendonly", "no"], "durability", 200),
        (["maxmemory-policy", "allkeys-lru"], "no eviction", 503),
    ] {
        sluice.redis.tell(&["CONFIG", "SET", change[0], change[1]]).await;
        let (code, health) = ask(&sluice.client).await;
        assert_eq!(code, status, "{change:?}: {health}");
        assert_eq!(health["status"], if status == 200 { "warn" } else { "fail" });
        let detail = detail(&health, check);
        let server = sluice.redis.url(0);
        assert!(detail.contains(&format!("redis-cli -u {server} config set ")), "{detail} names another than {server}");
        assert!(detail.contains("redis.conf"), "{detail}");
        paste(detail);
        let (code, health) = ask(&sluice.client).await;
        assert_eq!((code, &health["status"]), (200, &"pass".into()), "after {change:?}: {health}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_with_a_time_to_live_are_warned_of() {
    let sluice = Sluice::start().await;
    let mut redis = sluice.redis.raw().await;
    for n in 0..120 {
        let _: () = redis.set_ex(format!("session:{n}"), "x", 3600).await.unwrap();
    }
    let (code, health) = ask(&sluice.client).await;
    assert_eq!((code, &health["status"]), (200, &"warn".into()), "{health}");
    assert!(detail(&health, "timers").contains("a database of its own"), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_where_the_triggers_listen_is_named() {
    // What is written to this store goes elsewhere, as it would with another database in runtime-config.toml.
    let elsewhere = decide(|call| match &call.operation {
        Operation::KeyValueSet { key, .. } if key == "orders/probe" => Ruling::Answer(Answer::Done),
        _ => Ruling::Proceed,
    });
    let redis = Redis::start().await;
    let start = StartOptions { calls: Some(Arc::new(elsewhere)), ..StartOptions::default() };
    let mut store = redis.raw().await;
    ::redis::cmd("SELECT").arg(1).exec_async(&mut store).await.unwrap();
    store.set::<_, _, ()>("orders/probe", "left by an earlier check").await.unwrap();
    let sluice = Sluice::on(redis.into(), start).await;
    let (code, health) = ask(&sluice.client).await;
    assert_eq!((code, &health["status"]), (503, &"fail".into()), "{health}");
    let (detail, store) = (detail(&health, "store"), sluice.redis.url(1));
    assert!(detail.contains("runtime-config.toml") && detail.contains("store_url") && detail.contains(&store));
}

/// The application on a Redis that the test can stop.
struct OnAServer {
    server: RedisServer,
    client: Client,
    running: host::RunningApplication,
    _data: TempDir,
}

impl OnAServer {
    async fn start() -> Self {
        let data = TempDir::new().unwrap();
        let server = RedisServer::start(data.path()).await.unwrap();
        let start = StartOptions {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            redis: Some(RedisOverride::new(&server.url(0)).unwrap()),
            // A doorbell that rings before the host listens again is made good so soon.
            ..start_with(&[("lease_ms", "1000")])
        };
        let running = app().start(start).await.unwrap();
        running.subscribed().await;
        let client = Client::new(running.address().unwrap());
        Self { server, client, running, _data: data }
    }

    /// Health says within 3 s that neither Redis nor the store can be used, and what to do; the shop is told to come
    /// again.
    async fn is_told_to_be_away(&self) {
        let begun = Instant::now();
        let (code, health) = ask(&self.client).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "health took {:?}", begun.elapsed());
        assert_eq!((code, &health["status"]), (503, &"fail".into()), "{health}");
        assert!(detail(&health, "redis").contains("Start Redis"), "{health}");
        assert!(detail(&health, "store").contains("runtime-config.toml"), "{health}");
        let answer = self.client.send(post(full().to_string())).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(problem(&answer)["type"], "urn:sluice:problem:unavailable");
    }

    async fn is_well_again(&self) {
        eventually("health to be well", async || (ask(&self.client).await.0 == 200).then_some(())).await;
        self.running.subscribed().await;
        let answer = self.client.send(post(full().to_string())).await;
        assert_eq!(answer.status(), 202);
        let path = answer.headers()["location"].to_str().unwrap().to_owned();
        // The doorbell may ring before the triggers listen again. The probe rings once more: each application should
        // have one.
        eventually("the order to be confirmed", async || {
            ask(&self.client).await;
            (body_of(&self.client.get(&path).await)["status"] == "confirmed").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_gone_or_hangs_is_told_at_once_and_forgotten_when_it_is_back() {
    let mut sluice = OnAServer::start().await;
    sluice.is_well_again().await;
    sluice.server.kill().await.unwrap();
    sluice.is_told_to_be_away().await;
    sluice.server.restart().await.unwrap();
    sluice.is_well_again().await;

    sluice.server.pause().unwrap();
    sluice.is_told_to_be_away().await;
    sluice.server.resume().unwrap();
    sluice.is_well_again().await;
}

/// Runs a part of the application on this Redis, and ends it.
async fn with_only(redis: &Redis, components: &[&str]) -> host::RunningApplication {
    let start = StartOptions {
        redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
        triggers: Triggers::Only(components.iter().map(|name| (*name).to_owned()).collect()),
        ..StartOptions::default()
    };
    app().start(start).await.unwrap()
}

/// Loses every wake of a queue: as a doorbell that nobody heard, and timers whose events nobody got.
async fn lose_wakes(redis: &Redis, queue: &str) {
    let [bell, timer, guard] = ["bell", "timer", "guard"].map(|key| format!("{{orders}}:{queue}:{key}"));
    redis.tell(&["DEL", &bell, &timer, &guard]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_revives_orders_whose_wake_was_lost() {
    let redis = Redis::start().await;
    let intake = with_only(&redis, &["intake"]).await;
    let answer = intake.route(post(full().to_string())).await;
    let path = answer.headers()["location"].to_str().unwrap().to_owned();
    intake.stop().await;
    lose_wakes(&redis, "placed").await;

    let sluice = Sluice::on(redis.into(), StartOptions::default()).await;
    let status = async || body_of(&sluice.client.get(&path).await)["status"].clone();
    assert_eq!(status().await, "queued");
    assert_eq!(ask(&sluice.client).await.0, 200);
    eventually("the order to be confirmed", async || (status().await == "confirmed").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_revives_changes_whose_wake_was_lost() {
    let redis = Redis::start().await;
    let workers = with_only(&redis, &["intake", "processor"]).await;
    workers.subscribed().await;
    let answer = workers.route(post(full().to_string())).await;
    let id = body_of(&answer)["id"].as_str().unwrap().to_owned();
    let mut raw = redis.raw().await;
    eventually("the change", async || {
        let changes: u64 = raw.clone().zcard("{orders}:changes:due").await.unwrap();
        (changes == 1).then_some(())
    })
    .await;
    workers.stop().await;
    lose_wakes(&redis, "changes").await;

    let endpoint = Endpoint::start("erp").await;
    let [entries, origin] = webhooks(&[&endpoint]);
    let sluice = Sluice::on(redis.into(), start_with(&[(entries.0, &entries.1), (origin.0, &origin.1)])).await;
    let armed: bool = raw.exists("{orders}:changes:timer").await.unwrap();
    assert!(!armed && endpoint.deliveries().is_empty());
    assert_eq!(ask(&sluice.client).await.0, 200);
    assert_eq!(endpoint.received(1).await[0].event()["subject"], id);
}
