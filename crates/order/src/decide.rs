//! Decides orders, and moves them on: the one place that makes records. Each decision is a move of the
//! [life](crate::life).

use crate::envelope::Placed;
use crate::life::{self, Move};
use crate::limits;
use crate::payment::Payment;
use crate::record::{Record, Status, Version};
use crate::state::{Illegal, State};
use crate::text::{NextAction, Reason, Tracking};
use crate::timestamp::Timestamp;

/// The result of checking a placed order's stock and payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The stock has every piece, and this is how the order is paid for.
    Good(Payment),
    /// The stock has too little of these articles, of which there is at least one. Nothing is held.
    OutOfStock(Vec<Shortage>),
    /// The payment was declined. The provider may have said why.
    Declined(Option<String>),
    /// The payment was begun, and waits for the customer or for the provider.
    Pending {
        /// Who was asked.
        payment: Payment,
        /// Where the customer goes to complete it.
        next_action: Option<NextAction>,
    },
    /// The payment was begun, and not completed in time. The provider has closed it.
    Expired,
    /// The order was cancelled before anything was done for it.
    Recalled,
}

/// An article that the stock has too little of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The article.
    pub sku: String,
    /// Pieces ordered.
    pub ordered: u64,
    /// Pieces left.
    pub left: u64,
}

/// Decides a placed order, which has no record yet. The same arguments give the same record, so that a repeated
/// delivery decides alike.
#[must_use]
pub fn decide(placed: Placed, finding: &Finding, now: Timestamp) -> Record {
    let undecided = Record {
        id: placed.id,
        status: Status::PaymentPending,
        version: Version::NONE,
        reason: None,
        payment: None,
        next_action: None,
        tracking: None,
        // The clock of the host that accepted it may be ahead of ours, and no order changes before it exists.
        updated_at: placed.accepted_at(),
        order: placed.order,
    };
    undecided.found(None, finding, now)
}

/// Cancels a placed order that was never decided. It may have been paid for all the same: then `refund` says how the
/// money was given back.
#[must_use]
pub fn cancel_undecided(placed: Placed, reason: Option<Reason>, refund: Option<Payment>, now: Timestamp) -> Record {
    Record { reason, payment: refund, ..decide(placed, &Finding::Recalled, now) }
}

impl Record {
    /// Notes how the money was given back of an order that is rejected.
    #[must_use]
    pub fn given_back(self, refund: Payment) -> Self {
        Self { payment: Some(refund), ..self }
    }

    /// Decides an order whose payment was pending.
    ///
    /// # Panics
    /// If its payment is not pending.
    #[must_use]
    pub fn decide(self, finding: &Finding, now: Timestamp) -> Self {
        let present = Some(self.status);
        self.found(present, finding, now)
    }

    fn found(self, present: Option<Status>, finding: &Finding, now: Timestamp) -> Self {
        let (step, reason, payment) = match finding {
            Finding::Good(payment) => (Move::Confirm, None, Some(payment.clone())),
            Finding::OutOfStock(shortages) => (Move::Reject, Some(out_of_stock(shortages)), None),
            Finding::Declined(words) => (Move::Reject, Some(declined(words.as_deref())), None),
            Finding::Pending { payment, .. } => (Move::Pend, None, Some(payment.clone())),
            Finding::Expired => (Move::Reject, Some(expired()), None),
            Finding::Recalled => (Move::Cancel, None, None),
        };
        let next_action = match finding {
            Finding::Pending { next_action, .. } => next_action.clone(),
            _ => None,
        };
        let Ok(moved) = self.moved(present, step, now) else {
            unreachable!("every move that decides an order is in the table");
        };
        Self { reason, payment, next_action, ..moved }
    }

    /// Cancels the order. `refund` says how its payment was given back, if it was paid for.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed, or its payment is pending.
    pub fn cancel(self, reason: Option<Reason>, refund: Option<Payment>, now: Timestamp) -> Result<Self, Illegal> {
        // What was pending is nothing any more.
        let payment = refund.or_else(|| self.payment.clone().filter(|_| self.status != Status::PaymentPending));
        Ok(Self { reason, payment, ..self.moved_on(Move::Cancel, now)? })
    }

    /// Notes that the order's goods went out.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed.
    pub fn fulfil(self, tracking: Option<Tracking>, now: Timestamp) -> Result<Self, Illegal> {
        Ok(Self { tracking, ..self.moved_on(Move::Fulfil, now)? })
    }

    fn moved_on(self, step: Move, now: Timestamp) -> Result<Self, Illegal> {
        let present = Some(self.status);
        self.moved(present, step, now)
    }

    fn moved(self, present: Option<Status>, step: Move, now: Timestamp) -> Result<Self, Illegal> {
        let after = life::next(present, step);
        let status = after.ok_or(Illegal { present: present.map_or(State::Queued, State::Decided), step })?;
        let (version, updated_at) = (self.version.next(), now.max(self.updated_at));
        Ok(Self { status, version, updated_at, next_action: None, ..self })
    }
}

fn out_of_stock(shortages: &[Shortage]) -> Reason {
    let mut reason = "not enough in stock".to_owned();
    let (mut separator, end) = (": ", ", and more");
    for Shortage { sku, ordered, left } in shortages {
        let line = format!("{separator}{sku} ({ordered} wanted, {left} left)");
        if reason.chars().count() + line.chars().count() > limits::REASON - end.len() {
            reason.push_str(end);
            break;
        }
        reason.push_str(&line);
        separator = ", ";
    }
    reason.parse().expect("SKUs have no control characters, and it is short enough")
}

fn expired() -> Reason {
    "the payment was not completed in time".parse().expect("it has no control characters, and is short enough")
}

fn declined(words: Option<&str>) -> Reason {
    let mut reason = "the payment was declined".to_owned();
    if let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) {
        reason.push_str(": ");
        let mut words = words.chars().map(|c| if c.is_control() { ' ' } else { c });
        reason.extend(words.by_ref().take(limits::DECLINED));
        reason.extend(words.next().map(|_| '…'));
    }
    reason.parse().expect("it has no control characters, and is short enough")
}
