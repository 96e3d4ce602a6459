//! How fast orders are charged, and endpoints told, beside what their concurrency allows: with a partner of whose
//! answers some are slow, and with one that answers at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::fill::fill_fast;
use crate::partner::{Partner, Slowness};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

/// Every so manieth answer takes a second: none, and one in 64, 16 and 4.
const SLOW_EVERY: [u64; 4] = [0, 64, 16, 4];
/// What docs/performance.md tells of.
const TOLD: u64 = 16;
/// The defaults of `payment_concurrency` and `webhook_concurrency`.
const AT_ONCE: [(Asked, u64); 2] = [(Asked::ToCharge, 64), (Asked::ToHear, 16)];
/// Longer than a wake, so that its end counts too.
const TIME: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_secs(1);

pub(crate) const STEPS: u64 = (AT_ONCE.len() * SLOW_EVERY.len() + 1) as u64;

/// What a partner is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToCharge,
    ToHear,
}

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    for (asked, at_once) in AT_ONCE {
        for slow_every in SLOW_EVERY {
            rig.step(match asked {
                Asked::ToCharge => format!("charges, one answer of {slow_every} slow"),
                Asked::ToHear => format!("webhooks, one answer of {slow_every} slow"),
            });
            let (rate, mean) = one(rig, asked, Slowness::every(slow_every)).await?;
            let allowed = at_once as f64 / mean.as_secs_f64();
            let slow = if slow_every == 0 { 0.0 } else { 1.0 / slow_every as f64 };
            report.slow.entry(asked.name()).or_default().push((slow, rate / allowed));
            if slow_every == TOLD {
                let measured = BTreeMap::from([(System::Sluice, rate)]);
                let mut row = Row::new(asked.figure(), Unit::PerSecond, measured, Goal::AtLeast(0.85));
                row.reference = Some(allowed);
                report.add(row);
            }
        }
    }
    at_once(rig, report).await
}

/// The rate of its answers, and how long each took on average.
async fn one(rig: &mut Rig, asked: Asked, slowness: Slowness) -> anyhow::Result<(f64, Duration)> {
    rig.store.clear().await?;
    fill_fast(&mut rig.store, &rig.orders, asked.most()).await?;
    let partner = Partner::start(slowness).await?;
    let running = rig.start(System::Sluice, Work::Everything, asked.partners(&partner)).await?;
    sleep(SOON).await;
    // Deciding orders is not what is measured.
    while asked == Asked::ToHear && rig.store.depth().await? > 0 {
        sleep(SOON / 20).await;
    }
    let (before, began) = (partner.seen(), Instant::now());
    sleep(TIME).await;
    let (seen, took) = (partner.seen(), began.elapsed());
    running.end().await?;
    Ok(((seen.answered - before.answered) as f64 / took.as_secs_f64(), seen.mean))
}

/// An endpoint that answers at once is told as fast as orders are decided.
async fn at_once(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    const ORDERS: u64 = 20_000;
    rig.step("webhooks, answered at once");
    rig.store.clear().await?;
    fill_fast(&mut rig.store, &rig.orders, ORDERS).await?;
    let partner = Partner::start(Slowness::NONE).await?;
    let running = rig.start(System::Sluice, Work::Everything, Asked::ToHear.partners(&partner)).await?;
    let began = Instant::now();
    let mut decided = None;
    while partner.seen().answered < ORDERS && began.elapsed() < 2 * TIME {
        if decided.is_none() && rig.store.depth().await? == 0 {
            decided = Some(began.elapsed());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let (seen, took) = (partner.seen(), began.elapsed());
    running.end().await?;
    let rate = |orders: u64, time: Duration| orders as f64 / time.as_secs_f64();
    let measured = BTreeMap::from([(System::Sluice, rate(seen.answered, took))]);
    let mut row = Row::new(
        "webhooks answered at once; beside: orders decided meanwhile",
        Unit::PerSecond,
        measured,
        Goal::AtLeast(1.0),
    );
    row.reference = decided.map(|time| rate(ORDERS, time));
    report.add(row);
    let measured = BTreeMap::from([(System::Sluice, seen.connections as f64)]);
    report.add(Row::new("  connections opened for them", Unit::Count, measured, Goal::Below(16.0)));
    Ok(())
}

impl Asked {
    /// As many as can be answered in the time.
    fn most(self) -> u64 {
        let at_once = AT_ONCE.iter().find(|(asked, _)| *asked == self).map_or(0, |(_, at_once)| *at_once);
        (TIME + 4 * SOON).as_secs() * at_once * 1000 / 30
    }

    fn name(self) -> &'static str {
        match self {
            Self::ToCharge => "charges",
            Self::ToHear => "webhooks",
        }
    }

    fn figure(self) -> &'static str {
        match self {
            Self::ToCharge => "charges, one answer of 16 slow; beside: what 64 at once allow",
            Self::ToHear => "webhooks, one answer of 16 slow; beside: what 16 at once allow",
        }
    }

    fn partners(self, partner: &Partner) -> Partners {
        let address = Some(partner.address());
        match self {
            Self::ToCharge => Partners { provider: address, ..Partners::default() },
            Self::ToHear => Partners { endpoint: address, ..Partners::default() },
        }
    }
}
