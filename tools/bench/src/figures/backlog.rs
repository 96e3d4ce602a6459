//! Whether a long queue is as fast as a short one: orders through the whole system each second, while the backlog is
//! kept at the same length by as many new ones.

use std::collections::BTreeMap;
use std::time::Duration;

use order::queues::PLACED;
use queue::{Claim, Effects, Settlement, Side, Verdict};
use tokio::time::{Instant, sleep};

use super::per_order;
use crate::fill::{fill, fill_fast};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

pub(crate) const STEPS: u64 = 3;

const SHORT: u64 = 1_000;
const LONG: u64 = 1_000_000;
const TIME: Duration = Duration::from_secs(4);
/// Until the system is at full speed.
const WARM_UP: Duration = Duration::from_secs(1);
/// How often the backlog is topped up.
const TOP_UP: Duration = Duration::from_millis(2);
/// Orders by which the scripts alone are measured at that length, and how many of them at a time.
const SAMPLE: u64 = 8_000;
const BATCH: usize = 250;

/// What a length of the backlog comes to.
struct Pace {
    /// Orders through the whole system each second.
    rate: f64,
    /// Time in Redis's scripts to accept an order, claim it and finish it.
    scripts: f64,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    // The short one before and after, since the machine may have changed its pace meanwhile.
    let before = at(rig, SHORT).await?;
    let long = at(rig, LONG).await?;
    let after = at(rig, SHORT).await?;
    let measured = BTreeMap::from([(System::Sluice, long.rate)]);
    let mut row =
        Row::new("rate at a backlog of 1,000,000; beside: of 1,000", Unit::PerSecond, measured, Goal::AtLeast(0.9));
    row.reference = Some((before.rate + after.rate) / 2.0);
    report.add(row);
    let measured = BTreeMap::from([(System::Sluice, long.scripts)]);
    let mut row = Row::new("  Redis's scripts for each, the same", Unit::Micros, measured, Goal::None);
    row.reference = Some(before.scripts.min(after.scripts));
    report.add(row);
    Ok(())
}

async fn at(rig: &mut Rig, backlog: u64) -> anyhow::Result<Pace> {
    rig.step(format!("a backlog of {backlog}"));
    rig.store.clear().await?;
    fill_fast(&mut rig.store, &rig.orders, backlog).await?;
    let scripts = scripts(rig).await?;
    let running = rig.start(System::Sluice, Work::Everything, Partners::default()).await?;
    let rate = keep(rig, backlog).await?;
    running.end().await?;
    Ok(Pace { rate, scripts })
}

/// Accepts some orders more and finishes as many, so that the length stays.
async fn scripts(rig: &mut Rig) -> anyhow::Result<f64> {
    let before = rig.store.usage().await?;
    fill(&rig.store, &rig.orders, SAMPLE).await?;
    let queue = rig.store.queue(PLACED);
    let claim = Claim {
        most: BATCH,
        most_bytes: 1 << 20,
        max_crashes: 3,
        worker: "bench",
        number: 0,
        again: false,
        silence: false,
        side: Side::Alone,
        places: usize::MAX,
    };
    let mut finished = 0;
    while finished < SAMPLE {
        let batch = queue.claim(&claim).await?;
        let done = batch.into_iter().map(|message| Settlement {
            id: message.id,
            delivery: message.delivery,
            verdict: Verdict::Done(Effects::default()),
            report: None,
        });
        finished += queue.settle("bench", &done.collect::<Vec<_>>()).await?.len() as u64;
    }
    Ok(per_order((rig.store.usage().await? - before).scripts, SAMPLE))
}

/// Tops the backlog up, and says how many orders that took each second.
async fn keep(rig: &Rig, backlog: u64) -> anyhow::Result<f64> {
    let from = Instant::now() + WARM_UP;
    let mut added = 0;
    let mut first = None;
    loop {
        let missing = backlog.saturating_sub(rig.store.depth().await?);
        fill(&rig.store, &rig.orders, missing).await?;
        let now = Instant::now();
        match first {
            None if now >= from => first = Some(now),
            Some(first) => {
                added += missing;
                if now >= from + TIME {
                    return Ok(added as f64 / (now - first).as_secs_f64());
                }
            }
            None => {}
        }
        sleep(TOP_UP).await;
    }
}
