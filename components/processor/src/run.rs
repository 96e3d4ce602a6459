//! One wake: read the settings, open the store, work until the queue is empty or the time is up.

use std::time::Duration;

use anyhow::Context;
use guest::{Redis, Settings, Wasi};
use queue::{Queue, Runtime, Worker};
use spin_sdk::key_value::Store;

use crate::decide::Decider;

/// How long Redis may take for one call before the wake is given up. Its messages come back with their leases.
const REDIS_DEADLINE: Duration = Duration::from_secs(5);

/// Orders decided at the same time.
const BATCH: usize = 64;

pub(crate) async fn run() -> anyhow::Result<()> {
    let settings = Settings::new("processor");
    let shared = settings.queue().await?;
    let backoff = settings.backoff().await?;
    let max_crashes = settings.number("max_crashes", 1..=100).await? as u32;
    let budget = settings.millis("drain_budget_ms", 100..=600_000).await?;

    let runtime = Wasi::default();
    let store = Store::open_default().await.context("the key-value store `default` can't be opened")?;
    let redis = Redis::new(shared.redis_url, REDIS_DEADLINE);
    let queue = Queue::new(&redis, &shared.namespace, order::queues::PLACED, shared.timing);
    let worker = Worker {
        queue,
        handler: &Decider { store },
        runtime: &runtime,
        name: &format!("processor-{:08x}", runtime.random() as u32),
        backoff: &backoff,
        max_crashes,
        batch: BATCH,
        until: budget,
    };
    let drained = worker.drain().await.context("the queue `placed` can't be worked off")?;
    if drained.more {
        worker.queue.ring().await.context("the doorbell of the queue `placed` can't be rung")?;
    }
    Ok(())
}
