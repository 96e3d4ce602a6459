//! What becomes of an order: the one place where that is decided.

use crate::envelope::Placed;
use crate::limits;
use crate::record::{Record, Status, Version};
use crate::text::Reason;
use crate::timestamp::Timestamp;

/// What the stock said to an order, which wants all of its lines or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stock {
    /// All that it wants is held for it.
    Held,
    /// Of these there is too little, and nothing is held. Not empty.
    Short(Vec<Shortage>),
}

/// An article of which there is too little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The article.
    pub sku: String,
    /// Pieces wanted.
    pub wanted: u64,
    /// Pieces left.
    pub left: u64,
}

/// Decides a placed order: it is confirmed if the stock has all of it, and else rejected with what was short.
///
/// `present` is the version of the order's latest record ([`Version::NONE`] when it has none), and `now` the time of the
/// decision. The same arguments give the same record, so that a repeated delivery decides alike.
#[must_use]
pub fn decide(placed: Placed, present: Version, stock: &Stock, now: Timestamp) -> Record {
    let (status, reason) = match stock {
        Stock::Held => (Status::Confirmed, None),
        Stock::Short(shortages) => (Status::Rejected, Some(out_of_stock(shortages))),
    };
    Record {
        id: placed.id,
        status,
        version: present.next(),
        reason,
        // The clock of the host that accepted it may be ahead of ours, and no order changes before it exists.
        updated_at: now.max(placed.accepted_at()),
        order: placed.order,
    }
}

fn out_of_stock(shortages: &[Shortage]) -> Reason {
    let mut reason = "not enough in stock".to_owned();
    let (mut separator, end) = (": ", ", and more");
    for Shortage { sku, wanted, left } in shortages {
        let line = format!("{separator}{sku} ({wanted} wanted, {left} left)");
        if reason.chars().count() + line.chars().count() > limits::REASON - end.len() {
            reason.push_str(end);
            break;
        }
        reason.push_str(&line);
        separator = ", ";
    }
    reason.parse().expect("SKUs have no control characters, and it is short enough")
}
