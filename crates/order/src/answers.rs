//! What a shop is told of an order that has no record yet. (Later it is told the record.)

use crate::envelope::Placed;
use crate::id::OrderId;
use crate::iso_code::Currency;
use crate::life::Move;
use crate::money::Money;
use crate::new_order::NewOrder;
use crate::text::Reference;
use crate::timestamp::Timestamp;
use serde::Serialize;

/// Why an order has no record yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting<'a> {
    /// It waits for its turn or for its next attempt.
    Queued {
        /// The present time, from which the answer tells the order's age.
        now: Timestamp,
    },
    /// It could not be processed, and lies in the dead letters until a person sends it again.
    NeedsAttention {
        /// Why it was given up.
        reason: &'a str,
    },
}

impl NewOrder {
    /// The JSON that answers the request. It follows from the id and the order alone, so the answer to a repeated
    /// request is the same byte for byte.
    #[must_use]
    pub fn answer(&self, id: &OrderId) -> Vec<u8> {
        Answer::new(*id, self, "queued").to_json()
    }
}

impl Placed {
    /// The JSON for someone who asks where the order is.
    #[must_use]
    pub fn waiting(&self, why: Waiting<'_>) -> Vec<u8> {
        match why {
            Waiting::Queued { now } => {
                let age_ms = now.ms().saturating_sub(self.accepted_at().ms());
                Answer { age_ms: Some(age_ms), ..Answer::new(self.id, &self.order, "queued") }.to_json()
            }
            Waiting::NeedsAttention { reason } => {
                Answer { reason: Some(reason), ..Answer::new(self.id, &self.order, "needs_attention") }.to_json()
            }
        }
    }
}

/// The JSON for someone who asks for an order whose message can't be read or is gone: only its id, `needs_attention` or
/// `discarded`, and the reason.
#[must_use]
pub fn unreadable(id: OrderId, status: &str, reason: &str) -> Vec<u8> {
    serde_json::to_vec(&Unreadable { id, status, change: None, reason, created_at: id.accepted_at() })
        .expect("strings always serialise")
}

/// A change that is wanted of an order and not yet made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pending<'a> {
    change: Move,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Pending<'a> {
    /// A change that waits, or that was given up for a reason and needs a person.
    #[must_use]
    pub fn new(change: Move, given_up: Option<&'a str>) -> Self {
        Self { change, status: if given_up.is_some() { "needs_attention" } else { "queued" }, reason: given_up }
    }
}

/// Adds to the JSON object that is said of an order what is wanted of it, as the field `pending`.
#[must_use]
pub fn with_pending(mut answer: Vec<u8>, changes: &[Pending<'_>]) -> Vec<u8> {
    if !changes.is_empty() && answer.pop_if(|last| *last == b'}').is_some() {
        answer.extend_from_slice(br#","pending":"#);
        answer.extend(serde_json::to_vec(changes).expect("strings always serialise"));
        answer.push(b'}');
    }
    answer
}

/// The JSON that answers a request for a change: where the order stands until it is made.
#[must_use]
pub fn change_answer(id: OrderId, status: &str, change: Move) -> Vec<u8> {
    #[derive(Serialize)]
    struct Accepted<'a> {
        id: OrderId,
        status: &'a str,
        pending: [Pending<'a>; 1],
    }
    serde_json::to_vec(&Accepted { id, status, pending: [Pending::new(change, None)] })
        .expect("strings always serialise")
}

#[derive(Serialize)]
pub(crate) struct Unreadable<'a> {
    pub(crate) id: OrderId,
    pub(crate) status: &'a str,
    /// What was wanted of it, where that is what needs attention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Move>,
    pub(crate) reason: &'a str,
    pub(crate) created_at: Timestamp,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: OrderId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
    currency: Currency,
    total: Money,
}

impl<'a> Answer<'a> {
    fn new(id: OrderId, order: &'a NewOrder, status: &'static str) -> Self {
        Self {
            id,
            status,
            reason: None,
            created_at: id.accepted_at(),
            age_ms: None,
            reference: order.reference(),
            currency: order.currency(),
            total: order.total(),
        }
    }

    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}
