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

/// How soon a retry is seen that becomes due in the meantime.
const LOOK: Duration = Duration::from_millis(500);

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

    /// Works until nothing is left or the time is up. Says whether work was left.
    async fn work(&self) -> Result<bool, Error> {
        let fan_out = FanOut::new(&self.settings.endpoints);
        let endpoints = 0..self.settings.endpoints.len();
        // Behind the lanes of the endpoints, as one more.
        let source = endpoints.end;
        let mut lanes = Lanes::new(self.runtime, self.settings.budget, source + 1);
        lanes.want([source]);
        let mut looked = None;
        loop {
            lanes.start_those_at_rest(|lane| self.work_on(lane, &fan_out));
            match lanes.next_within(POLL).await {
                Next::Done(lane, drained) => {
                    if drained?.more {
                        lanes.want([lane, source]);
                    }
                }
                Next::StillBusy if lanes.are_busy(endpoints.clone()) => lanes.want([source]),
                Next::StillBusy => {}
                Next::NoneRuns => return Ok(lanes.are_wanted()),
            }
            lanes.want(fan_out.take_touched());
            // At first every lane: a retry may be what this wake is for. Then one may become due while a lane is slow.
            let now = self.runtime.elapsed();
            if looked.is_none_or(|looked| now >= looked + LOOK && lanes.are_busy(endpoints.clone())) {
                lanes.want(endpoints.clone());
                looked = Some(now);
            }
        }
    }

    /// Works one batch of the lane of an endpoint, or of the changes that fill the lanes.
    async fn work_on(&self, lane: usize, fan_out: &FanOut<'_>) -> (usize, Result<Drained, Error>) {
        let drained = match self.settings.endpoints.get(lane) {
            Some(endpoint) => {
                let job = NotifierJob::Deliver(Delivery { endpoint, timeout: self.settings.timeout });
                self.worker(self.changes().lane(&endpoint.name), &job, LANE_BATCH).drain_once().await
            }
            None => self.worker(self.changes(), &NotifierJob::FanOut(fan_out), FAN_OUT_BATCH).drain_once().await,
        };
        (lane, drained)
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
