//! One wake: fan changes out and work each endpoint's lane, side by side, until nothing is left or the time is up.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use guest::{Endpoint, QueueSettings, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::{Backoff, Drained, Error, Queue, Runtime, Worker};

use crate::deliver::Delivery;
use crate::fan_out::FanOut;
use crate::job::Job;

/// How long Redis may take for one call before the wake is given up. Its messages come back with their leases.
const REDIS_DEADLINE: Duration = Duration::from_secs(5);

/// Changes fanned out in one step.
const FAN_OUT_BATCH: usize = 256;

/// Requests to one endpoint at the same time.
const LANE_BATCH: usize = 16;

/// How soon a change is seen that comes while an endpoint is slow to answer.
const POLL: Duration = Duration::from_millis(20);

struct Config {
    shared: QueueSettings,
    endpoints: Vec<Endpoint>,
    timeout: Duration,
    schedule: Backoff,
    max_crashes: u32,
    budget: Duration,
}

/// What all workers of a wake share.
struct Wake<'a> {
    config: &'a Config,
    redis: &'a Redis,
    runtime: &'a Wasi,
    name: &'a str,
}

pub(crate) async fn run() -> Result<(), String> {
    let config = read_config().await.map_err(|error| error.to_string())?;
    let redis = Redis::of_one_task(config.shared.redis_url.clone(), REDIS_DEADLINE);
    let runtime = Wasi::default();
    let name = format!("notifier-{:08x}", runtime.random() as u32);
    let wake = Wake { config: &config, redis: &redis, runtime: &runtime, name: &name };
    wake.run().await.map_err(|error| format!("the queue `changes` can't be worked off: {error}"))
}

async fn read_config() -> Result<Config, SettingError> {
    let settings = Settings::new("notifier");
    Ok(Config {
        shared: settings.queue().await?,
        endpoints: settings.webhooks().await?,
        timeout: settings.webhook_timeout().await?,
        schedule: settings.webhook_schedule().await?,
        max_crashes: settings.max_crashes().await?,
        budget: settings.drain_budget().await?,
    })
}

impl<'a> Wake<'a> {
    fn changes(&self) -> Queue<'a, Redis> {
        Queue::new(self.redis, &self.config.shared.namespace, queues::CHANGES, self.config.shared.timing)
    }

    fn worker<'b>(
        &'b self,
        queue: Queue<'b, Redis>,
        handler: &'b Job<'b>,
        batch: usize,
    ) -> Worker<'b, Redis, Wasi, Job<'b>> {
        Worker {
            queue,
            handler,
            runtime: self.runtime,
            name: self.name,
            backoff: &self.config.schedule,
            max_crashes: self.config.max_crashes,
            batch,
            until: self.config.budget,
        }
    }

    async fn run(&self) -> Result<(), Error> {
        let more = self.work().await?;
        self.bury_orphans().await?;
        if more { self.changes().ring().await } else { Ok(()) }
    }

    /// Says whether work was left because the time was up.
    async fn work(&self) -> Result<bool, Error> {
        let touched = RefCell::default();
        let job = Job::FanOut(FanOut { endpoints: &self.config.endpoints, touched: &touched });
        let fan_out = self.worker(self.changes(), &job, FAN_OUT_BATCH);

        // At first every lane: a retry may be what this wake is for.
        let mut wanted: BTreeSet<usize> = (0..self.config.endpoints.len()).collect();
        let mut busy = BTreeSet::new();
        let mut lanes = FuturesUnordered::new();
        let mut more = false;
        loop {
            more |= fan_out.drain().await?.more;
            wanted.append(&mut touched.take());
            // A busy lane stays wanted: it may have seen its queue empty just before the change came.
            for lane in wanted.extract_if(.., |lane| busy.insert(*lane)) {
                lanes.push(async move { (lane, self.work_lane(lane).await) });
            }
            let poll = std::pin::pin!(self.runtime.sleep(POLL));
            match select(lanes.next(), poll).await {
                Either::Left((Some((lane, drained)), _)) => {
                    busy.remove(&lane);
                    more |= drained?.more;
                }
                Either::Left((None, _)) => return Ok(more),
                Either::Right(_) => {}
            }
        }
    }

    async fn work_lane(&self, lane: usize) -> Result<Drained, Error> {
        let endpoint = &self.config.endpoints[lane];
        let job = Job::Deliver(Delivery { endpoint, timeout: self.config.timeout });
        self.worker(self.changes().lane(&endpoint.name), &job, LANE_BATCH).drain().await
    }

    /// What waits for an endpoint that is no longer configured goes to its dead letters, where a person can see it.
    async fn bury_orphans(&self) -> Result<(), Error> {
        for lane in self.changes().lanes().await? {
            if self.config.endpoints.iter().all(|endpoint| endpoint.name != lane) {
                self.worker(self.changes().lane(&lane), &Job::Orphaned, FAN_OUT_BATCH).drain().await?;
            }
        }
        Ok(())
    }
}
