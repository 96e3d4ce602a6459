//! What subscribers are told: CloudEvents 1.0 in structured JSON.

use crate::id::OrderId;
use crate::record::{Record, Status};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

/// The media type of an event (CloudEvents JSON format, section 3).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The event type of a change to this status.
#[must_use]
pub fn event_type(status: Status) -> &'static str {
    match status {
        Status::Confirmed => "sluice.order.confirmed",
        Status::Rejected => "sluice.order.rejected",
    }
}

/// Writes the event that tells of a record. Its id is the order's with the record's version, so that every telling of
/// the same change has the same id.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let event = Event {
        specversion: "1.0",
        id: format!("{}.{}", record.id(), record.version()),
        source: "/orders",
        kind: event_type(record.status()),
        subject: record.id(),
        time: record.updated_at(),
        datacontenttype: "application/json",
        data: record,
    };
    serde_json::to_vec(&event).expect("strings, numbers and maps with string keys always serialise")
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: OrderId,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a Record,
}

/// What is needed to route an event; its data is skipped over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head<'a> {
    /// Unique among all events, and the same in each delivery.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// The event type, such as `sluice.order.confirmed`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
}

/// Bytes that are no event.
#[derive(Debug, Error)]
#[error("not an event: {0}")]
pub struct NotAnEvent(#[from] serde_json::Error);

impl<'a> Head<'a> {
    /// Reads the head of an event.
    ///
    /// # Errors
    /// Bytes that are not JSON, or lack an id or a type. They will be the same at the next attempt.
    pub fn decode(event: &'a [u8]) -> Result<Self, NotAnEvent> {
        Ok(serde_json::from_slice(event)?)
    }
}
