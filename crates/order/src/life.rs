//! The life of an order: its states, and the moves between them. There is no way around this table.

use crate::record::Status;
use serde::Serialize;
use std::fmt;

/// Something that can happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// The payment needs more than its request: the customer has something to do, or the provider has.
    Pend,
    /// The stock has every piece, and the order is paid for where payment is asked for.
    Confirm,
    /// The stock has too little, or the payment was declined.
    Reject,
    /// The goods went out.
    Fulfil,
    /// The shop, its customer or support calls it off.
    Cancel,
}

/// The state before (`None`: queued, it has no record yet), the move, and the state after. A move that isn't listed is
/// illegal. ARCHITECTURE.md shows the same table, and a test compares them.
pub const LIFE: [(Option<Status>, Move, Status); 10] = [
    (None, Move::Pend, Status::PaymentPending),
    (None, Move::Confirm, Status::Confirmed),
    (None, Move::Reject, Status::Rejected),
    (None, Move::Cancel, Status::Cancelled),
    (Some(Status::PaymentPending), Move::Pend, Status::PaymentPending),
    (Some(Status::PaymentPending), Move::Confirm, Status::Confirmed),
    (Some(Status::PaymentPending), Move::Reject, Status::Rejected),
    (Some(Status::PaymentPending), Move::Cancel, Status::Cancelled),
    (Some(Status::Confirmed), Move::Fulfil, Status::Fulfilled),
    (Some(Status::Confirmed), Move::Cancel, Status::Cancelled),
];

/// The state that a move leads to; `None` if the move is illegal.
#[must_use]
pub fn next(present: Option<Status>, step: Move) -> Option<Status> {
    LIFE.into_iter().find_map(|(before, by, after)| (before == present && by == step).then_some(after))
}

impl Move {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pend, Self::Confirm, Self::Reject, Self::Fulfil, Self::Cancel];
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pend => "pend",
            Self::Confirm => "confirm",
            Self::Reject => "reject",
            Self::Fulfil => "fulfil",
            Self::Cancel => "cancel",
        })
    }
}
