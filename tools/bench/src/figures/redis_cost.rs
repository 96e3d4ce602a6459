//! What an order costs the one thread of Redis, step by step: the queue's verbs, driven from here.

use std::collections::BTreeMap;
use std::time::Duration;

use order::queues::{CHANGES, PLACED};
use queue::limits::TOGETHER;
use queue::native::{Native, Tokio};
use queue::{Class, Effects, Emit, Failure, Handler, Hold, HoldRequest, Joined, Message, Queue};

use super::per_order;
use crate::ceiling::decide::{decided, effects, placed, terms, wanted};
use crate::ceiling::worker::{backoff, worker};
use crate::fill::fill;
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::store::Usage;
use crate::system::System;

pub(crate) const STEPS: u64 = 1;

/// The cheapest round counts: what else the machine does can only add.
const ROUNDS: usize = 5;
const ORDERS: u64 = 4_000;
const LANE: &str = "bench";

/// What is done with a message once it is claimed.
enum Step<'a> {
    /// Its stock is held by one call with that of others, as the processor does. Then as below.
    HoldAndFinish(Queue<'a, Native>, Joined<HoldRequest, Hold>),
    /// The order is confirmed: a head, a counter, and its change in the log and in the next queue.
    Finish,
    /// The change is copied to the lane of one endpoint.
    FanOut,
    /// The endpoint has been told.
    Deliver,
}

/// What each step took.
struct Costs {
    accept: Usage,
    finish: Usage,
    fan_out: Usage,
    deliver: Usage,
    hold_and_finish: Usage,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    rig.step("Redis's time for each step");
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(rig).await?);
    }
    let least = |step: fn(&Costs) -> Duration| rounds.iter().map(step).min().unwrap_or_default();
    let (accept, finish) = (least(|costs| costs.accept.scripts), least(|costs| costs.finish.scripts));
    let both = finish + least(|costs| costs.fan_out.scripts);
    let hold = least(|costs| costs.hold_and_finish.scripts).saturating_sub(finish);
    add(report, "Redis for each order: accept", accept, Goal::Below(30.0));
    add(report, "Redis for each order: claim, finish, fan-out", both, Goal::Below(40.0));
    add(report, "  of that claim and finish", finish, Goal::None);
    add(report, "  hold, up to 64 by one call, besides", hold, Goal::None);
    add(report, "  claim and settle a delivery, besides", least(|costs| costs.deliver.scripts), Goal::None);
    add(report, "  CPU of accept: reading, file and fsync too", least(|costs| costs.accept.cpu), Goal::None);
    let cpu = least(|costs| costs.finish.cpu + costs.fan_out.cpu);
    add(report, "  CPU of claim, finish, fan-out, the same", cpu, Goal::None);
    Ok(())
}

async fn round(rig: &mut Rig) -> anyhow::Result<Costs> {
    rig.store.clear().await?;
    let accept = cost(rig, async |rig| fill(&rig.store, &rig.orders, ORDERS).await.map(drop)).await?;
    let finish = cost(rig, async |rig| drain(rig, PLACED, |_| Step::Finish).await).await?;
    let fan_out = cost(rig, async |rig| drain(rig, CHANGES, |_| Step::FanOut).await).await?;
    let deliver = cost(rig, async |rig| drain(rig, &format!("{CHANGES}.{LANE}"), |_| Step::Deliver).await).await?;
    fill(&rig.store, &rig.orders, ORDERS).await?;
    let hold_and_finish = cost(rig, async |rig| drain(rig, PLACED, hold_and_finish).await).await?;
    Ok(Costs { accept, finish, fan_out, deliver, hold_and_finish })
}

async fn cost(rig: &mut Rig, work: impl AsyncFn(&Rig) -> anyhow::Result<()>) -> anyhow::Result<Usage> {
    let before = rig.store.usage().await?;
    work(rig).await?;
    Ok(rig.store.usage().await? - before)
}

fn add(report: &mut Report, figure: &'static str, time: Duration, goal: Goal) {
    let measured = BTreeMap::from([(System::Sluice, per_order(time, ORDERS))]);
    report.add(Row::new(figure, Unit::Micros, measured, goal));
}

/// Works a queue off with the queue's own loop.
async fn drain<'r>(rig: &'r Rig, queue: &str, step: impl FnOnce(Queue<'r, Native>) -> Step<'r>) -> anyhow::Result<()> {
    let (step, runtime, backoff) = (step(rig.store.queue(queue)), Tokio::default(), backoff());
    let drained = worker(rig.store.queue(queue), &step, &runtime, &backoff).drain().await?;
    anyhow::ensure!(drained.settled as u64 == ORDERS, "of {ORDERS} messages, {} were settled", drained.settled);
    Ok(())
}

impl Handler for Step<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        self.effects(message).await.map_err(|error| Failure::permanent(error.to_string()))
    }

    async fn buried(&self, _message: &Message, _class: Class, _reason: &str) -> Effects {
        Effects::default()
    }

    fn log(&self, _line: &str) {}

    async fn settled(&self) {}
}

impl Step<'_> {
    async fn effects(&self, message: &Message) -> anyhow::Result<Effects> {
        match self {
            Self::HoldAndFinish(queue, holds) => {
                let placed = placed(&message.payload)?;
                let request = HoldRequest::new(message, &terms(), wanted(&placed.order));
                holds.ask(request, async |requests: &[HoldRequest]| queue.hold_together(requests).await).await?;
                finish(message)
            }
            Self::Finish => finish(message),
            Self::FanOut => Ok(Effects { emits: vec![copy(message)], ..Effects::default() }),
            Self::Deliver => Ok(Effects { counter: Some("webhooks:delivered".to_owned()), ..Effects::default() }),
        }
    }
}

fn hold_and_finish(queue: Queue<'_, Native>) -> Step<'_> {
    Step::HoldAndFinish(queue, Joined::new(TOGETHER))
}

fn finish(message: &Message) -> anyhow::Result<Effects> {
    let (record, head) = decided(placed(&message.payload)?, message);
    Ok(effects(&record, head))
}

fn copy(message: &Message) -> Emit {
    let queue = format!("{CHANGES}.{LANE}");
    Emit { queue, id: message.id.clone(), payload: message.payload.clone(), log: false, after: Duration::ZERO }
}
