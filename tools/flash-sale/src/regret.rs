//! The day after: some of those who got a piece don't want it any more, and their money goes back.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use harness::Client;
use http::Request;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::audit::{READERS, read};

/// What isn't cancelled within this time never will be.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at an order.
const PAUSE: Duration = Duration::from_millis(20);

/// Cancels so many of a hundred confirmed orders, and waits until all of them are cancelled.
pub(crate) async fn regret(client: &Client, accepted: &[String], percent: u8) -> anyhow::Result<()> {
    let records = read(client, accepted).await;
    let confirmed = records.iter().filter(|(_, record)| record["status"] == "confirmed");
    let confirmed: Vec<&String> = confirmed.map(|(id, _)| id).collect();
    let regretted = confirmed.len() * usize::from(percent) / 100;
    let cancelling = stream::iter(&confirmed[..regretted]).map(|id| cancel(client, id));
    let cancelling = cancelling.buffer_unordered(READERS).try_collect::<()>();
    timeout(PATIENCE, cancelling).await.context("orders that were cancelled stay as they are")?
}

async fn cancel(client: &Client, id: &str) -> anyhow::Result<()> {
    let path = format!("/orders/{id}");
    let answer = client.send(Request::post(format!("{path}/cancel")).body(Default::default())?).await;
    ensure!(answer.status().is_success(), "an order can't be cancelled: {answer:?}");
    loop {
        let order: Value = serde_json::from_slice(client.get(&path).await.body())?;
        if order["status"] == "cancelled" {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}
