//! What a shop is told of an order that has no record yet. (Later it is told the record.)

use crate::id::OrderId;
use crate::money::{Currency, Money};
use crate::new_order::NewOrder;
use crate::text::Reference;
use crate::timestamp::Timestamp;
use serde::Serialize;

/// The JSON that answers a POST. It follows from the id and the order alone, so the answer to a repeated request is the
/// same byte for byte.
#[must_use]
pub fn accepted(id: OrderId, order: &NewOrder) -> Vec<u8> {
    queued(id, order, None)
}

/// The JSON that answers a GET while the order waits: the answer to its POST, and for how long it has waited.
#[must_use]
pub fn waiting(id: OrderId, order: &NewOrder, now: Timestamp) -> Vec<u8> {
    let age_ms = now.unix_ms().saturating_sub(id.accepted_at().unix_ms());
    queued(id, order, Some(age_ms))
}

fn queued(id: OrderId, order: &NewOrder, age_ms: Option<u64>) -> Vec<u8> {
    let answer = Queued {
        id,
        status: "queued",
        reference: order.reference(),
        currency: order.currency(),
        total: order.total(),
        created_at: id.accepted_at(),
        age_ms,
    };
    serde_json::to_vec(&answer).expect("strings and numbers always serialise")
}

#[derive(Serialize)]
struct Queued<'a> {
    id: OrderId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
    currency: Currency,
    total: Money,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
}
