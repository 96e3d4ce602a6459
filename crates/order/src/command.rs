//! The messages in the queue of orders: an order to decide, or a change to an order that was accepted before.
//!
//! The commands of one order are carried out in the order in which they were accepted. Messages outlive the build that
//! wrote them, so each names its version and [`Command::decode`] keeps an arm for every version that may still lie in a
//! queue. A new version is first taught to the decoder, and written only by the release after that. While a rollout
//! lasts, the older build can so read what the newer one writes. If one writes what an older build can't read all the
//! same, a new version or only a new field, the older build leaves that message for the newer one.

use crate::command_id::ChangeKind;
use crate::envelope::{DecodeError, Placed};
use crate::fault::BodyFault;
use crate::id::OrderId;
use crate::json::{Node, written};
use crate::limits;
use crate::payment::SettledByHand;
use crate::reader::{self, Field, Value, seen_text, text};
use crate::record::{Standing, Status};
use crate::text::{Reason, Tracking};
use crate::trace::TraceParent;
use serde::Serialize;

/// A message in the queue of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Decide an order that was accepted.
    Decide(Box<Placed>),
    /// Change an order that was accepted before.
    Change(Change),
}

/// A change to an order that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The order.
    pub id: OrderId,
    /// The change.
    pub request: ChangeRequest,
    /// The trace that the request belongs to, if it named one.
    pub trace: Option<TraceParent>,
}

/// The change that a shop or support asks for, with its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeRequest {
    /// Cancel the order.
    Cancel {
        /// Why, in the words of the shop or support.
        reason: Option<Reason>,
        /// An operator's word that nothing is to be asked of the payment provider any more.
        settled: Option<SettledByHand>,
    },
    /// Note that the order's goods went out.
    Fulfil {
        /// The carrier's number of the parcel.
        tracking: Option<Tracking>,
        /// An operator's word that nothing is to be asked of the payment provider any more.
        settled: Option<SettledByHand>,
    },
    /// Take out who its customer is.
    Erase,
}

impl ChangeRequest {
    /// Reads the body of a request for a change: `{"reason"?}` to cancel, `{"tracking"?}` to fulfil. It may be empty.
    /// That of an erasure means nothing.
    ///
    /// # Errors
    /// Everything that is wrong with the body, at once.
    pub fn parse(kind: ChangeKind, body: &[u8]) -> Result<Self, BodyFault> {
        match kind {
            ChangeKind::Cancel => parse_only(body, "reason", text).map(|reason| Self::Cancel { reason, settled: None }),
            ChangeKind::Fulfil => {
                parse_only(body, "tracking", seen_text).map(|tracking| Self::Fulfil { tracking, settled: None })
            }
            ChangeKind::Erase => Ok(Self::Erase),
        }
    }

    /// The kind of change.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Cancel { .. } => ChangeKind::Cancel,
            Self::Fulfil { .. } => ChangeKind::Fulfil,
            Self::Erase => ChangeKind::Erase,
        }
    }

    /// Whether the change was made before, so that to ask for it again is no fault.
    #[must_use]
    pub fn is_made(&self, order: &Standing) -> bool {
        match (self, order.status) {
            (Self::Cancel { .. }, Status::Cancelled) => true,
            (Self::Fulfil { tracking, .. }, Status::Fulfilled) => tracking.is_none() || *tracking == order.tracking,
            (Self::Erase, _) => order.is_erased,
            _ => false,
        }
    }
}

/// Reads a body that may have one field.
fn parse_only<T>(
    body: &[u8],
    field: &'static str,
    read: impl FnOnce(&Value<'_>) -> Option<T>,
) -> Result<Option<T>, BodyFault> {
    if body.is_empty() {
        return Ok(None);
    }
    reader::read_body(body, |value| {
        let [field] = value.fields([field])?;
        field.optional(read)
    })
}

impl Change {
    /// The kind of change.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.request.kind()
    }

    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct WrittenChange<'a> {
            v: u64,
            #[serde(rename = "type")]
            kind: ChangeKind,
            id: OrderId,
            #[serde(skip_serializing_if = "Option::is_none")]
            trace: Option<&'a TraceParent>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a Reason>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tracking: Option<&'a Tracking>,
            #[serde(skip_serializing_if = "Option::is_none")]
            settled: Option<&'a SettledByHand>,
        }
        let (reason, settled, tracking) = match &self.request {
            ChangeRequest::Cancel { reason, settled } => (reason.as_ref(), settled.as_ref(), None),
            ChangeRequest::Fulfil { tracking, settled } => (None, settled.as_ref(), tracking.as_ref()),
            ChangeRequest::Erase => (None, None, None),
        };
        let (kind, trace) = (self.kind(), self.trace.as_ref());
        written(&WrittenChange { v: 1, kind, id: self.id, trace, reason, tracking, settled })
    }
}

