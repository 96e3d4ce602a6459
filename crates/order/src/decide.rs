//! What becomes of an order: the one place where that is decided. Each decision is a move of its [life](crate::life).

use crate::envelope::Placed;
use crate::life::{self, Move};
use crate::limits;
use crate::payment::Payment;
use crate::record::{Record, Status, Version};
use crate::text::{Reason, Tracking};
use crate::timestamp::Timestamp;

/// What was found out about a placed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The stock has all of it, and it is paid for so.
    Good(Payment),
    /// Of these there is too little, and nothing is held. Not empty.
    OutOfStock(Vec<Shortage>),
    /// The payment was declined, with the provider's words where it had any.
    Declined(Option<String>),
    /// It was cancelled before anything was done for it.
    Recalled,
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

/// A move that the order's state has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {present} can't be {}", participle(*.wanted))]
pub struct Illegal {
    /// Where the order stands.
    pub present: Status,
    /// What was wanted.
    pub wanted: Move,
}

/// Decides a placed order, which has no record yet. The same arguments give the same record, so that a repeated
/// delivery decides alike.
#[must_use]
pub fn decide(placed: Placed, finding: &Finding, now: Timestamp) -> Record {
    let (wanted, reason, payment) = match finding {
        Finding::Good(payment) => (Move::Confirm, None, Some(payment.clone())),
        Finding::OutOfStock(shortages) => (Move::Reject, Some(out_of_stock(shortages)), None),
        Finding::Declined(words) => (Move::Reject, Some(declined(words.as_deref())), None),
        Finding::Recalled => (Move::Cancel, None, None),
    };
    Record {
        id: placed.id,
        status: life::next(None, wanted).expect("every move that decides a placed order is in the table"),
        version: Version::NONE.next(),
        reason,
        payment,
        tracking: None,
        // The clock of the host that accepted it may be ahead of ours, and no order changes before it exists.
        updated_at: now.max(placed.accepted_at()),
        order: placed.order,
    }
}

/// Cancels a placed order that was never decided. It may have been paid for all the same: then `refund` says how that
/// was given back.
#[must_use]
pub fn cancel_undecided(placed: Placed, reason: Option<Reason>, refund: Option<Payment>, now: Timestamp) -> Record {
    Record { reason, payment: refund, ..decide(placed, &Finding::Recalled, now) }
}

impl Record {
    /// Cancels the order. `refund` says how its payment was given back, if it was paid for.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed.
    pub fn cancel(self, reason: Option<Reason>, refund: Option<Payment>, now: Timestamp) -> Result<Self, Illegal> {
        let payment = refund.or_else(|| self.payment.clone());
        Ok(Self { reason, payment, ..self.moved(Move::Cancel, now)? })
    }

    /// Notes that the order's goods went out.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed.
    pub fn fulfil(self, tracking: Option<Tracking>, now: Timestamp) -> Result<Self, Illegal> {
        Ok(Self { tracking, ..self.moved(Move::Fulfil, now)? })
    }

    fn moved(self, wanted: Move, now: Timestamp) -> Result<Self, Illegal> {
        let status = self.status.after(wanted)?;
        Ok(Self { status, version: self.version.next(), updated_at: now.max(self.updated_at), ..self })
    }
}

impl Status {
    /// The state that a move leads to.
    ///
    /// # Errors
    /// [`Illegal`] where the [table](life::LIFE) has no such move.
    pub fn after(self, wanted: Move) -> Result<Self, Illegal> {
        life::next(Some(self), wanted).ok_or(Illegal { present: self, wanted })
    }
}

fn participle(wanted: Move) -> &'static str {
    match wanted {
        Move::Confirm => "confirmed",
        Move::Reject => "rejected",
        Move::Fulfil => "fulfilled",
        Move::Cancel => "cancelled",
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

fn declined(words: Option<&str>) -> Reason {
    let mut reason = "the payment was declined".to_owned();
    if let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) {
        reason.push_str(": ");
        reason.extend(words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limits::DECLINED));
    }
    reason.parse().expect("it has no control characters, and is short enough")
}
