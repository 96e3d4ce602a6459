//! One wake: read the settings, open the store, work until the queue is empty or the time is up.

use std::time::Duration;

use guest::{PaymentProvider, QueueSettings, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::{Backoff, Error, Queue, Runtime, Worker};
use spin_sdk::key_value::Store;

use crate::commands::Commands;
use crate::job::Job;
use crate::payments::Payments;
use crate::records::Records;

/// How long Redis may take for one call before the wake is given up. Its messages come back with their leases.
const REDIS_DEADLINE: Duration = Duration::from_secs(5);

/// Messages handled at the same time. A batch takes as many round trips as one message, which under load are long; and
/// Redis is held up for about 10 µs by each.
const BATCH: usize = 256;

/// The same where each is charged: so many requests at once are enough for a payment provider.
const PAID_BATCH: usize = 64;

/// Leases for which a superseded record is kept: a worker that lost its own gives up long before.
const GRACE_LEASES: u32 = 4;

pub(crate) async fn run() -> Result<(), String> {
    let config = Config::read().await.map_err(|error| error.to_string())?;
    let store = Store::open_default().await;
    let store = store.map_err(|error| format!("the key-value store `default` can't be opened: {error}"))?;
    let runtime = Wasi::default();
    let wake = Wake {
        redis: &Redis::of_one_task(config.shared.redis_url.clone(), REDIS_DEADLINE),
        records: &Records::new(store, config.shared.timing.lease * GRACE_LEASES),
        name: &format!("processor-{:08x}", runtime.random() as u32),
        runtime: &runtime,
        config: &config,
    };
    wake.run().await.map_err(|error| format!("the queue `placed` can't be worked off: {error}"))
}

/// What the workers of a wake share.
struct Wake<'a> {
    config: &'a Config,
    redis: &'a Redis,
    records: &'a Records,
    runtime: &'a Wasi,
    name: &'a str,
}

impl<'a> Wake<'a> {
    async fn run(&self) -> Result<(), Error> {
        let commands = Job::Commands(Commands {
            queue: self.placed(),
            records: self.records,
            payments: self.config.payments.clone().map(Payments),
            refuse_untracked: self.config.refuse_untracked,
        });
        let mut more = self.drain(self.placed(), &commands).await?;
        more |= self.drain(self.placed().lane(queues::SUPERSEDED), &Job::RemoveSuperseded(self.records)).await?;
        if more { self.placed().ring().await } else { Ok(()) }
    }

    /// Says whether work was left because the time was up.
    async fn drain(&self, queue: Queue<'_, Redis>, handler: &Job<'_>) -> Result<bool, Error> {
        let worker = Worker {
            queue,
            handler,
            runtime: self.runtime,
            name: self.name,
            backoff: &self.config.backoff,
            max_crashes: self.config.max_crashes,
            batch: if self.config.payments.is_some() { PAID_BATCH } else { BATCH },
            until: self.config.budget,
        };
        Ok(worker.drain().await?.more)
    }

    fn placed(&self) -> Queue<'a, Redis> {
        Queue::new(self.redis, &self.config.shared.namespace, queues::PLACED, self.config.shared.timing)
    }
}

struct Config {
    shared: QueueSettings,
    backoff: Backoff,
    max_crashes: u32,
    budget: Duration,
    refuse_untracked: bool,
    payments: Option<PaymentProvider>,
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
            payments: settings.payment_provider().await?,
        })
    }
}
