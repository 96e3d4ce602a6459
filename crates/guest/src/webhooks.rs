//! The endpoints that receive events, from the variables `webhooks`, `[{"name", "url", "secret", "events"?}]`,
//! `webhook_schedule_ms` and `webhook_timeout_ms`. An endpoint may have `secrets`, a list, in place of
//! `secret`.

use std::time::Duration;

use http::Uri;
use queue::{Backoff, Subscription};
use standardwebhooks::Webhook;

use crate::settings::{SettingError, Settings, WholeNumber};
use crate::webhook_list::parse;

/// An endpoint that receives events.
pub struct Endpoint {
    /// Names its lane and its dead letters.
    pub name: String,
    /// Its address.
    pub url: Uri,
    /// The event types that it subscribed to. `None`: all.
    pub(crate) events: Option<Vec<String>>,
    /// Each signs every event that is sent there.
    pub(crate) signers: Vec<Webhook>,
}

/// Most waits in one schedule.
const MOST_WAITS: usize = 32;

/// The longest wait of a schedule: a week.
const LONGEST_WAIT_MS: u64 = 7 * 24 * 3600 * 1000;

const WEBHOOK_TIMEOUT: WholeNumber = WholeNumber("webhook_timeout_ms", 10, 60_000);

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
        let others = [self.webhook_schedule().await.err(), self.webhook_timeout().await.err()];
        [endpoints].into_iter().chain(others).flatten().collect()
    }

    /// How long an endpoint may take to answer.
    pub async fn webhook_timeout(&self) -> Result<Duration, SettingError> {
        self.millis(WEBHOOK_TIMEOUT).await
    }
}

fn parse_schedule(text: &str) -> Option<Vec<Duration>> {
    let waits: Option<Vec<u64>> = text.split(',').map(|wait| wait.trim().parse().ok()).collect();
    let waits = waits.filter(|waits| waits.len() <= MOST_WAITS && waits.iter().all(|wait| *wait <= LONGEST_WAIT_MS))?;
    Some(waits.into_iter().map(Duration::from_millis).collect())
}

impl Endpoint {
    /// What it subscribed to.
    pub fn subscription(&self) -> Subscription<'_> {
        Subscription { lane: &self.name, topics: self.events.as_deref() }
    }

    /// The value of the header `webhook-signature`: a signature with each secret, so that the receiver may know any of
    /// them. An error is a payload that is no UTF-8.
    pub fn sign(&self, id: &str, seconds: u64, payload: &[u8]) -> Result<String, String> {
        let signatures = self.signers.iter().map(|signer| signer.sign(id, seconds as i64, payload));
        let signatures: Result<Vec<_>, _> = signatures.collect();
        signatures.map(|signatures| signatures.join(" ")).map_err(|error| error.to_string())
    }
}
