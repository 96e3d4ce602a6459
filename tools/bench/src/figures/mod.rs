//! The figures, a file for each measurement.

mod backlog;
mod beside;
mod cold_start;
mod confirmed;
mod curve;
mod drain;
mod find;
mod flood;
mod intake;
mod make_up;
mod partners;
mod redis_cost;
mod told;

use crate::report::Report;
use crate::rig::Rig;

/// How many steps the bar has, given how many systems are measured besides the ceiling.
pub(crate) fn steps(shipped: u64) -> u64 {
    let all = shipped + 1;
    let turns = intake::ROUNDS * all + curve::SHARES.len() as u64 * all + all + all + all;
    let of_sluice =
        cold_start::STEPS + redis_cost::STEPS + make_up::STEPS + partners::STEPS + find::STEPS + flood::STEPS;
    turns + drain::STEPS + backlog::STEPS + of_sluice + beside::STEPS
}

/// Measures those figures that are wanted by name.
pub(crate) async fn measure(rig: &mut Rig, report: &mut Report, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if wanted("make_up") {
        make_up::measure(rig, report).await?;
    }
    if wanted("cold_start") {
        cold_start::measure(rig, report).await?;
    }
    if wanted("intake") {
        intake::measure(rig, report).await?;
    }
    if wanted("beside") {
        beside::measure(rig, report).await?;
    }
    if wanted("curve") {
        curve::measure(rig, report).await?;
    }
    if wanted("confirmed") {
        confirmed::measure(rig, report).await?;
    }
    if wanted("told") {
        told::measure(rig, report).await?;
    }
    if wanted("partners") {
        partners::measure(rig, report).await?;
    }
    if wanted("redis_cost") {
        redis_cost::measure(rig, report).await?;
    }
    if wanted("find") {
        find::measure(rig, report).await?;
    }
    if wanted("flood") {
        flood::measure(rig, report).await?;
    }
    if wanted("drain") {
        drain::measure(rig, report).await?;
    }
    if wanted("backlog") {
        backlog::measure(rig, report).await?;
    }
    Ok(())
}

/// The one in the middle, so that a moment's noise counts for nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A time shared out among orders, in µs.
fn per_order(time: std::time::Duration, orders: u64) -> f64 {
    time.as_secs_f64() * 1e6 / orders as f64
}
