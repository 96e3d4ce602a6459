//! Deciding an order that was placed: stock, payment, record, verdict, in this order. After a crash, the next delivery
//! decides anew. Hold and charge are idempotent, and nothing points to the record that the crashed delivery wrote.

use guest::now_ms;
use order::{ChangeKind, CommandId, Finding, Means, Payment, Placed, Record, RecordName, Shortage, Status, Timestamp};
use queue::{Effects, Failure, Hold, Leave, LetGo, Message, Shortfall, Terms};

use crate::change::other_provider;
use crate::commands::{Commands, Moved, UNCHANGED, moves_money, present, queue_failed};
use crate::payments::{Payments, Unanswered};
use crate::pending::Decision;

impl Commands<'_> {
    pub(crate) async fn decide(&self, message: &Message, placed: Placed) -> Result<Effects, Failure> {
        let before = present(message)?;
        let pending = match before {
            Some(name) => Some(self.records.read(placed.id, name).await?),
            None => None,
        };
        if pending.as_ref().is_some_and(|record| record.status() != Status::PaymentPending) {
            return Ok(Effects::counted(UNCHANGED));
        }
        let Decision { finding, refund, pause } = self.find_out(message, &placed, pending.as_ref()).await?;
        let is_pending = matches!(finding, Finding::Pending(_));
        if let (Finding::Pending(action), Some(record)) = (&finding, &pending)
            && (action.is_none() || record.next_action().is_some())
        {
            let again = Some(self.wait(record, pause));
            return Ok(Effects { again, emits: self.comes_again(message), ..Effects::default() });
        }
        // The pieces that were held for a declined payment go back.
        let stock = matches!(finding, Finding::Declined(_) | Finding::Expired).then_some(LetGo::Back);
        let trace = placed.trace.clone();
        let now = Timestamp::from_ms(now_ms());
        let mut record = match pending {
            None => order::decide(placed, &finding, now),
            Some(record) => record.decide(&finding, now).map_err(|illegal| Failure::permanent(illegal.to_string()))?,
        };
        if let Some(refund) = refund {
            record = record.given_back(refund);
        }
        let name = RecordName::of(&record, None, message.delivery);
        self.records.write_record(&record, name).await?;
        let again = is_pending.then(|| self.wait(&record, pause));
        let moved = Moved { record: &record, name, before, stock, trace: trace.as_ref() };
        Ok(Effects { again, ..self.effects(message, &moved) })
    }

    /// What there is to decide on.
    async fn find_out(
        &self,
        message: &Message,
        placed: &Placed,
        pending: Option<&Record>,
    ) -> Result<Decision, Failure> {
        let begun = now_ms();
        let (first, leave) = match self.hold(message, placed).await? {
            Hold::Held { first, leave } => (first, leave),
            Hold::Short { first, shortfalls } => {
                let refunded = self.reject_unpaid(message, placed).await;
                let refund = self.answered(message, first, refunded).await?;
                let finding = Finding::OutOfStock(shortfalls.into_iter().map(shortage).collect());
                return Ok(Decision { refund, ..finding.into() });
            }
            Hold::Recalled => return Err(Failure::release("it was cancelled, so its cancellation goes first")),
            Hold::RecallBuried => {
                let reason = "it was cancelled, and its cancellation is a dead letter or was discarded: redrive or \
                              settle that one, or ask for it again";
                return Err(Failure::permanent(reason));
            }
            Hold::Asked(whom) => return Err(other_provider(&whom)),
            // The verdict of this delivery will be refused as well.
            Hold::Late => return Err(Failure::retry("another worker has the order now")),
        };
        let charged = match pending {
            Some(record) => self.ask_again(message, leave, placed, record).await,
            None => self.charge(message, leave, placed, begun).await,
        };
        self.answered(message, first, charged).await
    }

    /// What the payment provider answered. Where the first request to it is undone, another one may be asked next time.
    async fn answered<T>(&self, message: &Message, first: bool, answer: Result<T, Unanswered>) -> Result<T, Failure> {
        match answer {
            Err(Unanswered { failure, undone }) => {
                // If this fails, the provider counts as asked, which is safe.
                if first
                    && undone
                    && let Err(error) = self.queue.unask(message).await
                {
                    eprintln!("The payment provider stays noted for an order: {error}");
                }
                Err(failure)
            }
            Ok(answer) => Ok(answer),
        }
    }

    async fn hold(&self, message: &Message, placed: &Placed) -> Result<Hold, Failure> {
        // Few orders have more than some lines, and a map would take 3 KB of the component.
        let mut pieces: Vec<(&str, u64)> = Vec::new();
        for line in placed.order.lines() {
            let (sku, quantity) = (line.sku.as_str(), u64::from(line.quantity.get()));
            match pieces.iter_mut().find(|(known, _)| *known == sku) {
                Some((_, pieces)) => *pieces += quantity,
                None => pieces.push((sku, quantity)),
            }
        }
        let cancel = CommandId { order: placed.id, change: Some(ChangeKind::Cancel) };
        let asks = self.payments_for(placed).map_or("", |payments| payments.partner.name());
        let refuses = matches!(placed.order.means(), Some(Means::Charged(_)));
        let terms = Terms { untracked: self.untracked, recall: cancel.to_bytes().into(), asks, refuses };
        let hold = self.queue.hold(message, &terms, pieces).await;
        hold.map_err(|error| queue_failed("the stock can't be held", &error))
    }

    /// Charges an order whose hold began then.
    async fn charge(
        &self,
        message: &Message,
        leave: Leave,
        placed: &Placed,
        begun: u64,
    ) -> Result<Decision, Unanswered> {
        let (means, payments) = (placed.order.means(), self.payments_for(placed));
        let payments = match (means, payments) {
            (Some(Means::Later), _) => return Ok(Finding::Good(Payment::Later).into()),
            (Some(Means::Charged(charge)), _) => {
                let provider = payments.and_then(Payments::provider);
                return Ok(Finding::Good(Payment::Asked { charge: Some(charge.clone()), provider, back: None }).into());
            }
            (_, Some(payments)) => payments,
            (Some(Means::Token { .. }), None) if moves_money(&placed.order) => {
                return Err(Failure::release("it is to be charged, but payment_url is not set").into());
            }
            _ => return Ok(Finding::Good(Payment::None).into()),
        };
        let asking = payments.begin(message, leave)?;
        if message.delivery > 1 {
            self.records.check().await?;
        }
        // A worker that stood still may be far behind: meanwhile the order may have been cancelled.
        if now_ms().saturating_sub(begun) > self.lease.as_millis() as u64 {
            return Err(Failure::release("too long passed since the stock was held").into());
        }
        payments.charge(&asking, placed).await.map(|answer| payments.decision(answer))
    }

    /// Who charges the order, or gives back what the shop has charged. `None`: there is no money to move, or nobody.
    fn payments_for(&self, placed: &Placed) -> Option<&Payments> {
        self.payments.as_ref().filter(|_| moves_money(&placed.order))
    }

    /// Release 0.1 kept no trace of a hold that took nothing. So an order that is short may have been charged by it.
    /// What the shop has charged is given back.
    async fn reject_unpaid(&self, message: &Message, placed: &Placed) -> Result<Option<Payment>, Unanswered> {
        if let Some(Means::Charged(charge)) = placed.order.means() {
            return self.give_back(message, placed.id, &placed.order, charge, None).await;
        }
        match self.payments_for(placed) {
            Some(payments) if message.delivery > 1 => {
                self.refund(message, payments, (placed.id, &placed.order), None).await.map(|_| None)
            }
            _ => Ok(None),
        }
    }
}

fn shortage(Shortfall { item, units, left }: Shortfall) -> Shortage {
    Shortage { sku: item, ordered: units, left }
}
