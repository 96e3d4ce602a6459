//! An order whose payment is pending. Its own message stays in the queue: it comes again, and asks the provider each
//! time. Meanwhile the order holds its stock, and a cancellation goes before it as before every order that waits.

use std::time::Duration;

use guest::now_ms;
use order::payment::GivenBack;
use order::{Finding, Payment, Placed, Record};
use queue::{Failure, Leave, Message};

use crate::commands::Commands;
use crate::payments::{Charge, Payments, Refund, Unanswered};

/// What there is to decide on.
pub(crate) struct Decision {
    pub(crate) finding: Finding,
    /// How money was given back that was taken before.
    pub(crate) refund: Option<Payment>,
    /// How long the provider wants no question, if the payment is pending.
    pub(crate) pause: Duration,
}

/// The first question comes so long after the charge, and the next ones ever more rarely.
const FIRST_WAIT_MS: u64 = 2_000;
const LONGEST_WAIT_MS: u64 = 300_000;

impl From<Finding> for Decision {
    fn from(finding: Finding) -> Self {
        Self { finding, refund: None, pause: Duration::ZERO }
    }
}

impl Commands<'_> {
    /// What became of a payment that was pending. One that isn't completed in time is closed at the provider.
    pub(crate) async fn ask_again(
        &self,
        message: &Message,
        leave: Leave,
        placed: &Placed,
        record: &Record,
    ) -> Result<Decision, Unanswered> {
        // Whoever else charged it was refused as another provider.
        let Some(payments) = &self.payments else { return Err(Failure::release("payment_url is not set").into()) };
        let asking = payments.begin(message, leave)?;
        let answer = payments.look_up(&asking, placed).await;
        let age = age_ms(record);
        let is_over = age >= ttl_ms(payments);
        match answer {
            Ok(Charge::Pending { .. }) | Err(_) if is_over => {}
            answer => return Ok(payments.decision(answer?)),
        }
        self.records.check().await?;
        let mut decision = Decision::from(Finding::Expired);
        match payments.refund(&asking, (placed.id, &placed.order), None).await? {
            Refund::Closed => {}
            Refund::Given(refund) => {
                let back = Some(GivenBack::Refund(refund));
                decision.refund = Some(Payment::Asked { charge: None, provider: payments.provider(), back });
            }
            // Nobody has begun a charge since it is pending.
            Refund::Unknown => {
                let late = self.late_ms(payments);
                if age < late {
                    let reason = "the payment provider knows of no charge, but one may still be under way".to_owned();
                    return Err(Failure::Release { reason, after: Duration::from_millis(late - age) }.into());
                }
            }
        }
        Ok(decision)
    }

    /// When to ask the provider again. It is asked once more when the time is over.
    pub(crate) fn wait(&self, record: &Record, pause: Duration) -> Duration {
        let age = age_ms(record);
        let left = self.payments.as_ref().map_or(0, ttl_ms).saturating_sub(age);
        let wait = Duration::from_millis(age.clamp(FIRST_WAIT_MS, LONGEST_WAIT_MS)).max(pause);
        wait.min(Duration::from_millis(left))
    }
}

impl Payments {
    /// What the answer to a charge decides.
    pub(crate) fn decision(&self, answer: Charge) -> Decision {
        match answer {
            Charge::Taken(charge) => {
                Finding::Good(Payment::Asked { charge: Some(charge), provider: self.provider(), back: None }).into()
            }
            Charge::Declined(words) => Finding::Declined(words).into(),
            Charge::Pending { next_action, pause, .. } => Decision { pause, ..Finding::Pending(next_action).into() },
        }
    }
}

/// For how long its payment is pending.
fn age_ms(record: &Record) -> u64 {
    now_ms().saturating_sub(record.updated_at().ms())
}

fn ttl_ms(payments: &Payments) -> u64 {
    payments.partner.pending_ttl.as_millis() as u64
}
