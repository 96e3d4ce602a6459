//! One wake: read the settings, open the store, work until the queue is empty or the time is up.

use std::time::Duration;

use guest::{QueueSettings, Redis, SettingError, Settings, Wasi};
use queue::{Backoff, Error, Queue, Runtime, Worker};
use spin_sdk::key_value::Store;

use crate::decide::Decider;

/// How long Redis may take for one call before the wake is given up. Its messages come back with their leases.
const REDIS_DEADLINE: Duration = Duration::from_secs(5);

/// Orders decided at the same time.
const BATCH: usize = 64;

pub(crate) async fn run() -> Result<(), String> {
    let config = Config::read().await.map_err(|error| error.to_string())?;
    let store = Store::open_default().await;
    let store = store.map_err(|error| format!("the key-value store `default` can't be opened: {error}"))?;
    let runtime = Wasi::default();
    let redis = Redis::new(config.shared.redis_url, REDIS_DEADLINE);
    let queue = || Queue::new(&redis, &config.shared.namespace, order::queues::PLACED, config.shared.timing);
    let worker = Worker {
        queue: queue(),
        handler: &Decider { queue: queue(), store, refuse_untracked: config.refuse_untracked },
        runtime: &runtime,
        name: &format!("processor-{:08x}", runtime.random() as u32),
        backoff: &config.backoff,
        max_crashes: config.max_crashes,
        batch: BATCH,
        until: config.budget,
    };
    work(&worker).await.map_err(|error| format!("the queue `placed` can't be worked off: {error}"))
}

async fn work(worker: &Worker<'_, Redis, Wasi, Decider<'_>>) -> Result<(), Error> {
    if worker.drain().await?.more {
        worker.queue.ring().await?;
    }
    Ok(())
}

struct Config {
    shared: QueueSettings,
    backoff: Backoff,
    max_crashes: u32,
    budget: Duration,
    refuse_untracked: bool,
}

impl Config {
    async fn read() -> Result<Self, SettingError> {
        let settings = Settings::new("processor");
        Ok(Self {
            shared: settings.queue().await?,
            backoff: settings.backoff().await?,
            max_crashes: settings.max_crashes().await?,
            budget: settings.drain_budget().await?,
            refuse_untracked: settings.refuse_untracked().await?,
        })
    }
}
