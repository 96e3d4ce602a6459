//! One wake: fan changes out and work each endpoint's lane, side by side, until nothing is left or the time is up.

use std::time::Duration;

use guest::{Endpoint, QueueSettings, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::{Backoff, Drained, Error, Queue, Runtime, Worker};

use crate::deliver::Delivery;
use crate::fan_out::FanOut;
use crate::job::NotifierJob;
use crate::lanes::{Lanes, Next};

/// Changes fanned out in one step.
const FAN_OUT_BATCH: usize = 256;

/// Requests to one endpoint at the same time.
const LANE_BATCH: usize = 16;

/// How soon a change is seen that comes while an endpoint is slow to answer.
const POLL: Duration = Duration::from_millis(20);

struct NotifierSettings {
    shared: QueueSettings,
    endpoints: Vec<Endpoint>,
    timeout: Duration,
    schedule: Backoff,
    max_crashes: u32,
    budget: Duration,
}

/// The things that all workers of one wake share.
struct NotifierWake<'a> {
    settings: &'a NotifierSettings,
    redis: &'a Redis,
    runtime: &'a Wasi,
    name: &'a str,
}

pub(crate) async fn run() -> Result<(), String> {
    let settings = read_settings().await.map_err(|error| error.to_string())?;
    let redis = Redis::for_worker(&settings.shared);
    let runtime = Wasi::default();
    let name = format!("notifier-{:08x}", runtime.random() as u32);
    let wake = NotifierWake { settings: &settings, redis: &redis, runtime: &runtime, name: &name };
    wake.run().await.map_err(|error| format!("the queue `changes` can't be worked off: {error}"))
}

async fn read_settings() -> Result<NotifierSettings, SettingError> {
    let settings = Settings::new("notifier");
    Ok(NotifierSettings {
        shared: settings.queue().await?,
        endpoints: settings.webhooks().await?,
        timeout: settings.webhook_timeout().await?,
        schedule: settings.webhook_schedule().await?,
        max_crashes: settings.max_crashes().await?,
        budget: settings.drain_budget().await?,
    })
}

impl<'a> NotifierWake<'a> {
    fn changes(&self) -> Queue<'a, Redis> {
        Queue::new(self.redis, &self.settings.shared.namespace, queues::CHANGES, self.settings.shared.timing)
    }

    fn worker<'b>(
        &'b self,
        queue: Queue<'b, Redis>,
        handler: &'b NotifierJob<'b>,
        batch: usize,
    ) -> Worker<'b, Redis, Wasi, NotifierJob<'b>> {
        Worker {
            queue,
            handler,
            runtime: self.runtime,
            name: self.name,
            backoff: &self.settings.schedule,
            max_crashes: self.settings.max_crashes,
            batch,
            until: self.settings.budget,
        }
    }

    async fn run(&self) -> Result<(), Error> {
        let more = self.work().await?;
        self.bury_orphans().await?;
        if more { self.changes().ring().await } else { Ok(()) }
    }

    /// Says whether work was left because the time was up.
    async fn work(&self) -> Result<bool, Error> {
        let fan_out = FanOut::new(&self.settings.endpoints);
        let job = NotifierJob::FanOut(&fan_out);
        let worker = self.worker(self.changes(), &job, FAN_OUT_BATCH);
        let mut lanes = Lanes::default();
        // At first every lane: a retry may be what this wake is for.
        lanes.want(0..self.settings.endpoints.len());
        let mut more = false;
        loop {
            more |= worker.drain().await?.more;
            lanes.want(fan_out.take_touched());
            lanes.start_those_at_rest(|lane| async move { (lane, self.work_lane(lane).await) });
            match lanes.next_within(self.runtime.sleep(POLL)).await {
                Next::Done(drained) => more |= drained?.more,
                Next::NoneRuns => return Ok(more),
                Next::StillBusy => {}
            }
        }
    }

    async fn work_lane(&self, lane: usize) -> Result<Drained, Error> {
        let endpoint = &self.settings.endpoints[lane];
        let job = NotifierJob::Deliver(Delivery { endpoint, timeout: self.settings.timeout });
        self.worker(self.changes().lane(&endpoint.name), &job, LANE_BATCH).drain().await
    }

    /// Buries the messages for endpoints that are no longer configured, so that a person can see them.
    async fn bury_orphans(&self) -> Result<(), Error> {
        for lane in self.changes().lanes().await? {
            if self.settings.endpoints.iter().all(|endpoint| endpoint.name != lane) {
                self.worker(self.changes().lane(&lane), &NotifierJob::Orphaned, FAN_OUT_BATCH).drain().await?;
            }
        }
        Ok(())
    }
}
