//! The JSON of an order that has no record yet, and of changes that still wait. (Later a shop reads the record.)

use crate::command_id::ChangeKind;
use crate::envelope::Placed;
use crate::id::OrderId;
use crate::iso_code::Currency;
use crate::money::Money;
use crate::new_order::NewOrder;
use crate::state::State;
use crate::text::Reference;
use crate::timestamp::Timestamp;
use serde::Serialize;

/// A JSON object that says where an order stands, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderJson(Vec<u8>);

/// Why an order has no record yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting<'a> {
    /// It waits for its turn or for its next attempt.
    Queued {
        /// The present time. The answer tells the order's age.
        now: Timestamp,
    },
    /// It could not be processed, and lies in the dead letters until a person redrives it.
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
        Undecided::new(*id, self, State::Queued).to_json().into_bytes()
    }
}

impl Placed {
    /// The JSON for a shop that asks where the order is.
    #[must_use]
    pub fn waiting(&self, why: Waiting<'_>) -> OrderJson {
        let undecided = |state| Undecided::new(self.id, &self.order, state);
        match why {
            Waiting::Queued { now } => {
                let age_ms = now.ms().saturating_sub(self.accepted_at().ms());
                Undecided { age_ms: Some(age_ms), ..undecided(State::Queued) }.to_json()
            }
            Waiting::NeedsAttention { reason } => {
                Undecided { reason: Some(reason), ..undecided(State::NeedsAttention) }.to_json()
            }
        }
    }
}

impl OrderJson {
    /// Takes a record as the store holds it. `None` for bytes that are no JSON object.
    #[must_use]
    pub fn of_record(record: Vec<u8>) -> Option<Self> {
        (record.first() == Some(&b'{') && record.last() == Some(&b'}')).then_some(Self(record))
    }

    /// Speaks of an order whose message can't be read or is gone: only its id, the state and the reason.
    #[must_use]
    pub fn unreadable(id: OrderId, state: State, reason: &str) -> Self {
        Self::of(&Unreadable { id, status: state, change: None, reason, created_at: id.accepted_at() })
    }

    /// Adds the field `pending`, the changes still to be made. Without changes there is no such field.
    #[must_use]
    pub fn with_pending(mut self, changes: &[Pending<'_>]) -> Self {
        if !changes.is_empty() {
            let changes = serde_json::to_vec(changes).expect("strings always serialise");
            self.0.truncate(self.0.len() - 1);
            self.0.extend_from_slice(br#","pending":"#);
            self.0.extend(changes);
            self.0.push(b'}');
        }
        self
    }

    /// The JSON.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn of(object: &impl Serialize) -> Self {
        Self(serde_json::to_vec(object).expect("strings and numbers always serialise"))
    }
}

/// A change that was asked for and is not made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pending<'a> {
    change: ChangeKind,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Pending<'a> {
    /// A change that waits for its turn.
    #[must_use]
    pub fn queued(change: ChangeKind) -> Self {
        Self { change, status: State::Queued, reason: None }
    }

    /// A change that was given up for this reason, and needs a person.
    #[must_use]
    pub fn given_up(change: ChangeKind, reason: &'a str) -> Self {
        Self { change, status: State::NeedsAttention, reason: Some(reason) }
    }
}

/// The JSON that answers a request for a change: where the order stands until the change is made.
#[must_use]
pub fn change_answer(id: OrderId, present: State, change: ChangeKind) -> Vec<u8> {
    #[derive(Serialize)]
    struct ChangeAccepted<'a> {
        id: OrderId,
        status: State,
        pending: [Pending<'a>; 1],
    }
    OrderJson::of(&ChangeAccepted { id, status: present, pending: [Pending::queued(change)] }).into_bytes()
}

#[derive(Serialize)]
pub(crate) struct Unreadable<'a> {
    pub(crate) id: OrderId,
    pub(crate) status: State,
    /// The change that was given up. Absent if the order itself was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<ChangeKind>,
    pub(crate) reason: &'a str,
    pub(crate) created_at: Timestamp,
}

#[derive(Serialize)]
struct Undecided<'a> {
    id: OrderId,
    status: State,
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

impl<'a> Undecided<'a> {
    fn new(id: OrderId, order: &'a NewOrder, status: State) -> Self {
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

    fn to_json(&self) -> OrderJson {
        OrderJson::of(self)
    }
}
