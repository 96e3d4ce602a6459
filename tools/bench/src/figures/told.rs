//! How soon an endpoint is told of an order, while nothing else happens.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::load::histogram;
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::shop::Shop;
use crate::sink::Sink;
use crate::system::{Partners, System, Work};

const ORDERS: u64 = 300;
/// Sent before anything counts.
const WARM_UP: u64 = 20;
/// So long the system is idle before each order, and this is not always the same.
const IDLE: Duration = Duration::from_millis(4);
const IDLE_STEPS: u64 = 7;

#[derive(Deserialize)]
struct Answer {
    id: String,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let (mut middle, mut slow) = (BTreeMap::new(), BTreeMap::new());
    for system in rig.systems() {
        rig.step(format!("from order to webhook, {}", system.name()));
        let times = one(rig, system).await?;
        middle.insert(system, times.value_at_quantile(0.5) as f64 / 1000.0);
        slow.insert(system, times.value_at_quantile(0.99) as f64 / 1000.0);
    }
    report.add(Row::new("order sent to webhook received, idle, p50", Unit::Millis, middle, Goal::Below(5.0)));
    report.add(Row::new("the same, p99", Unit::Millis, slow, Goal::Below(25.0)));
    Ok(())
}

/// From the moment in which the order is sent, so the intake's time counts too.
async fn one(rig: &mut Rig, system: System) -> anyhow::Result<Histogram<u64>> {
    rig.store.clear().await?;
    let mut sink = Sink::start().await?;
    let partners = Partners { endpoint: Some(sink.address()), ..Partners::default() };
    let running = rig.start(system, Work::Everything, partners).await?;
    let mut shop = Shop::connect(running.address).await?;
    let mut times = histogram()?;
    for number in 0..WARM_UP + ORDERS {
        sleep(IDLE * (1 + number % IDLE_STEPS) as u32).await;
        let sent = Instant::now();
        let answer = shop.place(rig.orders.next()).await?.context("an order was put off")?;
        let answer: Answer = serde_json::from_slice(&answer).context("the answer names no order")?;
        let told = sink.told(&answer.id).await?;
        if number >= WARM_UP {
            times.record((told - sent).as_micros() as u64)?;
        }
    }
    running.end().await?;
    Ok(times)
}
