//! Messages in the queue.
//!
//! Messages outlive the build that wrote them, so each names its version and [`Placed::decode`] keeps an arm for every
//! version that may still lie in a queue. A new version is first taught to the decoder, and written only by the release
//! after that, so that while a rollout lasts the older build can read what the newer one writes.

use crate::fault::{Fault, Listed, NotJson};
use crate::id::OrderId;
use crate::json::Node;
use crate::limits;
use crate::new_order::{CanonicalJson, NewOrder};
use crate::reader::{self, Value, text};
use crate::timestamp::Timestamp;
use crate::trace::TraceParent;
use thiserror::Error;

/// An order was accepted, and waits to be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order's id.
    pub id: OrderId,
    /// What was ordered.
    pub order: NewOrder,
    /// The trace that the shop's request belongs to, if it told one.
    pub trace: Option<TraceParent>,
}

/// Why a message can't be read. It will be the same at the next attempt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No message of ours is as long as this one.
    #[error("the message has more than {} bytes", limits::STORED_BYTES)]
    TooLarge,
    /// The message is not JSON.
    #[error("the message is {0}")]
    NotJson(#[from] NotJson),
    /// The message has a version that this build doesn't read.
    #[error("the message has version {version}; this build reads version 1, so a newer one wrote it")]
    UnknownVersion {
        /// The version in the message.
        version: u64,
    },
    /// The message breaks the rules of its version.
    #[error("the message has faults: {}", Listed(.0))]
    Invalid(Vec<Fault>),
}

impl Placed {
    /// When the order was accepted: the time in its id.
    #[must_use]
    pub fn accepted_at(&self) -> Timestamp {
        self.id.accepted_at()
    }

    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Self::encode_parts(&self.id, &self.order.canonical_json(), self.trace.as_ref())
    }

    /// Writes the message around an order that was serialised before, for its digest.
    #[must_use]
    pub fn encode_parts(id: &OrderId, order: &CanonicalJson, trace: Option<&TraceParent>) -> Vec<u8> {
        let trace = trace.map(|trace| format!(r#""trace":"{trace}","#)).unwrap_or_default();
        let head = format!(r#"{{"v":1,"type":"placed","id":"{id}",{trace}"order":"#);
        [head.as_bytes(), order.as_bytes(), b"}"].concat()
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

fn read_v1(message: &Value<'_>) -> Option<Placed> {
    let [_version, kind, id, trace, order] = message.fields(["v", "type", "id", "trace", "order"])?;
    kind.required(|value| value.constant("placed"));
    let id = id.required(text);
    let trace = trace.optional(text);
    let order = order.required(NewOrder::read);
    Some(Placed { id: id?, order: order?, trace: trace? })
}
