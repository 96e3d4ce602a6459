//! The endpoints that want to be told, from the variable `webhooks`:
//! `[{"name", "url", "secret", "events"?}]`.

use std::collections::BTreeSet;

use http::Uri;
use serde::Deserialize;
use standardwebhooks::Webhook;

/// An endpoint that wants to be told.
pub(crate) struct Endpoint {
    /// Names its lane and its dead letters.
    pub(crate) name: String,
    pub(crate) url: Uri,
    pub(crate) signer: Webhook,
    /// The event types it wants. `None`: all.
    events: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    url: String,
    secret: String,
    events: Option<BTreeSet<String>>,
}

/// Endpoints in all. Each change costs a message for each.
const MOST_ENDPOINTS: usize = 32;

/// Standard Webhooks asks for keys of 24 to 64 bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl Endpoint {
    /// Whether it wants events of this type.
    pub(crate) fn wants(&self, event_type: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.contains(event_type))
    }
}

/// Reads the variable. A fault is a sentence that fits behind "the variable webhooks"; it never shows a secret.
pub(crate) fn parse(json: &str) -> Result<Vec<Endpoint>, String> {
    let written: Vec<Written> = serde_json::from_str(json).map_err(|error| {
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
    let mut names = BTreeSet::new();
    let mut endpoints = Vec::new();
    for (index, endpoint) in written.into_iter().enumerate() {
        if !names.insert(endpoint.name.clone()) {
            return Err(format!("names the endpoint {:?} twice", endpoint.name));
        }
        endpoints.push(check(endpoint).map_err(|fault| format!("has a fault in endpoint {}: {fault}", index + 1))?);
    }
    Ok(endpoints)
}

fn check(written: Written) -> Result<Endpoint, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !(1..=32).contains(&written.name.len()) || !written.name.chars().all(plain) {
        return Err("its name must be 1 to 32 lower-case letters, digits or hyphens".to_owned());
    }
    let url: Uri = written.url.parse().map_err(|error| format!("its url can't be read: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err("its url must begin with https:// or http:// and name a host".to_owned());
    }
    if let Some(event) = written.events.iter().flatten().find(|event| !order::event::is_type(event)) {
        return Err(format!("{event:?} is no event; events are {}", order::event::types().join(", ")));
    }
    Ok(Endpoint { name: written.name, url, signer: signer(&written.secret)?, events: written.events })
}

fn signer(secret: &str) -> Result<Webhook, String> {
    const FAULT: &str = "its secret must be whsec_ and the base64 of 24 to 64 bytes";
    let encoded = secret.strip_prefix("whsec_").ok_or(FAULT)?;
    // Four characters of base64 are three bytes.
    let bytes = encoded.trim_end_matches('=').len() * 3 / 4;
    if !KEY_BYTES.contains(&bytes) {
        return Err(FAULT.to_owned());
    }
    Webhook::new(secret).map_err(|_| FAULT.to_owned())
}
