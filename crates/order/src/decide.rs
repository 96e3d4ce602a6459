//! Decides orders, and moves them on: the one place that makes records. Each decision is a move of the
//! [life](crate::life).

use crate::envelope::Placed;
use crate::life::{self, Move};
use crate::limits;
use crate::payment::{Capture, GivenBack, Payment, SettledByHand};
use crate::reason_code::{ReasonCode, Shortage};
use crate::record::{Record, Status, Version};
use crate::state::{Illegal, State};
use crate::text::{NextAction, PaymentId, Reason, Tracking};
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

/// Decides a placed order, which has no record yet. The same arguments give the same record, so that a repeated
/// delivery decides alike.
#[must_use]
pub fn decide(placed: Placed, finding: &Finding, now: Timestamp) -> Record {
    let mut record = Record {
        id: placed.id,
        status: Status::PaymentPending,
        version: Version::NONE,
        reason: None,
        reason_code: None,
        shortages: Vec::new(),
        payment: None,
        next_action: None,
        tracking: None,
        // The clock of the host that accepted it may be ahead of ours, and no order changes before it exists.
        updated_at: placed.accepted_at(),
        erased_at: None,
        shop: placed.shop,
        order: Box::new(placed.order),
    };
    record.find(None, finding, now);
    record
}

/// Cancels a placed order that was never decided. It may have been paid for all the same: then `refund` says how the
/// money was given back.
#[must_use]
pub fn cancel_undecided(placed: Placed, reason: Option<Reason>, refund: Option<Payment>, now: Timestamp) -> Record {
    let mut record = decide(placed, &Finding::Recalled, now);
    record.give_words(reason);
    record.payment = refund;
    record
}

impl Record {
    /// Notes how the money was given back of an order that is rejected.
    pub fn give_back(&mut self, refund: Payment) {
        self.payment = Some(refund);
    }

    /// Decides an order whose payment was pending.
    ///
    /// # Panics
    /// If its payment is not pending.
    pub fn decide(&mut self, finding: &Finding, now: Timestamp) {
        let present = Some(self.status);
        self.find(present, finding, now);
    }

    fn find(&mut self, present: Option<Status>, finding: &Finding, now: Timestamp) {
        let rejected = |code, words| (Move::Reject, Some((code, words)), None);
        let (step, reason, payment) = match finding {
            Finding::Good(payment) => (Move::Confirm, None, Some(payment.clone())),
            Finding::OutOfStock(shortages) => rejected(ReasonCode::OutOfStock, out_of_stock(shortages)),
            Finding::Declined(words) => rejected(ReasonCode::PaymentDeclined, declined(words.as_deref())),
            Finding::Pending { payment, .. } => (Move::Pend, None, Some(payment.clone())),
            Finding::Expired => rejected(ReasonCode::PaymentExpired, expired()),
            Finding::Recalled => (Move::Cancel, None, None),
        };
        if self.advance(present, step, now).is_err() {
            unreachable!("every move that decides an order is in the table");
        }
        (self.reason_code, self.reason) = reason.unzip();
        self.payment = payment;
        if let Finding::OutOfStock(shortages) = finding {
            self.shortages.clone_from(shortages);
        }
        if let Finding::Pending { next_action, .. } = finding {
            self.next_action.clone_from(next_action);
        }
    }

    /// Cancels the order. `back` says how its money was given back, if it was paid for.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed, or its payment is pending. Then it stays as it is.
    pub fn cancel(&mut self, reason: Option<Reason>, back: Option<GivenBack>, now: Timestamp) -> Result<(), Illegal> {
        let was_pending = self.status == Status::PaymentPending;
        self.advance(Some(self.status), Move::Cancel, now)?;
        self.give_words(reason);
        match (&mut self.payment, back) {
            (Some(payment), Some(back)) => payment.give(back),
            // What was pending is nothing any more.
            (payment, _) if was_pending => *payment = None,
            _ => {}
        }
        Ok(())
    }

    /// Notes the words of whoever had it cancelled.
    fn give_words(&mut self, reason: Option<Reason>) {
        self.reason_code = reason.as_ref().map(|_| ReasonCode::Requested);
        self.reason = reason;
    }

    /// Notes that the money was taken which was only authorized: the provider's id of that.
    pub fn capture(&mut self, id: PaymentId) {
        if let Some(Payment::Asked { capture, .. }) = &mut self.payment {
            *capture = Capture::Made(id);
        }
    }

    /// Notes an operator's word that its money, which was only authorized, is not to be taken any more.
    pub fn settle(&mut self, word: SettledByHand) {
        if let Some(payment) = &mut self.payment {
            payment.give(GivenBack::ByHand(word));
        }
    }

    /// Notes that the order's goods went out.
    ///
    /// # Errors
    /// [`Illegal`] unless the order is confirmed. Then it stays as it is.
    pub fn fulfil(&mut self, tracking: Option<Tracking>, now: Timestamp) -> Result<(), Illegal> {
        self.advance(Some(self.status), Move::Fulfil, now)?;
        self.tracking = tracking;
        Ok(())
    }

    /// Takes out who the order's customer is. What accounts need stays, and so does the time of its last move.
    pub fn erase(&mut self, now: Timestamp) {
        self.order.erase();
        self.version = self.version.next();
        self.erased_at = Some(now.max(self.updated_at));
    }

    fn advance(&mut self, present: Option<Status>, step: Move, now: Timestamp) -> Result<(), Illegal> {
        let after = life::next(present, step);
        self.status = after.ok_or(Illegal { present: present.map_or(State::Queued, State::Decided), step })?;
        self.version = self.version.next();
        self.updated_at = now.max(self.updated_at);
        self.next_action = None;
        Ok(())
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
