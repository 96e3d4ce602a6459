//! One wake: fan changes out and work each endpoint's lane, side by side, until nothing is left or the time is up.

use std::cell::Cell;
use std::time::Duration;

use guest::{Endpoint, QueueSettings, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::{Backoff, Drained, Error, Handler, Linger, Queue, Runtime, Subscribed, Worker};

use crate::deliver::Delivery;
use crate::fan_out::FanOut;
use crate::job::NotifierJob;
use crate::lanes::{Lanes, Next, Paces};

/// Changes fanned out in one step.
const FAN_OUT_BATCH: usize = 256;

/// How soon a change is seen that comes while an endpoint is slow to answer.
const POLL: Duration = Duration::from_millis(20);

/// How soon a retry is seen that becomes due in the meantime.
const LOOK: Duration = Duration::from_millis(500);

struct NotifierSettings {
    shared: QueueSettings,
    endpoints: Vec<Endpoint>,
    timeout: Duration,
    /// Requests to one endpoint at the same time.
    concurrency: usize,
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
    paces: &'a Paces<'a, Wasi>,
    /// Redis knows endpoints that this instance doesn't know.
    for_others: Cell<bool>,
}

pub(crate) async fn run() -> Result<(), String> {
    let settings = read_settings().await.map_err(|error| error.to_string())?;
    let redis = Redis::for_worker(&settings.shared);
    let runtime = Wasi::default();
    let name = format!("notifier-{:08x}", runtime.random() as u32);
    let wake = NotifierWake {
        settings: &settings,
        redis: &redis,
        runtime: &runtime,
        name: &name,
        // Behind the lanes of the endpoints there are two more.
        paces: &Paces::new(&runtime, settings.endpoints.len() + 2),
        for_others: Cell::default(),
    };
    wake.run().await.map_err(|error| format!("the queue `changes` can't be worked off: {error}"))
}

async fn read_settings() -> Result<NotifierSettings, SettingError> {
    let settings = Settings::new("notifier");
    Ok(NotifierSettings {
        shared: settings.queue().await?,
        endpoints: settings.webhooks().await?,
        timeout: settings.webhook_timeout().await?,
        concurrency: settings.webhook_concurrency().await?,
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
            linger: match handler {
                NotifierJob::FanOut(_) => Linger::WhileMoreComes,
                NotifierJob::Deliver(_) => Linger::Briefly,
            },
            until: self.settings.budget,
        }
    }

    async fn run(&self) -> Result<(), Error> {
        if self.work().await? { self.changes().ring().await } else { Ok(()) }
    }

    /// Works until nothing is left or the time is up. Says whether work was left.
    async fn work(&self) -> Result<bool, Error> {
        let endpoints = 0..self.settings.endpoints.len();
        let (source, registry) = (endpoints.end, endpoints.end + 1);
        let mut lanes = Lanes::new(self.paces, self.settings.budget);
        // Nothing is copied before the endpoints are known. Then every lane: a retry may be what this wake is for.
        let behind = self.register().await?.more;
        lanes.want(0..registry + usize::from(behind));
        let mut looked = self.runtime.elapsed();
        loop {
            lanes.start_those_at_rest(|lane| self.work_on(lane));
            match lanes.next_within(POLL).await {
                Next::Done(lane, drained) => {
                    if drained?.more {
                        lanes.want([lane, source]);
                        lanes.want(endpoints.clone().filter(|_| lane >= source));
                    }
                }
                Next::StillBusy if lanes.are_busy(endpoints.clone()) => lanes.want([source]),
                Next::StillBusy => {}
                Next::NoneRuns => return Ok(lanes.are_wanted()),
            }
            let now = self.runtime.elapsed();
            if now >= looked + LOOK && lanes.are_busy(endpoints.clone()) {
                lanes.want(0..=registry);
                looked = now;
            }
        }
    }

    /// Works off the lane of an endpoint; or one batch of the changes that fill the lanes, or of what they missed.
    async fn work_on(&self, lane: usize) -> (usize, Result<Drained, Error>) {
        let drained = match self.settings.endpoints.get(lane) {
            Some(endpoint) => {
                let (timeout, paces) = (self.settings.timeout, self.paces);
                let job = NotifierJob::Deliver(Delivery { endpoint, timeout, paces, lane });
                self.worker(self.changes().lane(&endpoint.name), &job, self.settings.concurrency).drain().await
            }
            None if lane == self.settings.endpoints.len() => {
                let fan_out = self.fan_out();
                let worker = self.worker(self.changes(), &fan_out, FAN_OUT_BATCH);
                self.paces.note(lane, worker.drain_once()).await
            }
            None => self.paces.note(lane, self.register()).await,
        };
        (lane, drained)
    }

    fn fan_out(&self) -> NotifierJob<'_> {
        NotifierJob::FanOut(FanOut { changes: self.changes(), for_others: &self.for_others })
    }

    /// Makes this instance's endpoints known to all, and gives those that were not known before what they missed.
    async fn register(&self) -> Result<Drained, Error> {
        let endpoints = &self.settings.endpoints;
        let known: Vec<_> = endpoints.iter().map(Endpoint::subscription).collect();
        let (changes, fan_out) = (self.changes(), self.fan_out());
        let worker = self.worker(self.changes(), &fan_out, FAN_OUT_BATCH);
        let (subscribed, _) = worker.insist(async |_| changes.subscribe(&known).await).await?;
        let is_ours = |lane: &str| endpoints.iter().any(|endpoint| endpoint.name == lane);
        self.for_others.set(subscribed.iter().any(|subscribed| !is_ours(&subscribed.lane)));
        let mut drained = Drained::default();
        for Subscribed { lane, .. } in subscribed.iter().filter(|subscribed| subscribed.behind) {
            changes.catch_up(lane, FAN_OUT_BATCH, order::event::TYPE_PATTERN).await?;
            drained.more = true;
        }
        if drained.more {
            fan_out.settled().await;
        }
        Ok(drained)
    }
}
