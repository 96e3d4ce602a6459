//! The JSON of an order that has no record yet, and of changes that still wait. (Later a shop reads the record.)

use crate::command_id::ChangeKind;
use crate::envelope::Placed;
use crate::id::OrderId;
use crate::json::written;
use crate::mask::with_masked_emails;
use crate::new_order::NewOrder;
use crate::payment::without_words;
use crate::pending::{GIVEN_UP, Pending};
use crate::record::{RecordError, known_format};
use crate::state::State;
use crate::timestamp::Timestamp;
use crate::view::View;
use serde::Serialize;

/// A JSON object that says where an order stands, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderJson(Vec<u8>);

/// Why an order has no record yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// It waits for its turn or for its next attempt.
    Queued {
        /// The present time. The answer tells the order's age.
        now: Timestamp,
    },
    /// It could not be processed, and lies in the dead letters until a person redrives it.
    NeedsAttention,
}

impl NewOrder {
    /// The JSON that answers the request.
    #[must_use]
    pub fn answer(&self, id: &OrderId, state: State) -> Vec<u8> {
        View::new(*id, state).in_short(self).to_json()
    }
}

impl Placed {
    /// The JSON for a shop that asks where the order is.
    #[must_use]
    pub fn waiting(&self, why: Waiting) -> OrderJson {
        OrderJson(undecided(self.id, why).of_shop(self.shop.as_ref()).with(&self.order).to_json())
    }
}

/// What an id tells of an order without a record.
fn undecided<'a>(id: OrderId, why: Waiting) -> View<'a> {
    match why {
        Waiting::Queued { now } => View::queued(id, now.ms().saturating_sub(id.accepted_at().ms())),
        Waiting::NeedsAttention => View::given_up(id, None, GIVEN_UP),
    }
}

impl OrderJson {
    /// Takes a record as the store holds it, also with fields and words that this build doesn't know: what they mean is
    /// for the reader to know.
    ///
    /// # Errors
    /// What is no JSON object, or has a format that this build doesn't know: another build may tell it in other words.
    pub fn of_record(record: Vec<u8>) -> Result<Self, RecordError> {
        known_format(&record)?;
        Ok(Self(record))
    }

    /// The same without the words of an operator who settled a payment.
    #[must_use]
    pub fn without_words(self) -> Self {
        Self(without_words(self.0))
    }

    /// The same with the customer's e-mail address masked.
    #[must_use]
    pub fn with_masked_email(self) -> Self {
        Self(with_masked_emails(self.0))
    }

    /// Speaks of an order whose message this build can't read: only its id and the state.
    #[must_use]
    pub fn unread(id: OrderId, why: Waiting) -> Self {
        Self(undecided(id, why).to_json())
    }

    /// Speaks of an order whose dead letter was discarded, and its content with it.
    #[must_use]
    pub fn discarded(id: OrderId, erased_at: Option<Timestamp>) -> Self {
        Self(View::discarded(id).erased(erased_at).to_json())
    }

    /// Adds the field `pending`, the changes still to be made. Without changes there is no such field.
    #[must_use]
    pub fn with_pending(mut self, changes: &[Pending]) -> Self {
        if !changes.is_empty() {
            let changes = written(changes);
            self.0.truncate(self.0.len() - 1);
            self.0.extend_from_slice(br#","pending":"#);
            self.0.extend(changes);
            self.0.push(b'}');
        }
        self
    }

    /// The JSON.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The JSON.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A page of orders as they are told, and where the next one begins.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OrderList<'a> {
    /// The orders, the newest first.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<View<'_>>"))]
    pub orders: &'a [Vec<u8>],
    /// The `cursor` of the next page; absent on the last one.
    #[cfg_attr(feature = "schema", schemars(skip_serializing_if = "Option::is_none"))]
    pub next: Option<&'a str>,
}

impl OrderList<'_> {
    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let next = self.next.map(|next| [r#","next":""#, next, "\""].concat()).unwrap_or_default();
        [br#"{"orders":["#, &*self.orders.join(&b','), b"]", next.as_bytes(), b"}"].concat()
    }
}

/// The answer to a request for a change.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ChangeAccepted {
    id: OrderId,
    status: State,
    pending: [Pending; 1],
}

/// The JSON that answers a request for a change: where the order stands until the change is made.
#[must_use]
pub fn change_answer(id: OrderId, present: State, change: ChangeKind) -> Vec<u8> {
    let accepted = ChangeAccepted { id, status: present, pending: [Pending::queued(change)] };
    written(&accepted)
}
