//! How it goes while it goes: reads `/metrics`, as a monitoring system does.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use harness::Client;
use http::Request;
use indicatif::ProgressBar;

use crate::shop::OPERATOR_KEY;

const PERIOD: Duration = Duration::from_millis(100);

/// Nothing that is decided any more within this time will ever be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Orders in each state, some time after the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// As the buyers read it.
    pub(crate) accepted: u64,
    pub(crate) confirmed: u64,
    pub(crate) rejected: u64,
}

impl Sample {
    pub(crate) fn decided(&self) -> u64 {
        self.confirmed + self.rejected
    }

    pub(crate) fn queued(&self) -> u64 {
        self.accepted.saturating_sub(self.decided())
    }
}

/// Samples until all orders are decided, or nothing changes any more. `accepted` is moved by the buyers.
pub(crate) async fn watch(client: Client, accepted: ProgressBar, bar: ProgressBar) -> anyhow::Result<Vec<Sample>> {
    let orders = bar.length().unwrap_or(0);
    let (begun, mut ticks) = (Instant::now(), tokio::time::interval(PERIOD));
    let (mut samples, mut moved) = (vec![Sample::default()], Instant::now());
    loop {
        ticks.tick().await;
        let sample = Sample { at: begun.elapsed(), ..read(&client, accepted.position()).await? };
        bar.set_position(sample.decided());
        if samples.last().is_none_or(|last| last.decided() < sample.decided()) {
            moved = Instant::now();
        }
        samples.push(sample);
        if sample.decided() >= orders || moved.elapsed() > PATIENCE {
            bar.finish();
            return Ok(samples);
        }
    }
}

async fn read(client: &Client, accepted: u64) -> anyhow::Result<Sample> {
    let request = Request::get("/metrics").header("authorization", format!("Bearer {OPERATOR_KEY}"));
    let answer = client.send(request.body(Bytes::new())?).await;
    ensure!(answer.status().is_success(), "GET /metrics answered {}", answer.status());
    let text = std::str::from_utf8(answer.body()).context("metrics are text")?;
    let orders = |event: &str| value(text, &format!(r#"sluice_events_total{{subject="orders",event="{event}"}}"#));
    Ok(Sample { at: Duration::ZERO, accepted, confirmed: orders("confirmed"), rejected: orders("rejected") })
}

/// The value of one metric; 0 where it isn't there yet.
fn value(text: &str, metric: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(metric)?.trim().parse().ok());
    value.unwrap_or(0)
}
