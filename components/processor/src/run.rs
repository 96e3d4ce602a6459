//! One wake: read the settings, open the store, work until the queue is empty or the time is up.

use std::time::Duration;

use guest::{PaymentProvider, QueueSettings, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::limits::TOGETHER;
use queue::{Backoff, Joined, Linger, Queue, Runtime, Untracked, Worker};
use spin_sdk::key_value::{Error, Store};
use spin_sdk::time::sleep;

use crate::commands::Commands;
use crate::job::ProcessorJob;
use crate::payments::Payments;
use crate::records::Records;

/// Messages handled at the same time. A batch takes as many round trips as one message, which under load are long; and
/// Redis is held up for about 10 µs by each.
const BATCH: usize = 256;

/// Messages handled beside those that ask the provider. They ask nobody, or wait for a place there.
const BESIDE: usize = 192;

pub(crate) async fn run() -> Result<(), String> {
    let settings = ProcessorSettings::read().await.map_err(|error| error.to_string())?;
    let store = open_store().await?;
    let runtime = Wasi::default();
    let wake = ProcessorWake {
        redis: &Redis::for_worker(&settings.shared),
        records: &Records::new(store, settings.shared.timing.grace()),
        name: &format!("processor-{:08x}", runtime.random() as u32),
        runtime: &runtime,
        settings: &settings,
    };
    wake.run().await.map_err(|error| format!("the queue `placed` can't be worked off: {error}"))
}

/// Opens the store, however long its Redis is away: what this wake is for may have no other.
async fn open_store() -> Result<Store, String> {
    let mut told = false;
    loop {
        match Store::open_default().await {
            Err(Error::Other(words)) if !told => {
                told = true;
                eprintln!("The key-value store `default` can't be opened: {words}. It is tried until it can.");
            }
            Err(Error::Other(_)) => {}
            opened => {
                return opened.map_err(|error| format!("the key-value store `default` can't be opened: {error}"));
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// The things that the workers of one wake share.
struct ProcessorWake<'a> {
    settings: &'a ProcessorSettings,
    redis: &'a Redis,
    records: &'a Records,
    runtime: &'a Wasi,
    name: &'a str,
}

impl<'a> ProcessorWake<'a> {
    async fn run(&self) -> Result<(), queue::Error> {
        let commands = Commands {
            queue: self.placed(),
            changes: self.queue(queues::CHANGES),
            holds: Joined::new(TOGETHER),
            records: self.records,
            payments: self.settings.payments.clone().map(Payments::new),
            untracked: self.settings.untracked,
            lease: self.settings.shared.timing.lease,
        };
        let mut more = self.drain(self.placed(), &ProcessorJob::Commands(&commands)).await?;
        let later = self.placed().lane(queues::SUPERSEDED);
        if let Some(retention) = self.settings.shared.retention {
            more |= later.expire(retention, queues::EXPIRED.as_bytes()).await?.is_more;
        }
        more |= self.drain(later, &ProcessorJob::Later(&commands)).await?;
        if more { self.placed().ring().await } else { Ok(()) }
    }

    /// Says whether work was left because the time was up.
    async fn drain(&self, queue: Queue<'_, Redis>, handler: &ProcessorJob<'_>) -> Result<bool, queue::Error> {
        let worker = Worker {
            queue,
            handler,
            runtime: self.runtime,
            name: self.name,
            backoff: &self.settings.backoff,
            max_crashes: self.settings.max_crashes,
            linger: self.settings.payments.as_ref().map_or(Linger::WhileMoreComes, |_| Linger::Briefly),
            batch: self.settings.payments.as_ref().map_or(BATCH, |provider| provider.concurrency + BESIDE),
            until: self.settings.budget,
        };
        Ok(worker.drain().await?.more)
    }

    fn placed(&self) -> Queue<'a, Redis> {
        self.queue(queues::PLACED)
    }

    fn queue(&self, name: &str) -> Queue<'a, Redis> {
        Queue::new(self.redis, &self.settings.shared.namespace, name, self.settings.shared.timing)
    }
}

struct ProcessorSettings {
    shared: QueueSettings,
    backoff: Backoff,
    max_crashes: u32,
    budget: Duration,
    untracked: Untracked,
    payments: Option<PaymentProvider>,
}

impl ProcessorSettings {
    async fn read() -> Result<Self, SettingError> {
        let settings = Settings::new("processor");
        Ok(Self {
            shared: settings.queue().await?,
            backoff: settings.backoff().await?,
            max_crashes: settings.max_crashes().await?,
            budget: settings.drain_budget().await?,
            untracked: settings.untracked().await?,
            payments: settings.payment_provider().await?,
        })
    }
}
