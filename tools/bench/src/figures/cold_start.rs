//! A cold start: from a request to the first byte of an answer by an instance that did not exist before. Beside it:
//! what a process takes for the same.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;
use host::{CompiledApplication, LoadOptions, RedisOverride, Reuse, RunningApplication, StartOptions, Triggers};
use http::{Request, StatusCode};
use tokio::time::Instant;

use super::median;
use crate::load::histogram;
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::shop::Shop;
use crate::system::{Partners, System, Work, root};

pub(crate) const STEPS: u64 = 1;

const INSTANCES: u64 = 2_000;
const PROCESSES: u64 = 11;

/// Answered by the intake itself, without Redis.
const PATH: &str = "/nothing";

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    rig.step("cold starts");
    let times = instances(rig).await?;
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        processes.push(process(rig).await?.as_secs_f64() * 1e6);
    }
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    let measured = BTreeMap::from([(System::Sluice, at(0.5)), (System::Ceiling, median(processes))]);
    report.add(Row::new(
        "cold start to first byte, p50; beside: a process",
        Unit::Micros,
        measured,
        Goal::Below(150.0),
    ));
    report.add(Row::new("  the same, p99", Unit::Micros, BTreeMap::from([(System::Sluice, at(0.99))]), Goal::None));
    Ok(())
}

/// Each request gets an instance of its own, in a pool, of a component that is compiled already. Times in ns.
async fn instances(rig: &Rig) -> anyhow::Result<Histogram<u64>> {
    let running = in_this_process(rig).await?;
    let mut times = histogram()?;
    for number in 0..INSTANCES + INSTANCES / 10 {
        let request = Request::get(PATH).body(Bytes::new())?;
        let began = Instant::now();
        let response = running.http("intake", request).await?;
        let took = began.elapsed();
        anyhow::ensure!(response.status() == StatusCode::NOT_FOUND, "the intake answered {}", response.status());
        // The first ones touch memory that no instance had before.
        if number >= INSTANCES / 10 {
            times.record(took.as_nanos() as u64)?;
        }
    }
    running.stop().await;
    Ok(times)
}

async fn in_this_process(rig: &Rig) -> anyhow::Result<RunningApplication> {
    let load = LoadOptions {
        runtime_config: Some(root().join("runtime-config.toml")),
        cache: Some(rig.folder.join("host/compiled")),
        progress: None,
    };
    let reuse = Reuse { requests: 1, concurrent: 1, ..Reuse::default() };
    let redis = Some(RedisOverride::new(&rig.store.url())?);
    CompiledApplication::load(&root().join("spin.toml"), load)?
        .start(StartOptions { redis, reuse, triggers: Triggers::Off, ..StartOptions::default() })
        .await
}

/// From starting the native service to the first byte of its answer.
async fn process(rig: &Rig) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let running = rig.start(System::Ceiling, Work::Intake, Partners::default()).await?;
    let mut shop = Shop::connect(running.address).await?;
    shop.get(PATH).await?;
    let took = began.elapsed();
    running.end().await?;
    Ok(took)
}
