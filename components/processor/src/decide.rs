//! Deciding an order that was placed: stock, payment, record, verdict, in this order. After a crash, the next delivery
//! decides anew. Hold and charge are idempotent, and nothing points to the record that the crashed delivery wrote.

use guest::{CaptureTime, now_ms};
use order::payment::Capture;
use order::{ChangeKind, CommandId, Finding, Means, Payment, Placed, Record, RecordName, Shortage, Timestamp};
use queue::{Effects, Failure, Hold, HoldRequest, Leave, LetGo, Message, Shortfall, Terms};

use crate::commands::{Commands, Moved, UNCHANGED, moves_money, present, queue_failed};
use crate::payments::{Charge, Charged, Payments, Total, TotalAnswer, Unanswered, Unfinished, other_provider};
use crate::pending::OrderDecision;

impl Commands<'_> {
    pub(crate) async fn decide(&self, message: &Message, placed: Box<Placed>) -> Result<Effects, Failure> {
        let before = present(message)?;
        let pending = match before {
            None => None,
            Some(name) if name.is_pending => Some(self.records.read(placed.id, name).await?),
            Some(_) => return Ok(Effects::counted(UNCHANGED)),
        };
        let OrderDecision { finding, refund, pause } = self.find_out(message, &placed, pending.as_ref()).await?;
        if let (Finding::Pending { next_action, .. }, Some(record)) = (&finding, &pending)
            && (next_action.is_none() || record.next_action().is_some())
        {
            // There is nothing new to tell.
            let (emits, again) = (self.comes_again(message), self.again(record, pause));
            return Ok(Effects { emits, again, ..Effects::default() });
        }
        // The pieces that were held for a declined payment go back.
        let stock = matches!(finding, Finding::Declined(_) | Finding::Expired).then_some(LetGo::Back);
        let (trace, now) = (placed.trace.clone(), Timestamp::from_ms(now_ms()));
        let mut record = match pending {
            Some(mut record) => {
                record.decide(&finding, now);
                record
            }
            None => order::decide(*placed, &finding, now),
        };
        if let Some(refund) = refund {
            record.give_back(refund);
        }
        let name = RecordName::of(&record, None, message.delivery);
        self.records.write_record(&record, name).await?;
        let moved = Moved { record: &record, name, before, stock, trace: trace.as_ref() };
        let mut effects = self.effects(message, &moved);
        effects.emits.extend(self.reminder(&record));
        Ok(Effects { again: self.again(&record, pause), ..effects })
    }

    /// What there is to decide on.
    async fn find_out(
        &self,
        message: &Message,
        placed: &Placed,
        pending: Option<&Record>,
    ) -> Result<OrderDecision, Failure> {
        // It waits for its place before it holds, as it must ask soon after that.
        let waits = match self.asks(placed) {
            Some(payments) => !payments.places.enter(message).await,
            None => false,
        };
        let begun = now_ms();
        let (first, mut answer) = match self.hold(message, placed, waits).await? {
            Hold::Held { .. } if waits => return Err(self.throttled(message)),
            // It isn't asked any more: it may have been given back already, by a delivery that died.
            Hold::Held { first, .. } if self.is_over(pending) => (first, Ok(Finding::Expired.into())),
            Hold::Held { first, leave } => (first, self.charge(message, leave, placed, begun, pending).await),
            Hold::Short { first, shortfalls } => {
                (first, Ok(Finding::OutOfStock(shortfalls.into_iter().map(shortage).collect()).into()))
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
        if let Ok(decision) = &mut answer
            && matches!(decision.finding, Finding::OutOfStock(_) | Finding::Expired | Finding::Declined(_))
        {
            match self.reject_unpaid(message, placed, &decision.finding).await {
                Ok(refund) => decision.refund = refund,
                Err(unanswered) => answer = Err(unanswered),
            }
        }
        self.answered(message, first, answer).await
    }

    /// What the payment provider answered. Where the first request to it is undone, another one may be asked next time.
    async fn answered(
        &self,
        message: &Message,
        first: bool,
        answer: Result<OrderDecision, Unanswered>,
    ) -> Result<OrderDecision, Failure> {
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

    /// Holds the order's stock, also if it `waits` for a place at the provider: so it keeps its turn, and is told at
    /// once if it comes too late.
    async fn hold(&self, message: &Message, placed: &Placed, waits: bool) -> Result<Hold, Failure> {
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
        let refuses = Charged::by_shop(&placed.order).is_some();
        let terms = Terms { untracked: self.untracked, recall: cancel.to_bytes().into(), asks, refuses, waits };
        let request = HoldRequest::new(message, &terms, pieces);
        let hold = async |requests: &[HoldRequest]| self.queue.hold_together(requests).await;
        let hold = self.holds.ask(request, hold).await;
        hold.map_err(|error| queue_failed("the stock can't be held", &error))
    }

    /// Charges an order whose hold began then, or asks what became of its charge.
    async fn charge(
        &self,
        message: &Message,
        leave: Leave,
        placed: &Placed,
        begun: u64,
        pending: Option<&Record>,
    ) -> Result<OrderDecision, Unanswered> {
        let (means, payments) = (placed.order.means(), self.payments_for(placed));
        let provider = payments.and_then(Payments::provider);
        let asked = |charge, capture| Payment::Asked { charge, provider: provider.clone(), capture, back: None };
        let is_captured_at_once = payments.is_some_and(|it| it.partner.capture == CaptureTime::AtOnce);
        let payments = match (means, payments) {
            (Some(Means::Later), _) => return Ok(Finding::Good(Payment::Later).into()),
            // There is nothing to take, not even of what the shop has had authorized.
            _ if !moves_money(&placed.order) => return Ok(Finding::Good(Payment::None).into()),
            (Some(Means::Charged(charge)), _) => {
                return Ok(Finding::Good(asked(Some(charge.clone()), Capture::Charged)).into());
            }
            (Some(Means::Authorized(charge)), _) if !is_captured_at_once => {
                return Ok(Finding::Good(asked(Some(charge.clone()), Capture::Due)).into());
            }
            (_, Some(payments)) => payments,
            (Some(Means::Token { .. }), None) => {
                return Err(Failure::release("it is to be charged, but payment_url is not set").into());
            }
            _ => return Ok(Finding::Good(Payment::None).into()),
        };
        let own = Charged::by_shop(&placed.order);
        let asking = match own {
            // The hold asked for no leave where the shop has charged.
            Some(_) => self.begin(message, payments).await?,
            None => payments.begin(message, leave)?,
        };
        self.check_store(message).await?;
        // A worker that stood still may be far behind: meanwhile the order may have been cancelled.
        if now_ms().saturating_sub(begun) > self.lease.as_millis() as u64 {
            return Err(Failure::release("too long passed since the stock was held").into());
        }
        if let Some(charged) = own {
            let order = (placed.id, &placed.order);
            return Ok(match payments.move_total(&asking, Total::Capture, order, charged).await? {
                TotalAnswer::Done(id) => Finding::Good(asked(charged.id().cloned(), Capture::Made(id))).into(),
                // It is voided where an earlier delivery did that, and did not come to its end.
                TotalAnswer::Declined(words) | TotalAnswer::Closed(words) => Finding::Declined(words).into(),
                TotalAnswer::Unknown => Finding::Declined(None).into(),
            });
        }
        Ok(match payments.charge(&asking, placed, pending).await? {
            Charge::Taken(charge) => Finding::Good(asked(Some(charge), Capture::Charged)).into(),
            Charge::Authorized(charge) => Finding::Good(asked(Some(charge), Capture::Due)).into(),
            Charge::Declined(words) => Finding::Declined(words).into(),
            Charge::Pending(Unfinished { next_action, pause, .. }) => OrderDecision {
                pause,
                ..Finding::Pending { payment: asked(None, Capture::Charged), next_action }.into()
            },
        })
    }

    /// The provider, if it is asked for the order once its stock is held.
    fn asks(&self, placed: &Placed) -> Option<&Payments> {
        let payments = self.payments_for(placed)?;
        let asks = match placed.order.means() {
            Some(Means::Charged(_)) => false,
            Some(Means::Authorized(_)) => payments.partner.capture == CaptureTime::AtOnce,
            _ => true,
        };
        asks.then_some(payments)
    }

    /// Who charges the order, or gives back what the shop has charged. `None`: there is no money to move, or nobody.
    fn payments_for(&self, placed: &Placed) -> Option<&Payments> {
        self.payments.as_ref().filter(|_| moves_money(&placed.order))
    }

    /// Release 0.1 kept no trace of a hold that took nothing. So an order that is short may have been charged by it.
    /// A payment that was pending for too long is closed. What was taken for it, or by the shop, is given back.
    async fn reject_unpaid(
        &self,
        message: &Message,
        placed: &Placed,
        finding: &Finding,
    ) -> Result<Option<Payment>, Unanswered> {
        let is_declined = matches!(finding, Finding::Declined(_));
        let charged = match Charged::by_shop(&placed.order) {
            Some(charged) => charged,
            None if !is_declined && message.delivery > 1 && self.payments_for(placed).is_some() => Charged::Perhaps,
            None => return Ok(None),
        };
        let back = self.give_back(message, (placed.id, &placed.order), charged, None, u64::MAX).await?;
        Ok(back.map(|back| self.given(charged, back)))
    }
}

fn shortage(Shortfall { item, units, left }: Shortfall) -> Shortage {
    Shortage { sku: item, wanted: units, left }
}
