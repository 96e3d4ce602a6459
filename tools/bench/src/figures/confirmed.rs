//! Whether orders are worked off as fast as they are taken, with everything at work.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use crate::load::{Pace, load};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

const TIME: Duration = Duration::from_secs(6);
/// Before this both sides may not be at full speed yet.
const START: Duration = Duration::from_secs(2);

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let (mut accepted, mut confirmed) = (BTreeMap::new(), BTreeMap::new());
    for system in rig.systems() {
        rig.step(format!("working off under full load, {}", system.name()));
        rig.store.clear().await?;
        let running = rig.start(system, Work::Everything, Partners::default()).await?;
        let posting = load(&running, &rig.orders, Pace::Flat, TIME);
        let watching = async {
            sleep(START).await;
            let before = rig.store.depth().await?;
            sleep(TIME - START).await;
            anyhow::Ok(rig.store.depth().await? as f64 - before as f64)
        };
        let (loaded, grown) = futures::try_join!(posting, watching)?;
        running.end().await?;
        accepted.insert(system, loaded.per_second);
        confirmed.insert(system, loaded.per_second - grown / (TIME - START).as_secs_f64());
    }
    let mut row =
        Row::new("confirmed under full load, against accepted", Unit::PerSecond, confirmed.clone(), Goal::AtLeast(0.8));
    row.reference = Some(*accepted.get(&System::Sluice).context("Sluice was measured")?);
    report.add(row);
    report.add(Row::new("  accepted meanwhile", Unit::PerSecond, accepted, Goal::None));
    report.add(Row::new("  confirmed, beside the ceiling's", Unit::PerSecond, confirmed, Goal::None));
    Ok(())
}
