//! Finding a customer's orders: whether it takes as long among a million orders as among a thousand.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::per_order;
use crate::fill::fill_fast;
use crate::load::histogram;
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::shop::Shop;
use crate::system::{Partners, System, Work};

pub(crate) const STEPS: u64 = 2;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
/// Searches that are timed, one after the other, and those before them, by which the instance gets warm.
const SEARCHES: u64 = 4_000;
const WARM_UP: u64 = 400;

/// What a search takes.
struct Search {
    /// From the request to its whole answer, in the middle, in µs.
    whole: f64,
    /// In Redis's scripts, on average, in µs.
    scripts: f64,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let (few, many) = (among(rig, FEW).await?, among(rig, MANY).await?);
    let mut add = |figure, many, few, goal| {
        let mut row = Row::new(figure, Unit::Micros, BTreeMap::from([(System::Sluice, many)]), goal);
        row.reference = Some(few);
        report.add(row);
    };
    let figure = "a customer's order among 1,000,000, p50; beside: among 1,000";
    add(figure, many.whole, few.whole, Goal::AtMost(1.25));
    add("  Redis's scripts for it, the same", many.scripts, few.scripts, Goal::None);
    Ok(())
}

async fn among(rig: &mut Rig, orders: u64) -> anyhow::Result<Search> {
    rig.step(format!("a customer's order among {orders}"));
    rig.store.clear().await?;
    let first = rig.orders.made();
    fill_fast(&mut rig.store, &rig.orders, orders).await?;
    let running = rig.start(System::Sluice, Work::Intake, Partners::default()).await?;
    let mut shop = Shop::of(&running).await?;
    let (mut times, mut scripts) = (histogram()?, Duration::ZERO);
    for number in 0..WARM_UP + SEARCHES {
        if number == WARM_UP {
            scripts = rig.store.usage().await?.scripts;
        }
        // Far from each other, each time another one.
        let customer = first + number * 7_919 % orders;
        let began = Instant::now();
        let (status, body) = shop.read(&format!("/orders?email=ada{customer}@example.com")).await?;
        let took = began.elapsed();
        let found = body.windows(6).filter(|bytes| bytes == b"\"lines").count();
        anyhow::ensure!(status == StatusCode::OK && found == 1, "{found} orders were found: {status}");
        if number >= WARM_UP {
            times.record(took.as_micros() as u64)?;
        }
    }
    let scripts = rig.store.usage().await?.scripts - scripts;
    running.end().await?;
    Ok(Search { whole: times.value_at_quantile(0.5) as f64, scripts: per_order(scripts, SEARCHES) })
}
