//! The checks, one by one.

use futures::future::join;
use guest::{Check, CheckStatus, Endpoint, Health, PaymentProvider, QueueSettings, RedisAddress, Response, Settings};
use http::StatusCode;
use order::{Timestamp, queues};
use queue::{Error, Interruption, RedisClock, Server};

use crate::connected::Connected;
use crate::{endpoints, rights, store};

pub(crate) async fn health() -> Response {
    let settings = Settings::new("health");
    let (queue, endpoints) = (settings.queue().await, settings.webhooks().await);
    let store_url = match &queue {
        Ok(queue) => settings.store_url(&queue.redis_url).await.ok(),
        Err(_) => None,
    };
    let mut checks = vec![Check::of("settings", check_settings(&settings).await)];
    checks.extend(check_access(&settings).await);
    // At the same time, so that a probe waits only for the slower of the two.
    let provider = settings.payment_provider().await.ok().flatten();
    let redis = check_redis(queue.ok(), endpoints.as_deref().ok(), store_url.as_ref(), provider);
    let (redis, store) = join(redis, check_store(store_url.as_ref())).await;
    checks.extend(redis);
    checks.push(store);

    let status = checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Pass);
    let code = if status == CheckStatus::Fail { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = serde_json::to_vec(&Health { status, checks }).expect("plain strings are JSON");
    Response::json(code, body).with("cache-control", "no-store")
}

/// Checks the settings of all components, since the workers can't answer for themselves. Reports every fault at once.
async fn check_settings(settings: &Settings) -> Result<(), String> {
    let faults: Vec<_> = settings.faults().await.into_iter().map(|error| format!("{error}.")).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join(" ")) }
}

/// Warns while whoever reaches the port may do what shops do, or all. On a laptop that is as it should be, so the check
/// passes.
async fn check_access(settings: &Settings) -> Option<Check> {
    const MEND: &str = "Set the variable api_keys: `host key NAME ROLE` makes a key and its entry";
    if !settings.api_keys().await.ok()?.is_empty() {
        return None;
    }
    let whoever = "Whoever reaches this port places, reads and cancels any order";
    let more = match settings.operator_key().await.ok()? {
        Some(_) => "",
        None => ", and may do all that operators do",
    };
    Some(Check { detail: Some([whoever, more, ". ", MEND].concat()), ..Check::of("access", Ok(())) })
}

/// Checks Redis. Without its address in the settings there is nothing to check.
async fn check_redis(
    settings: Option<QueueSettings>,
    endpoints: Option<&[Endpoint]>,
    store: Option<&RedisAddress>,
    provider: Option<PaymentProvider>,
) -> Vec<Check> {
    let Some(settings) = settings else { return Vec::new() };
    let connected = Connected::get(settings);
    let queues = check_queues(&connected).await;
    // A Redis that is away would only keep the probe waiting.
    let answers = matches!(queues, Ok(_) | Err(Error::Failed(_)));
    let rights = if answers { rights::check(&connected, store).await } else { None };
    let rights = rights.map(|rights| Check::of("rights", rights));
    let mut checks = match queues {
        Ok(checks) => checks.into_iter().chain(rights).collect::<Vec<_>>(),
        Err(error) => {
            let hint = "Start Redis, give it room, or mend the variables redis_url and redis_host. In a password, \
                        percent-encode what is neither letter nor digit";
            return [Check::failure("redis", format!("{error}. {hint}."))].into_iter().chain(rights).collect();
        }
    };
    if let Some(known) = endpoints
        && let Ok(Some(unknown)) = endpoints::unknown(&connected.queue(queues::CHANGES), known).await
    {
        checks.push(Check::warning("endpoints", &unknown));
    }
    if let Some(provider) = provider
        && let Ok(interruptions) = connected.queue(queues::PLACED).interruptions().await
    {
        checks.extend(check_payments(provider.name(), &interruptions));
    }
    match queue::server(&connected.redis).await {
        Ok(server) => checks.extend(check_server(&server, &connected.settings.redis_url.cli())),
        Err(_) => checks.push(Check::warning(
            "redis settings",
            "This Redis does not tell its settings. Make sure that notify-keyspace-events is KEx$, maxmemory-policy \
             noeviction, and appendonly yes with appendfsync always.",
        )),
    }
    checks
}

/// Checks that every queue can be worked on, and revives what missed its wake.
async fn check_queues(connected: &Connected) -> Result<Vec<Check>, Error> {
    let clock = connected.rearm(queues::PLACED).await?;
    connected.rearm(queues::CHANGES).await?;
    Ok([Check::of("redis", Ok(()))].into_iter().chain(check_clock(clock)).collect())
}

/// Warns, and writes a line to the log once, when Redis's clock was set.
fn check_clock(clock: RedisClock) -> Option<Check> {
    let (apart, is_news, what) = match clock {
        RedisClock::Level => return None,
        RedisClock::Behind { apart, is_news } => (apart, is_news, "behind the time in the queues: it was set back"),
        RedisClock::Ahead { apart, is_news } => {
            (apart, is_news, "ahead of the time in the queues: it was set forward, or Redis stood still")
        }
    };
    let detail = format!(
        "Redis's clock is {} s {what}. No order loses by it, and the two draw level by a tenth of the time that passes. \
         Let a time service (NTP) keep the clock of Redis's machine.",
        apart.as_secs()
    );
    if is_news {
        eprintln!("{detail}");
    }
    Some(Check::warning("clock", &detail))
}

/// Warns while the payment provider fails for all orders.
fn check_payments(provider: &str, interruptions: &[Interruption]) -> Option<Check> {
    let interruption = interruptions.iter().find(|interruption| interruption.partner == provider)?;
    let (since, why) = (Timestamp::from_ms(interruption.since?), &interruption.why);
    let detail = format!(
        "The payment provider {provider} fails for all orders since {since}: {why}. Orders wait for it and spend no \
         attempts. One of them at a time tries whether it answers again. See that it does."
    );
    Some(Check::warning("payments", detail))
}

/// Each command stands at the end, where it can be copied, and where nothing sticks to its last word.
fn check_server(server: &Server, cli: &str) -> Vec<Check> {
    const RUN: &str = "Set this in redis.conf, so that it stays, and run: ";
    let mut checks = Vec::new();
    checks.push(match server.tells_changes {
        true => Check::of("keyspace notifications", Ok(())),
        false => Check::failure(
            "keyspace notifications",
            format!("Retries and webhooks would not start. {RUN}{cli} config set notify-keyspace-events KEx$"),
        ),
    });
    checks.push(match server.evicts {
        false => Check::of("no eviction", Ok(())),
        true => Check::failure(
            "no eviction",
            format!(
                "This Redis may throw away orders when it is full. {RUN}{cli} config set maxmemory-policy noeviction"
            ),
        ),
    });
    if !server.is_durable {
        checks.push(Check::warning(
            "durability",
            format!(
                "Orders of the last second or more are lost if Redis dies. {RUN}{cli} config set appendonly yes && \
                 {cli} config set appendfsync always"
            ),
        ));
    }
    if server.expiring_keys > MOST_EXPIRING_KEYS {
        checks.push(Check::warning(
            "timers",
            "Other keys with a time to live share the queue's database, so retries may start late. Give the queue a \
             database of its own",
        ));
    }
    checks
}

/// Sluice itself has a doorbell and two timers for each queue. Beyond so many keys, Redis no longer finds a timer at
/// once.
const MOST_EXPIRING_KEYS: u64 = 100;

async fn check_store(address: Option<&RedisAddress>) -> Check {
    Check::of("store", store::check(address).await)
}
