//! How many orders are taken each second, and how long the shop waits: intake alone against intake alone, because who
//! works off nothing meanwhile has the more to give.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{median, per_order};
use crate::load::{Pace, load};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

/// Each in turn, so often.
pub(crate) const ROUNDS: u64 = 3;
const TIME: Duration = Duration::from_secs(3);

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let mut rates: BTreeMap<System, Vec<f64>> = BTreeMap::new();
    let mut costs: BTreeMap<System, Vec<f64>> = BTreeMap::new();
    let mut waits: BTreeMap<System, Vec<f64>> = BTreeMap::new();
    for round in 1..=ROUNDS {
        for system in rig.systems() {
            rig.step(format!("POST /orders, {}, round {round}", system.name()));
            rig.store.clear().await?;
            let running = rig.start(system, Work::Intake, Partners::default()).await?;
            let loaded = load(&running, &rig.orders, Pace::Flat, TIME).await?;
            if let Some(cpu) = running.cpu() {
                costs.entry(system).or_default().push(per_order(cpu, rig.store.depth().await?));
            }
            running.end().await?;
            rates.entry(system).or_default().push(loaded.per_second);
            waits.entry(system).or_default().push(loaded.latency.value_at_quantile(0.99) as f64 / 1000.0);
        }
    }
    let middle =
        |all: BTreeMap<System, Vec<f64>>| all.into_iter().map(|(system, each)| (system, median(each))).collect();
    let rates: BTreeMap<System, f64> = middle(rates);
    report.peak = rates[&System::Sluice];
    report.add(Row::new("POST /orders, 32 connections", Unit::PerSecond, rates, Goal::AtLeast(0.65)));
    report.add(Row::new("p99 of the same", Unit::Millis, middle(waits), Goal::AtMost(2.0)));
    report.add(Row::new(
        "  CPU time of the server for each, its start included",
        Unit::Micros,
        middle(costs),
        Goal::None,
    ));
    Ok(())
}
