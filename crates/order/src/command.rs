//! What lies in the queue of orders: an order to be placed, and what is wanted of it later.
//!
//! The commands of one order are worked off in the order in which they were accepted. Messages outlive the build that
//! wrote them, so each names its version and [`Command::decode`] keeps an arm for every version that may still lie in a
//! queue. A new version is first taught to the decoder, and written only by the release after that, so that while a
//! rollout lasts the older build can read what the newer one writes.

use crate::envelope::{DecodeError, Placed};
use crate::fault::{BodyFault, Malformed};
use crate::id::OrderId;
use crate::json::Node;
use crate::life::Move;
use crate::limits;
use crate::reader::{self, Field, Value, text};
use crate::text::{Reason, Tracking};
use crate::trace::TraceParent;
use serde::Serialize;
use std::str::FromStr;

/// A message in the queue of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Decide an order that was accepted.
    Place(Box<Placed>),
    /// Change an order that was accepted before.
    Change(Change),
}

/// What is wanted of an order that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The order.
    pub id: OrderId,
    /// What is wanted.
    pub wanted: Wanted,
    /// The trace that the request belongs to, if it told one.
    pub trace: Option<TraceParent>,
}

/// The changes that a person or a shop can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Cancel it.
    Cancel {
        /// Why, in the words of whoever asked.
        reason: Option<Reason>,
    },
    /// Note that its goods went out.
    Fulfil {
        /// The carrier's number of the parcel.
        tracking: Option<Tracking>,
    },
}

impl Wanted {
    /// Reads the body of a request to cancel, `{"reason"?}`. It may be empty.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse_cancel(body: &[u8]) -> Result<Self, BodyFault> {
        parse(body, "reason").map(|reason| Self::Cancel { reason })
    }

    /// Reads the body of a request to fulfil, `{"tracking"?}`. It may be empty.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse_fulfil(body: &[u8]) -> Result<Self, BodyFault> {
        parse(body, "tracking").map(|tracking| Self::Fulfil { tracking })
    }

    /// The move that it asks for.
    #[must_use]
    pub fn as_move(&self) -> Move {
        match self {
            Self::Cancel { .. } => Move::Cancel,
            Self::Fulfil { .. } => Move::Fulfil,
        }
    }
}

/// Reads a body that may have one field.
fn parse<T: FromStr<Err = Malformed>>(body: &[u8], field: &'static str) -> Result<Option<T>, BodyFault> {
    if body.is_empty() {
        return Ok(None);
    }
    let tree = Node::parse(body)?;
    reader::read(&tree, |value| {
        let [field] = value.fields([field])?;
        field.optional(text)
    })
    .map_err(BodyFault::Invalid)
}

/// The id of the message that asks for a change. An order has one message of each kind at a time, so asking twice is
/// asking once.
#[must_use]
pub fn message_id(order: &OrderId, wanted: Move) -> Vec<u8> {
    format!("{order}/{wanted}").into_bytes()
}

impl Change {
    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Written<'a> {
            v: u64,
            #[serde(rename = "type")]
            kind: String,
            id: OrderId,
            #[serde(skip_serializing_if = "Option::is_none")]
            trace: Option<&'a TraceParent>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a Reason>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tracking: Option<&'a Tracking>,
        }
        let (reason, tracking) = match &self.wanted {
            Wanted::Cancel { reason } => (reason.as_ref(), None),
            Wanted::Fulfil { tracking } => (None, tracking.as_ref()),
        };
        let (kind, trace) = (self.wanted.as_move().to_string(), self.trace.as_ref());
        let written = Written { v: 1, kind, id: self.id, trace, reason, tracking };
        serde_json::to_vec(&written).expect("strings and numbers always serialise")
    }
}

impl Command {
    /// The trace of the request that it came with, if that told one.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceParent> {
        match self {
            Self::Place(placed) => placed.trace.as_ref(),
            Self::Change(change) => change.trace.as_ref(),
        }
    }

    /// Reads a message of any version that may lie in a queue.
    ///
    /// # Errors
    /// See [`DecodeError`]. The message should be buried with its bytes.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        if message.len() > limits::STORED_BYTES {
            return Err(DecodeError::TooLarge);
        }
        let tree = Node::parse(message)?;
        let read = match reader::read(&tree, version).map_err(DecodeError::Invalid)? {
            1 => read_v1,
            version => return Err(DecodeError::UnknownVersion { version }),
        };
        reader::read(&tree, read).map_err(DecodeError::Invalid)
    }
}

fn version(message: &Value<'_>) -> Option<u64> {
    message.field("v")?.required(|value| value.integer(1..=limits::VERSION))
}

fn read_v1(message: &Value<'_>) -> Option<Command> {
    const KINDS: [&str; 3] = ["placed", "cancel", "fulfil"];
    let kind = message.field("type")?.required(|value| value.one_of(&KINDS));
    match kind {
        Some("cancel") => cancel_v1(message).map(Command::Change),
        Some("fulfil") => fulfil_v1(message).map(Command::Change),
        // Of a message without a kind that is known, too, every fault is told.
        _ => Placed::read_v1(message).filter(|_| kind.is_some()).map(|placed| Command::Place(Box::new(placed))),
    }
}

fn cancel_v1(message: &Value<'_>) -> Option<Change> {
    let [_version, _kind, id, trace, reason] = message.fields(["v", "type", "id", "trace", "reason"])?;
    let reason = reason.optional(text);
    change(&id, &trace, reason.map(|reason| Wanted::Cancel { reason }))
}

fn fulfil_v1(message: &Value<'_>) -> Option<Change> {
    let [_version, _kind, id, trace, tracking] = message.fields(["v", "type", "id", "trace", "tracking"])?;
    let tracking = tracking.optional(text);
    change(&id, &trace, tracking.map(|tracking| Wanted::Fulfil { tracking }))
}

fn change(id: &Field<'_>, trace: &Field<'_>, wanted: Option<Wanted>) -> Option<Change> {
    let id = id.required(text);
    let trace = trace.optional(text);
    Some(Change { id: id?, wanted: wanted?, trace: trace? })
}
