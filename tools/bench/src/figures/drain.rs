//! Working off a backlog while nothing else happens, and what a queued order costs until then.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};

use super::per_order;
use crate::fill::fill_fast;
use crate::report::{Drained, Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

pub(crate) const STEPS: u64 = 4;

const BACKLOG: u64 = 100_000;
/// Who is slower is not waited for: its rate shows long before.
const LONGEST: Duration = Duration::from_secs(8);
const SAMPLE: Duration = Duration::from_millis(100);
/// The goal's own number, on the machine that gave the project its first figures.
const GOAL_PER_SECOND: f64 = 12_000.0;

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let (mut rates, mut host, mut redis) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for system in rig.systems() {
        let drained = one(rig, report, system, Work::Everything).await?;
        rates.insert(system, drained.per_second);
        redis.insert(system, drained.redis);
        host.extend(drained.cpu.map(|cpu| (system, cpu)));
        if system == System::Sluice {
            let measured = BTreeMap::from([(system, drained.bytes)]);
            report.add(Row::new(
                "Redis memory of a queued order, above its payload",
                Unit::Bytes,
                measured,
                Goal::Below(490.0),
            ));
        }
    }
    let one_by_one = one(rig, report, System::Ceiling, Work::OneByOne).await?.per_second;
    let in_batches = *rates.get(&System::Ceiling).context("the ceiling was measured")?;
    let goal = Goal::Either { per_second: GOAL_PER_SECOND, of_reference: 2.0 };
    let mut row = Row::new("draining 100,000; ceiling: a round trip each", Unit::PerSecond, rates.clone(), goal);
    row.reference = Some(one_by_one);
    report.add(row);
    let mut row = Row::new("  the same; ceiling: in batches, too", Unit::PerSecond, rates, Goal::AtLeast(1.0));
    row.reference = Some(in_batches);
    report.add(row);
    report.add(Row::new("  CPU time of the server for each", Unit::Micros, host, Goal::Below(45.0)));
    report.add(Row::new("  CPU time of Redis for each", Unit::Micros, redis, Goal::Below(35.0)));
    Ok(())
}

/// What a drain showed.
struct Drain {
    /// From the first order that is gone to the last.
    per_second: f64,
    /// Bytes that a queued order took.
    bytes: f64,
    /// CPU times for an order, in µs; the server's with its start.
    cpu: Option<f64>,
    redis: f64,
}

async fn one(rig: &mut Rig, report: &mut Report, system: System, work: Work) -> anyhow::Result<Drain> {
    let how = if work == Work::OneByOne { " one by one" } else { "" };
    rig.step(format!("draining 100,000, {}{how}", system.name()));
    rig.store.clear().await?;
    let before = rig.store.usage().await?;
    let payloads = fill_fast(&mut rig.store, &rig.orders, BACKLOG).await?;
    let bytes = (rig.store.usage().await? - before).memory.saturating_sub(payloads) as f64 / BACKLOG as f64;
    let before = rig.store.usage().await?;
    let running = rig.start(system, work, Partners::default()).await?;
    let samples = watch(rig).await?;
    let done = BACKLOG - samples.last().map_or(BACKLOG, |(_, depth)| *depth);
    let cpu = running.cpu().map(|cpu| per_order(cpu, done));
    let redis = per_order((rig.store.usage().await? - before).cpu, done);
    running.end().await?;
    let [(first, most), .., (last, least)] = samples.as_slice() else {
        anyhow::bail!("the backlog was not worked off by {}", system.name())
    };
    let per_second = (most - least) as f64 / (*last - *first).as_secs_f64();
    if work == Work::Everything {
        report.drained.insert(system, curve(&samples));
    }
    Ok(Drain { per_second, bytes, cpu, redis })
}

/// The depth of the queue from when it first sinks until nothing is left.
async fn watch(rig: &Rig) -> anyhow::Result<Vec<(Instant, u64)>> {
    let mut samples = Vec::new();
    let mut given_up = Instant::now() + LONGEST;
    loop {
        let depth = rig.store.depth().await?;
        let now = Instant::now();
        if depth < BACKLOG {
            if samples.is_empty() {
                given_up = now + LONGEST;
            }
            samples.push((now, depth));
        }
        if depth == 0 || now >= given_up {
            return Ok(samples);
        }
        sleep(if samples.is_empty() { SAMPLE / 20 } else { SAMPLE }).await;
    }
}

fn curve(samples: &[(Instant, u64)]) -> Vec<Drained> {
    let pairs = samples.windows(2).map(|pair| Drained {
        backlog: pair[0].1,
        per_second: (pair[0].1 - pair[1].1) as f64 / (pair[1].0 - pair[0].0).as_secs_f64(),
    });
    pairs.collect()
}
