//! How soon `make up` answers when everything is built.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use super::median;
use crate::process::Process;
use crate::report::{Goal, Report, Row, Unit};
use crate::rig::Rig;
use crate::shop::Shop;
use crate::system::{System, free_port, root};

pub(crate) const STEPS: u64 = 1;

const TIMES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);

pub(crate) async fn measure(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    rig.step("make up");
    // The first one fills the cache of compiled components.
    once(rig).await?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        times.push(once(rig).await?.as_secs_f64() * 1000.0);
    }
    let measured = BTreeMap::from([(System::Sluice, median(times))]);
    report.add(Row::new("make up to first answer, already built", Unit::Millis, measured, Goal::Below(1000.0)));
    Ok(())
}

async fn once(rig: &Rig) -> anyhow::Result<Duration> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let data = rig.folder.join("make-up");
    let command = ["make".to_owned(), "up".to_owned(), format!("LISTEN={address}"), format!("DATA={}", data.display())];
    let began = Instant::now();
    let (process, mut output) = Process::start(&command, &[], &root(), &rig.folder.join("make-up.log"))?;
    tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
    let answered = timeout(PATIENCE, answered(address)).await;
    let took = began.elapsed();
    process.end().await?;
    answered.with_context(|| format!("make up does not answer; see {}/make-up.log", rig.folder.display()))?;
    Ok(took)
}

/// Waits until it says that it is well.
async fn answered(address: SocketAddr) {
    while asked(address).await.ok() != Some(StatusCode::OK) {
        sleep(POLL).await;
    }
}

async fn asked(address: SocketAddr) -> anyhow::Result<StatusCode> {
    Shop::connect(address).await?.get("/health").await
}
