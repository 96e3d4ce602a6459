//! Dead letters: seeing them, sending them again, and giving them up.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use guest::{Answer, Redis, Request};
use order::{OrderId, Timestamp};
use queue::{Class, DeadLetter, Incident, Queue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::exchange::{answer, malformed, parameter, read};
use crate::problem::Problem;

/// Letters in one answer.
const PAGE: usize = 100;

/// Letters that one request moves; it can be sent again for the rest.
const MOST_MOVED: usize = 1000;

/// `GET ?offset=`: a page of them, oldest first.
pub(crate) async fn list(queue: &Queue<'_, Redis>, request: &Request) -> Result<Answer, Problem> {
    let offset = parameter(request, "offset")?.unwrap_or(0);
    let dead = queue.stats().await?.dead;
    let letters = queue.dead_letters(offset, PAGE).await?;
    let body = Page { dead, offset, letters: letters.iter().map(Shown::new).collect() };
    answer(&body)
}

/// `POST {"ids": […]}`, or `{"class": "handler"}` or `{"all": true}`, these with `"per_second"?`. Sending it twice does it
/// once: what was sent back is no dead letter any more.
pub(crate) async fn redrive(queue: &Queue<'_, Redis>, request: Request) -> Result<Answer, Problem> {
    let wanted: WantedRedrive = read(request).await?;
    let sent = match (wanted.ids, wanted.class, wanted.all) {
        (Some(_), None, None) if wanted.per_second > 0 => {
            return Err(malformed("\"per_second\" goes with \"class\" or \"all\""));
        }
        (Some(ids), None, None) => {
            let ids: Vec<_> = ids.iter().map(|id| from_shown(id)).collect();
            let ids: Vec<_> = ids.iter().map(Vec::as_slice).collect();
            queue.redrive(&ids).await?.into_iter().filter(|was_dead| *was_dead).count() as u64
        }
        (None, Some(class), None) => queue.redrive_some(Some(class), wanted.per_second, MOST_MOVED).await?,
        (None, None, Some(true)) => queue.redrive_some(None, wanted.per_second, MOST_MOVED).await?,
        _ => return Err(malformed("say which: \"ids\", \"class\" or \"all\": true")),
    };
    let dead = queue.stats().await?.dead;
    answer(&Redriven { redriven: sent, dead })
}

/// `POST {"id", "by", "why"}`. The letter is gone for good; who gave it up and why stays.
pub(crate) async fn discard(queue: &Queue<'_, Redis>, request: Request) -> Result<Answer, Problem> {
    let wanted: WantedDiscard = read(request).await?;
    if wanted.by.trim().is_empty() || wanted.why.trim().is_empty() {
        return Err(malformed("say who gives it up in \"by\", and the reason in \"why\""));
    }
    let discarded = queue.discard(&from_shown(&wanted.id), &wanted.by, &wanted.why).await?;
    answer(&Gone { discarded })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedRedrive {
    ids: Option<Vec<String>>,
    class: Option<Class>,
    all: Option<bool>,
    #[serde(default)]
    per_second: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedDiscard {
    id: String,
    by: String,
    why: String,
}

#[derive(Serialize)]
struct Redriven {
    redriven: u64,
    /// What is left.
    dead: u64,
}

#[derive(Serialize)]
struct Gone {
    discarded: bool,
}

#[derive(Serialize)]
struct Page<'a> {
    dead: u64,
    offset: usize,
    letters: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    buried_at: Timestamp,
    class: Class,
    reason: &'a str,
    deliveries: u64,
    failures: u32,
    crashes: u32,
    attempts: Vec<ShownIncident<'a>>,
    /// The trace that its order came with, if it did with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    /// The bytes that were sent, where they are JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    /// The bytes that were sent, where they are anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

#[derive(Serialize)]
struct ShownIncident<'a> {
    at: Timestamp,
    delivery: u64,
    class: Class,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    worker: &'a str,
}

impl<'a> Shown<'a> {
    fn new(letter: &'a DeadLetter) -> Self {
        let payload: Option<&RawValue> = serde_json::from_slice(&letter.payload).ok();
        Self {
            id: to_shown(&letter.id),
            buried_at: Timestamp::from_ms(letter.buried_at),
            class: letter.why.class,
            reason: &letter.why.reason,
            deliveries: letter.why.deliveries,
            failures: letter.why.failures,
            crashes: letter.why.crashes,
            attempts: letter.history.iter().map(ShownIncident::new).collect(),
            trace: trace(&letter.payload),
            payload,
            payload_base64: payload.is_none().then(|| BASE64_STANDARD.encode(&letter.payload)),
        }
    }
}

impl<'a> ShownIncident<'a> {
    fn new(incident: &'a Incident) -> Self {
        Self {
            at: Timestamp::from_ms(incident.at),
            delivery: incident.delivery,
            class: incident.kind,
            reason: incident.reason.as_deref(),
            worker: &incident.worker,
        }
    }
}

/// An order's message names its trace in a field of its own, an event in CloudEvents' extension for it.
fn trace(payload: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Traced<'a> {
        #[serde(alias = "traceparent")]
        trace: Option<&'a str>,
    }
    serde_json::from_slice::<Traced<'_>>(payload).ok()?.trace
}

/// Order ids are kept as 16 bytes and shown as UUIDs; event ids are text.
fn to_shown(id: &[u8]) -> String {
    OrderId::from_slice(id).map_or_else(|| String::from_utf8_lossy(id).into_owned(), |id| id.to_string())
}

fn from_shown(id: &str) -> Vec<u8> {
    id.parse().map_or_else(|_| id.as_bytes().to_vec(), |id: OrderId| id.as_bytes().to_vec())
}
