//! The message that carries an order, and the errors of reading a [command](crate::Command).

use crate::fault::{Fault, Listed, NotJson};
use crate::id::OrderId;
use crate::limits;
use crate::new_order::{CanonicalJson, NewOrder};
use crate::reader::{Unread, Value, caller, text};
use crate::timestamp::Timestamp;
use crate::trace::TraceParent;
use access::CallerName;
use thiserror::Error;

/// An order was accepted, and waits to be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order's id.
    pub id: OrderId,
    /// Whose key brought it; `None` if no keys were asked for then.
    pub shop: Option<CallerName>,
    /// The order as the shop placed it.
    pub order: NewOrder,
    /// The trace that the shop's request belongs to, if it named one.
    pub trace: Option<TraceParent>,
}

/// Why a message can't be read. It will be the same at the next attempt of this build.
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
    /// The message has its version, and in it what this build doesn't know.
    #[error("the message has what this build can't read yet, so a newer one wrote it: {}", Listed(.0))]
    Later(Vec<Fault>),
    /// The message breaks the rules of its version.
    #[error("the message has faults: {}", Listed(.0))]
    Invalid(Vec<Fault>),
}

impl DecodeError {
    /// Whether a later release wrote the message. Then it is to be left for that one.
    #[must_use]
    pub fn is_later(&self) -> bool {
        matches!(self, Self::UnknownVersion { .. } | Self::Later(_))
    }
}

impl From<Unread> for DecodeError {
    fn from(Unread { faults, is_later }: Unread) -> Self {
        if is_later { Self::Later(faults) } else { Self::Invalid(faults) }
    }
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
        Self::encode_parts(&self.id, self.shop.as_ref(), &self.order.canonical_json(), self.trace.as_ref())
    }

    /// Writes the message around an order that was serialised before, when its digest was taken.
    #[must_use]
    pub fn encode_parts(
        id: &OrderId,
        shop: Option<&CallerName>,
        order: &CanonicalJson,
        trace: Option<&TraceParent>,
    ) -> Vec<u8> {
        let shop = shop.map(|shop| format!(r#""shop":"{shop}","#)).unwrap_or_default();
        let trace = trace.map(|trace| format!(r#""trace":"{trace}","#)).unwrap_or_default();
        let head = format!(r#"{{"v":1,"type":"placed","id":"{id}",{shop}{trace}"order":"#);
        [head.as_bytes(), order.as_bytes(), b"}"].concat()
    }

    pub(crate) fn read_v1(message: &Value<'_>) -> Option<Self> {
        let [_version, _kind, id, shop, trace, order] =
            message.fields(["v", "type", "id", "shop", "trace", "order"])?;
        let id = id.required(text);
        let shop = shop.optional(caller);
        let trace = trace.optional(text);
        let order = order.required(NewOrder::read);
        Some(Self { id: id?, shop: shop?, order: order?, trace: trace? })
    }
}
