//! One shop floods: how long another one waits meanwhile, with a limit on the one that floods and without.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use access::{ApiKey, KeyDigest};
use serde_json::json;

use crate::load::{Pace, load_as};
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::system::{Partners, System, Work};

pub(crate) const STEPS: u64 = 3;

/// What the calm shop sends each second, and what the other one tries to.
const CALM: f64 = 200.0;
const FLOOD: f64 = 4_000.0;
/// How much of that the limit lets in.
const LIMIT: u32 = 200;
const TIME: Duration = Duration::from_secs(4);

/// A key that is always the same for one name.
fn key(name: &str) -> String {
    let mut bytes = name.bytes().cycle();
    ApiKey::new(|| bytes.next().unwrap_or_default()).as_str().to_owned()
}

static KEYS: LazyLock<String> = LazyLock::new(|| {
    let digest = |name| KeyDigest::of(&key(name)).to_string();
    let entries = json!([
        {"name": "calm", "role": "shop", "sha256": digest("calm")},
        {"name": "free", "role": "shop", "sha256": digest("free")},
        {"name": "limited", "role": "shop", "sha256": digest("limited"), "per_second": LIMIT},
    ]);
    entries.to_string()
});

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let alone = p99_beside(rig, None).await?;
    let mut add = |figure, measured, goal| {
        let mut row = Row::new(figure, Unit::Millis, BTreeMap::from([(System::Sluice, measured)]), goal);
        row.reference = Some(alone);
        report.add(row);
    };
    let limited = p99_beside(rig, Some("limited")).await?;
    add("p99 beside a shop that floods and has a limit; beside: without it", limited, Goal::AtMost(2.0));
    let free = p99_beside(rig, Some("free")).await?;
    add("  the same if that shop has no limit", free, Goal::None);
    Ok(())
}

/// The p99 of a calm shop, in ms.
async fn p99_beside(rig: &mut Rig, other: Option<&str>) -> anyhow::Result<f64> {
    rig.step(other.map_or_else(|| "a calm shop".to_owned(), |other| format!("beside a flood, {other}")));
    rig.store.clear().await?;
    let partners = Partners { api_keys: KEYS.as_str(), ..Partners::default() };
    let running = rig.start(System::Sluice, Work::Intake, partners).await?;
    let (calm, other) = (key("calm"), other.map(key));
    let calm = load_as(Some(&calm), &running, &rig.orders, Pace::PerSecond(CALM), TIME);
    let flood = async {
        match &other {
            Some(other) => load_as(Some(other), &running, &rig.orders, Pace::PerSecond(FLOOD), TIME).await.map(drop),
            None => Ok(()),
        }
    };
    let (calm, flood) = futures::future::join(calm, flood).await;
    flood?;
    running.end().await?;
    Ok(calm?.latency.value_at_quantile(0.99) as f64 / 1000.0)
}
