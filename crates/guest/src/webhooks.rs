//! The endpoints that receive events, from the variables `webhooks`, `[{"name", "url", "secret", "events"?}]`,
//! `webhook_schedule_ms` and `webhook_timeout_ms`. An endpoint may have `secrets`, a list, in place of
//! `secret`.

use std::time::Duration;

use http::Uri;
use queue::{Backoff, Subscription};
use serde::Deserialize;
use standardwebhooks::Webhook;

use crate::origin::has_good_port;
use crate::settings::{SettingError, Settings};
use crate::webhook_secret::signer;

/// An endpoint that receives events.
pub struct Endpoint {
    /// Names its lane and its dead letters.
    pub name: String,
    /// Its address.
    pub url: Uri,
    /// The event types that it subscribed to. `None`: all.
    events: Option<Vec<String>>,
    /// Each signs every event that is sent there.
    signers: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEndpoint {
    name: String,
    url: Option<String>,
    secret: Option<String>,
    secrets: Option<Vec<String>>,
    events: Option<Vec<String>>,
}

/// Most endpoints. Each change becomes a message for each of them.
const MOST_ENDPOINTS: usize = 32;

/// Most secrets of one endpoint: the new one, the old one, and one more for a change that meets another.
const MOST_SECRETS: usize = 3;

/// Most waits in one schedule.
const MOST_WAITS: usize = 32;

/// The longest wait of a schedule: a week.
const LONGEST_WAIT_MS: u64 = 7 * 24 * 3600 * 1000;

impl Settings {
    /// The endpoints. An error never shows a secret.
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

    /// Checks that events may be sent to each of these endpoints.
    pub async fn webhook_origin(&self, endpoints: &[Endpoint]) -> Result<(), SettingError> {
        let urls: Vec<_> = endpoints.iter().map(|endpoint| &endpoint.url).collect();
        self.check_origin("webhook_origin", "webhooks", &urls).await
    }

    /// How long an endpoint may take to answer.
    pub async fn webhook_timeout(&self) -> Result<Duration, SettingError> {
        self.millis("webhook_timeout_ms", 10..=60_000).await
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

/// Reads the variable. A fault is a sentence that fits behind "the variable webhooks"; it never shows a secret.
fn parse(json: &str) -> Result<Vec<Endpoint>, String> {
    let written: Vec<WrittenEndpoint> = serde_json::from_str(json).map_err(|error| {
        // The error's own text may quote a value, which may be a secret.
        let (line, column) = (error.line(), error.column());
        format!(
            "can't be read at line {line}, column {column}: it must be a JSON list of \
             {{\"name\", \"url\", \"secret\", \"events\"?}}"
        )
    })?;
    if written.len() > MOST_ENDPOINTS {
        return Err(format!("names {} endpoints, but at most {MOST_ENDPOINTS} are allowed", written.len()));
    }
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (index, endpoint) in written.into_iter().enumerate() {
        if endpoints.iter().any(|earlier| earlier.name == endpoint.name) {
            return Err(format!("names the endpoint {:?} twice", endpoint.name));
        }
        endpoints.push(check(endpoint).map_err(|fault| format!("has a fault in endpoint {}: {fault}", index + 1))?);
    }
    Ok(endpoints)
}

fn check(written: WrittenEndpoint) -> Result<Endpoint, String> {
    let WrittenEndpoint { name, url, secret, secrets, events } = written;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=32).contains(&name.len()) || !name.chars().all(plain) {
        return Err("its name must be 1 to 32 lower-case letters, digits or hyphens".to_owned());
    }
    let url: Uri =
        url.ok_or("its url is missing")?.parse().map_err(|error| format!("its url can't be read: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err("its url must begin with https:// or http:// and name a host".to_owned());
    }
    if !has_good_port(&url) {
        return Err("its url must have a port from 1 to 65535, or none".to_owned());
    }
    if let Some(event) = events.iter().flatten().find(|event| !order::event::is_type(event)) {
        return Err(format!(
            "{event:?} is no event; events are {}",
            order::event::types().collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(Endpoint { name, url, events, signers: signers(secret, secrets)? })
}

fn signers(secret: Option<String>, secrets: Option<Vec<String>>) -> Result<Vec<Webhook>, String> {
    match (secret, secrets) {
        (Some(_), Some(_)) => Err("it has \"secret\" and \"secrets\": put all of them into \"secrets\"".to_owned()),
        (None, None) => Err("its secret is missing".to_owned()),
        (Some(secret), None) => Ok(vec![signer(&secret).map_err(|fault| format!("its secret {fault}"))?]),
        (None, Some(secrets)) if !(1..=MOST_SECRETS).contains(&secrets.len()) => {
            Err(format!("it has {} secrets, but must have 1 to {MOST_SECRETS}", secrets.len()))
        }
        (None, Some(secrets)) => {
            let named = |(index, secret): (usize, &String)| {
                signer(secret).map_err(|fault| format!("its secret {} {fault}", index + 1))
            };
            secrets.iter().enumerate().map(named).collect()
        }
    }
}
