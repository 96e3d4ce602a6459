//! An order whose payment is pending. Its own message stays in the queue: it comes again, and asks the provider each
//! time. Meanwhile the order holds its stock, and a cancellation goes before it as before every order that waits.

use std::time::Duration;

use guest::now_ms;
use order::{Finding, Payment, Record, Status};

use crate::commands::Commands;

/// What there is to decide on.
pub(crate) struct OrderDecision {
    pub(crate) finding: Finding,
    /// How money was given back that was taken before.
    pub(crate) refund: Option<Payment>,
    /// How long the provider wants no question, if the payment is pending.
    pub(crate) pause: Duration,
}

/// The first question comes so long after the charge, and the next ones ever more rarely.
const FIRST_WAIT_MS: u64 = 2_000;
const LONGEST_WAIT_MS: u64 = 300_000;

impl From<Finding> for OrderDecision {
    fn from(finding: Finding) -> Self {
        Self { finding, refund: None, pause: Duration::ZERO }
    }
}

impl Commands<'_> {
    /// Whether the order's payment was pending for too long.
    pub(crate) fn is_over(&self, pending: Option<&Record>) -> bool {
        pending.is_some_and(|record| self.time_left(record).0 == 0)
    }

    /// For how long the order's payment may still be pending, and for how long it was. It is not given up while an
    /// earlier try at its charge may still be under way.
    fn time_left(&self, record: &Record) -> (u64, u64) {
        let most = self
            .payments
            .as_ref()
            .map_or(0, |payments| (payments.partner.pending_ttl.as_millis() as u64).max(self.late_ms(payments)));
        let age = now_ms().saturating_sub(record.updated_at().ms());
        (most.saturating_sub(age), age)
    }

    /// When the message comes again: to ask the provider, once more shortly before the time is over, and then.
    pub(crate) fn again(&self, record: &Record, pause: Duration) -> Option<Duration> {
        let (left, age) = self.time_left(record);
        let wait = age.clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS).max(pause.as_millis() as u64);
        let most = if left > FIRST_WAIT_MS { left - FIRST_WAIT_MS } else { left };
        (record.status() == Status::PaymentPending).then(|| Duration::from_millis(wait.min(most)))
    }
}
