//! `GET /health`: what works, and how to mend what doesn't. It also revives a queue whose wake was missed, so that a
//! probe is all that a stalled queue needs.

use std::time::Duration;

use guest::within;
use order::queues;
use serde::Serialize;
use spin_sdk::key_value::Store;

use crate::answer::Answer;
use crate::context::Context;

/// How long the store may take.
const STORE_DEADLINE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Health {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

pub(crate) async fn health() -> Answer {
    let checks = match Context::get().await {
        Ok(context) => {
            let mut checks = vec![passed("settings")];
            checks.extend(redis(&context).await);
            checks.push(store().await);
            checks
        }
        Err(error) => vec![failed("settings", format!("{error}."))],
    };
    let healthy = checks.iter().all(|check| check.status != FAIL);
    let health = Health { status: if healthy { PASS } else { FAIL }, checks };
    Answer::health(healthy, serde_json::to_vec(&health).expect("plain strings are JSON"))
}

async fn redis(context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, queue) in [("queue placed", queues::PLACED), ("queue changes", queues::CHANGES)] {
        let queue = context.queue(queue);
        match queue.rearm().await {
            Ok(()) => checks.push(passed(name)),
            Err(error) => {
                let detail = format!("{error}. Start Redis, or set the variables redis_url and redis_host to one.");
                return vec![failed("redis", detail)];
            }
        }
    }
    checks.push(match queue::keyspace_events(&context.redis).await {
        Ok(Some(true)) => passed("keyspace notifications"),
        Ok(Some(false)) => failed(
            "keyspace notifications",
            "Retries and webhooks would not start. Run: redis-cli config set notify-keyspace-events KEx$".to_owned(),
        ),
        Ok(None) => {
            let detail = "This Redis does not tell its settings. Make sure that notify-keyspace-events is KEx$.";
            Check { name: "keyspace notifications", status: WARN, detail: Some(detail.to_owned()) }
        }
        Err(error) => failed("keyspace notifications", error.to_string()),
    });
    checks
}

async fn store() -> Check {
    let read = async {
        let store = Store::open_default().await?;
        store.exists(order::CHANGE_MARKER).await
    };
    let hint = "Check the url of the store `default` in runtime-config.toml.";
    match within(STORE_DEADLINE, read).await {
        Some(Ok(_)) => passed("store"),
        Some(Err(error)) => failed("store", format!("The key-value store failed: {error}. {hint}")),
        None => failed("store", format!("The key-value store did not answer within 2 s. {hint}")),
    }
}

const PASS: &str = "pass";
const WARN: &str = "warn";
const FAIL: &str = "fail";

fn passed(name: &'static str) -> Check {
    Check { name, status: PASS, detail: None }
}

fn failed(name: &'static str, detail: String) -> Check {
    Check { name, status: FAIL, detail: Some(detail) }
}
