//! The endpoints that receive events, from the variables `webhooks`, `[{"name", "url", "secret", "events"?}]`,
//! `webhook_schedule_ms`, `webhook_timeout_ms` and `webhook_concurrency`. An endpoint may have `secrets`, a list, in
//! place of `secret`.

use std::time::Duration;

use queue::Backoff;

use crate::endpoint::Endpoint;
use crate::settings::{SettingError, Settings, WholeNumber};
use crate::webhook_list::parse;

/// Most waits in one schedule.
const MOST_WAITS: usize = 32;

/// The longest wait of a schedule: a week.
const LONGEST_WAIT_MS: u64 = 7 * 24 * 3600 * 1000;

const WEBHOOK_TIMEOUT: WholeNumber = WholeNumber("webhook_timeout_ms", 10, 60_000);

const WEBHOOK_CONCURRENCY: WholeNumber = WholeNumber("webhook_concurrency", 1, 256);

impl Settings {
    /// The endpoints. An error names all faults, and never shows a secret.
    pub async fn webhooks(&self) -> Result<Vec<Endpoint>, SettingError> {
        let json = self.text("webhooks").await?;
        parse(&json).map_err(|fault| self.error("webhooks", fault))
    }

    /// When a webhook is tried again.
    pub async fn webhook_schedule(&self) -> Result<Backoff, SettingError> {
        let text = self.text("webhook_schedule_ms").await?;
        parse_schedule(&text).map(Backoff::Schedule).ok_or_else(|| {
            let fault = format!("is {text:?}, but must be 1 to {MOST_WAITS} waits in ms, like 5000,300000");
            self.error("webhook_schedule_ms", fault)
        })
    }

    /// Finds every fault of these variables, and checks that events may be sent to each of the endpoints.
    pub(crate) async fn webhook_faults(&self) -> Vec<SettingError> {
        let endpoints = match self.webhooks().await {
            Ok(endpoints) => {
                let urls: Vec<_> = endpoints.iter().map(|endpoint| &endpoint.url).collect();
                self.check_origin("webhook_origin", "webhooks", &urls).await.err()
            }
            Err(fault) => Some(fault),
        };
        let others = [
            self.webhook_schedule().await.err(),
            self.webhook_timeout().await.err(),
            self.webhook_concurrency().await.err(),
        ];
        [endpoints].into_iter().chain(others).flatten().collect()
    }

    /// How long an endpoint may take to answer.
    pub async fn webhook_timeout(&self) -> Result<Duration, SettingError> {
        self.millis(WEBHOOK_TIMEOUT).await
    }

    /// How many requests one worker sends to an endpoint at the same time.
    pub async fn webhook_concurrency(&self) -> Result<usize, SettingError> {
        self.number(WEBHOOK_CONCURRENCY).await.map(|requests| requests as usize)
    }
}

fn parse_schedule(text: &str) -> Option<Vec<Duration>> {
    let waits: Option<Vec<u64>> = text.split(',').map(|wait| wait.trim().parse().ok()).collect();
    let waits = waits.filter(|waits| waits.len() <= MOST_WAITS && waits.iter().all(|wait| *wait <= LONGEST_WAIT_MS))?;
    Some(waits.into_iter().map(Duration::from_millis).collect())
}
