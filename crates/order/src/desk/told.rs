//! What operators are told at the desk.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Timestamp;

/// The queues and lanes that have dead letters.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overview {
    /// Each of them.
    pub queues: Vec<QueueOfLetters>,
}

/// A queue that has dead letters.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueOfLetters {
    /// Its name.
    pub queue: String,
    /// How many.
    pub dead: u64,
}

/// What became of a redrive.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Redriven {
    /// Letters that went back.
    pub redriven: u64,
    /// Dead letters that are left.
    pub dead: u64,
    /// The ids that are no dead letters of this queue, or no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The letter is gone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiscardAnswer {
    /// True.
    pub discarded: bool,
}

/// The payment is settled.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettleAnswer {
    /// True.
    pub settled: bool,
}

/// A page of dead letters, oldest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LetterPage<'a> {
    /// All dead letters of the queue.
    pub dead: u64,
    /// How many come before these.
    pub offset: usize,
    /// Those of this page.
    pub letters: Vec<ShownLetter<'a>>,
}

/// A dead letter.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownLetter<'a> {
    /// An order's is its UUID.
    pub id: String,
    /// When it was given up.
    pub buried_at: Timestamp,
    /// Why it was given up: handler, crash, undecodable or permanent.
    pub class: &'static str,
    /// The last error.
    pub reason: &'a str,
    /// How often it was handed out.
    pub deliveries: u64,
    /// How many of those failed.
    pub failures: u32,
    /// In how many of those the worker died.
    pub crashes: u32,
    /// The last of its attempts.
    pub attempts: Vec<ShownIncident<'a>>,
    /// The trace of the request that its order came with, if that named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<&'a str>,
    /// Its content, if that is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub payload: Option<&'a RawValue>,
    /// Its content, if that is anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
}

/// An attempt that came to nothing.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownIncident<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// Which delivery it was.
    pub delivery: u64,
    /// What happened.
    pub class: &'static str,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Who had it.
    pub worker: &'a str,
    /// How often it was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Since when it was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A page of articles that have a stock entry.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StockPage<'a> {
    /// Those of this page.
    pub stock: Vec<ShownStock<'a>>,
    /// Leads to the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An article's stock.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownStock<'a> {
    /// The article.
    pub sku: &'a str,
    /// Pieces that can be sold.
    pub available: u64,
    /// Pieces that orders hold.
    pub held: u64,
}

/// The endpoints that are told of changes.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndpointList<'a> {
    /// Each of them.
    pub endpoints: Vec<ShownEndpoint<'a>>,
}

/// An endpoint, and what waits for it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownEndpoint<'a> {
    /// Its name.
    pub name: &'a str,
    /// When a host named it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When a host named it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_at: Option<Timestamp>,
    /// Events that wait for it.
    pub waiting: u64,
    /// Its dead letters.
    pub dead: u64,
}

/// An endpoint that is gone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Removed {
    /// True.
    pub removed: bool,
    /// Events that were thrown away.
    pub waiting: u64,
    /// Dead letters that were thrown away.
    pub dead: u64,
}