/// Where the operator's word begins in a command.
pub const SETTLED_MARK: &str = ",\"settled\":";

/// The command that changes an order with an operator's [word](SettledByHand), in two parts: how every such command for
/// this order begins, and what comes in place of its last byte. The word is one line each.
#[must_use]
pub fn settled_change(change: ChangeKind, order: OrderId, by: &str, why: &str) -> [String; 2] {
    let json = |words: &str| serde_json::to_string(words).unwrap_or_default();
    [
        format!(r#"{{"v":1,"type":"{change}","id":"{order}""#),
        [SETTLED_MARK, r#"{"by":"#, &json(by), r#","why":"#, &json(why), "}}"].concat(),
    ]
}

impl Command {
    /// The trace of the request that it came with, if that named one.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceParent> {
        match self {
            Self::Decide(placed) => placed.trace.as_ref(),
            Self::Change(change) => change.trace.as_ref(),
        }
    }

    /// Reads a message of any version that may lie in a queue.
    ///
    /// # Errors
    /// See [`DecodeError`]. A message [of a later release](DecodeError::is_later) should be left for that, and any
    /// other be buried with its bytes.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        if message.len() > limits::STORED_BYTES {
            return Err(DecodeError::TooLarge);
        }
        let tree = Node::parse(message)?;
        let read = match reader::read(&tree, version)? {
            1 => read_v1,
            version => return Err(DecodeError::UnknownVersion { version }),
        };
        Ok(reader::read(&tree, read)?)
    }
}

fn version(message: &Value<'_>) -> Option<u64> {
    message.field("v")?.required(|value| value.integer(1..=limits::VERSION))
}

fn read_v1(message: &Value<'_>) -> Option<Command> {
    const KINDS: [&str; 4] = ["placed", "cancel", "fulfil", "erase"];
    let kind = message.field("type")?.required(|value| value.one_of(&KINDS));
    match kind {
        Some("cancel") => cancel_v1(message).map(Command::Change),
        Some("fulfil") => fulfil_v1(message).map(Command::Change),
        Some("erase") => erase_v1(message).map(Command::Change),
        // A message of an unknown kind is read as an order, so that its other faults are reported too.
        _ => Placed::read_v1(message).filter(|_| kind.is_some()).map(|placed| Command::Decide(Box::new(placed))),
    }
}

fn cancel_v1(message: &Value<'_>) -> Option<Change> {
    let [_version, _kind, id, trace, reason, settled] =
        message.fields(["v", "type", "id", "trace", "reason", "settled"])?;
    let (reason, settled) = (reason.optional(text), settled.optional(SettledByHand::read));
    let request = reason.and_then(|reason| Some(ChangeRequest::Cancel { reason, settled: settled? }));
    change(&id, &trace, request)
}

fn fulfil_v1(message: &Value<'_>) -> Option<Change> {
    let [_version, _kind, id, trace, tracking, settled] =
        message.fields(["v", "type", "id", "trace", "tracking", "settled"])?;
    let (tracking, settled) = (tracking.optional(text), settled.optional(SettledByHand::read));
    let request = tracking.and_then(|tracking| Some(ChangeRequest::Fulfil { tracking, settled: settled? }));
    change(&id, &trace, request)
}

fn erase_v1(message: &Value<'_>) -> Option<Change> {
    let [_version, _kind, id, trace] = message.fields(["v", "type", "id", "trace"])?;
    change(&id, &trace, Some(ChangeRequest::Erase))
}

fn change(id: &Field<'_>, trace: &Field<'_>, request: Option<ChangeRequest>) -> Option<Change> {
    let id = id.required(text);
    let trace = trace.optional(text);
    Some(Change { id: id?, request: request?, trace: trace? })
}
