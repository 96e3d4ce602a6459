//! How long the shop waits as the load grows. The load doesn't wait for the answers, so what piles up shows.

use std::time::Duration;

use crate::load::{Pace, load};
use crate::report::{Point, Report};
use crate::rig::Rig;
use crate::system::{Partners, Work};

/// Loads, as shares of what Sluice took at full load.
pub(crate) const SHARES: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.85, 0.95];
const TIME: Duration = Duration::from_millis(1500);

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    for system in rig.systems() {
        rig.store.clear().await?;
        let running = rig.start(system, Work::Intake, Partners::default()).await?;
        for share in SHARES {
            let rate = (share * report.peak).max(100.0);
            rig.step(format!("latency at {rate:.0} orders/s, {}", system.name()));
            let loaded = load(&running, &rig.orders, Pace::PerSecond(rate), TIME).await?;
            let millis = |quantile| loaded.latency.value_at_quantile(quantile) as f64 / 1000.0;
            let point = Point { per_second: loaded.per_second, p50_ms: millis(0.5), p99_ms: millis(0.99) };
            report.latency.entry(system).or_default().push(point);
        }
        running.end().await?;
    }
    Ok(())
}
