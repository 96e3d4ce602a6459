//! The checks, one by one.

use std::time::Duration;

use futures::future::join;
use guest::{Answer, Redis, Settings, within};
use http::StatusCode;
use order::queues;
use queue::{Queue, Server};
use serde::Serialize;
use spin_sdk::key_value::Store;

/// How long Redis may take for one call.
const REDIS_DEADLINE: Duration = Duration::from_secs(2);

/// How long the store may take.
const STORE_DEADLINE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Health {
    status: Status,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Of a check, and of all: the worst of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Pass,
    Warn,
    Fail,
}

pub(crate) async fn health() -> Answer {
    let settings = Settings::new("health");
    let mut checks = vec![Check::of("settings", check_settings(&settings).await)];
    // At the same time: where both are silent, a probe must not wait for both.
    let (redis, store) = join(check_redis(&settings), check_store()).await;
    checks.extend(redis);
    checks.push(store);

    let status = checks.iter().map(|check| check.status).max().unwrap_or(Status::Pass);
    let code = if status == Status::Fail { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = serde_json::to_vec(&Health { status, checks }).expect("plain strings are JSON");
    Answer::json(code, body).with("cache-control", "no-store")
}

/// Those of all components, since the workers can't answer for themselves. Tells all that is wrong at once.
async fn check_settings(settings: &Settings) -> Result<(), String> {
    let faults = [
        settings.queue().await.err(),
        settings.backoff().await.err(),
        settings.max_crashes().await.err(),
        settings.drain_budget().await.err(),
        settings.idempotency_ttl().await.err(),
        settings.limits().await.err(),
        settings.refuse_untracked().await.err(),
        settings.operator_key().await.err(),
        settings.payment_provider().await.err(),
        settings.webhooks().await.err(),
        settings.webhook_schedule().await.err(),
        settings.webhook_timeout().await.err(),
    ];
    let faults: Vec<_> = faults.into_iter().flatten().map(|error| format!("{error}.")).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join(" ")) }
}

/// Nothing where the settings don't say which Redis.
async fn check_redis(settings: &Settings) -> Vec<Check> {
    let Ok(shared) = settings.queue().await else { return Vec::new() };
    let redis = Redis::new(shared.redis_url, REDIS_DEADLINE);
    for name in [queues::PLACED, queues::CHANGES] {
        if let Err(error) = Queue::new(&redis, &shared.namespace, name, shared.timing).rearm().await {
            let hint = "Start Redis, give it room, or set the variables redis_url and redis_host to another";
            return vec![Check::of("redis", Err(format!("{error}. {hint}.")))];
        }
    }
    let mut checks = vec![Check::of("redis", Ok(()))];
    match queue::server(&redis).await {
        Ok(server) => checks.extend(check_server(&server)),
        Err(_) => checks.push(Check::warning(
            "redis settings",
            "This Redis does not tell its settings. Make sure that notify-keyspace-events is KEx$, maxmemory-policy \
             noeviction, and appendonly yes with appendfsync always.",
        )),
    }
    checks
}

fn check_server(server: &Server) -> Vec<Check> {
    let events = "Retries and webhooks would not start. Run: redis-cli config set notify-keyspace-events KEx$";
    let evicts =
        "This Redis may throw away orders when it is full. Run: redis-cli config set maxmemory-policy noeviction";
    let loses = "Orders of the last second or more are lost if Redis dies. Run: redis-cli config set appendonly yes, and \
                 redis-cli config set appendfsync always";
    let timers = "Other keys with a time to live share the queue's database, so retries may start late. Give the queue a \
                  database of its own";
    let mut checks = vec![
        Check::of("keyspace notifications", if server.tells_changes { Ok(()) } else { Err(format!("{events}.")) }),
        Check::of("no eviction", if server.evicts { Err(format!("{evicts}.")) } else { Ok(()) }),
    ];
    if !server.is_durable {
        checks.push(Check::warning("durability", loses));
    }
    if server.expiring_keys > MOST_EXPIRING_KEYS {
        checks.push(Check::warning("timers", timers));
    }
    checks
}

/// Our own are a doorbell and two timers for each queue; beyond some more, Redis no longer finds a timer at once.
const MOST_EXPIRING_KEYS: u64 = 100;

async fn check_store() -> Check {
    let read = async {
        let store = Store::open_default().await?;
        store.exists(order::CHANGE_MARKER).await
    };
    let hint = "Check the url of the store `default` in runtime-config.toml.";
    Check::of(
        "store",
        match within(STORE_DEADLINE, read).await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(format!("The key-value store failed: {error}. {hint}")),
            None => Err(format!("The key-value store did not answer within 2 s. {hint}")),
        },
    )
}

impl Check {
    fn of(name: &'static str, result: Result<(), String>) -> Self {
        let status = if result.is_ok() { Status::Pass } else { Status::Fail };
        Self { name, status, detail: result.err() }
    }

    fn warning(name: &'static str, detail: &str) -> Self {
        Self { name, status: Status::Warn, detail: Some(detail.to_owned()) }
    }
}
