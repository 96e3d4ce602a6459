//! Changing an order that was accepted before. To cancel it gives its money and its stock back, to fulfil it notes that
//! its goods went out. A change that the order's state allows no more changes nothing.

use std::time::Duration;

use guest::now_ms;
use order::payment::{Capture, GivenBack};
use order::{
    Change, ChangeKind, ChangeRequest, Command, CommandId, NewOrder, OrderId, Payment, Placed, Record, RecordName,
    State, Timestamp, cancel_undecided,
};
use queue::{Asked, Effects, Failure, LetGo, Message, MessageId, OwnMessage};

use crate::capture::reminder;
use crate::commands::{Commands, Moved, moves_money, present, queue_failed, unread};
use crate::payments::{Asking, Charged, Payments, Total, TotalAnswer, Unanswered, other_provider, unset};

/// An order's next record.
struct MadeChange {
    record: Record,
    stock: LetGo,
    /// Its money was only authorized before.
    was_due: bool,
}

/// An order without a record.
pub(crate) struct UndecidedOrder {
    pub(crate) placed: Placed,
    /// It was handed out at least once, so it may have been charged.
    is_begun: bool,
    asked: Option<Asked>,
    /// Redis's time in ms since the epoch.
    now: u64,
}

impl Commands<'_> {
    pub(crate) async fn change(&self, message: &Message, change: Change) -> Result<Effects, Failure> {
        if change.kind() == ChangeKind::Erase {
            return self.erase(message, &change).await;
        }
        let (kind, before) = (change.kind(), present(message)?);
        if self.payments.is_some() {
            self.check_store(message).await?;
        }
        let moved = match before {
            Some(before) => self.move_on(message, change.id, before, change.request).await?,
            None => self.move_undecided(message, change.id, change.request).await?,
        };
        let Some(MadeChange { record, stock, was_due }) = moved else { return Ok(self.unchanged(message)) };
        let name = RecordName::of(&record, Some(kind), message.delivery);
        self.records.write_record(&record, name).await?;
        let moved = Moved { record: &record, name, before, stock: Some(stock), trace: change.trace.as_ref() };
        let mut effects = self.effects(message, &moved);
        effects.emits.extend(was_due.then(|| reminder(record.id(), Duration::ZERO)));
        Ok(effects)
    }

    /// The order's next record, unless the change is illegal by now.
    async fn move_on(
        &self,
        message: &Message,
        id: OrderId,
        before: RecordName,
        request: ChangeRequest,
    ) -> Result<Option<MadeChange>, Failure> {
        let mut record = self.records.read(id, before).await?;
        let was_due = record.payment().is_some_and(Payment::is_due);
        if let Err(illegal) = State::Decided(record.status()).allows(request.kind()) {
            // The client was told that the change was accepted, so the log must say why it isn't made.
            eprintln!("Nothing was changed: {illegal}. Order {id}.");
            return Ok(None);
        }
        let now = || Timestamp::from_ms(now_ms());
        let moved = match request {
            ChangeRequest::Erase => return Ok(None),
            ChangeRequest::Fulfil { .. } if self.is_refund_begun(&record).await? => {
                let reason = "its cancellation was tried, so its money may be given back: redrive or settle that one, \
                              or ask for it again";
                return Err(Failure::permanent(reason));
            }
            ChangeRequest::Fulfil { tracking, settled } => {
                match settled {
                    Some(word) if was_due => record.settle(word),
                    _ => {
                        if let Some(id) = self.capture(message, &record).await? {
                            record.capture(id);
                        }
                    }
                }
                record.fulfil(tracking, now()).map(|()| LetGo::Out)
            }
            ChangeRequest::Cancel { reason, settled } => {
                let back = match settled {
                    Some(settled) => Some(GivenBack::ByHand(settled)),
                    None => self.give_back_decided(message, &record).await?,
                };
                record.cancel(reason, back, now()).map(|()| LetGo::Back)
            }
        };
        Ok(moved.ok().map(|stock| MadeChange { record, stock, was_due }))
    }

    /// Has the money of an order with a record given back, if that is still to be done.
    async fn give_back_decided(&self, message: &Message, record: &Record) -> Result<Option<GivenBack>, Unanswered> {
        let Some(payment @ Payment::Asked { charge, capture, back: None, .. }) = record.payment() else {
            return Ok(None);
        };
        let charged = match charge {
            // Its payment is pending.
            None => Charged::Perhaps,
            Some(charge) if *capture == Capture::Due => Charged::Authorized(charge),
            Some(charge) => Charged::Taken(charge),
        };
        let passed = now_ms().saturating_sub(record.updated_at().ms());
        self.give_back(message, (record.id(), record.order()), charged, payment.provider(), passed).await
    }

    /// Whether a cancellation may have asked for a refund, and isn't made: it waits, is a dead letter or was discarded.
    async fn is_refund_begun(&self, record: &Record) -> Result<bool, Failure> {
        let Some(Payment::Asked { .. }) = record.payment() else { return Ok(false) };
        let cancel = CommandId { order: record.id(), change: Some(ChangeKind::Cancel) }.to_bytes().into();
        let deliveries = self.queue.deliveries(&cancel).await;
        deliveries
            .map(|deliveries| deliveries > 0)
            .map_err(|error| queue_failed("the cancellation can't be looked up", &error))
    }

    /// The first record of an order that is cancelled before it was decided.
    async fn move_undecided(
        &self,
        message: &Message,
        id: OrderId,
        request: ChangeRequest,
    ) -> Result<Option<MadeChange>, Failure> {
        let ChangeRequest::Cancel { reason, settled } = request else { return Ok(None) };
        let Some(undecided) = self.undecided(id).await? else { return Ok(None) };
        let payment = match settled {
            Some(settled) => {
                let (capture, back) = (Capture::Charged, Some(GivenBack::ByHand(settled)));
                Some(Payment::Asked { charge: None, provider: None, capture, back })
            }
            None => self.give_back_undecided(message, &undecided).await?,
        };
        let record = cancel_undecided(undecided.placed, reason, payment, Timestamp::from_ms(now_ms()));
        Ok(Some(MadeChange { record, stock: LetGo::Back, was_due: false }))
    }

    /// The order in its own message. `None`: a person discarded it.
    pub(crate) async fn undecided(&self, id: OrderId) -> Result<Option<UndecidedOrder>, Failure> {
        let own = MessageId::from(CommandId { order: id, change: None }.to_bytes());
        let found = self.queue.find_own(&own).await;
        let found = found.map_err(|error| queue_failed("the order can't be looked up", &error))?;
        let Some(OwnMessage { now, payload, deliveries, asked }) = found else { return Ok(None) };
        match Command::decode(&payload) {
            Ok(Command::Decide(placed)) => {
                Ok(Some(UndecidedOrder { placed: *placed, is_begun: deliveries > 0, asked, now }))
            }
            Err(error) if error.is_later() => Err(unread(&own, &error)),
            _ => Err(Failure::permanent("the order itself can't be read; discard its dead letter instead")),
        }
    }

    /// Has money given back that the shop took, or of which it isn't known whether it was taken. `None`: it was not.
    async fn give_back_undecided(
        &self,
        message: &Message,
        undecided: &UndecidedOrder,
    ) -> Result<Option<Payment>, Unanswered> {
        let UndecidedOrder { placed, is_begun, asked, now } = undecided;
        let whom = asked.as_ref().map(|asked| &*asked.whom);
        let (charged, whom) = match Charged::by_shop(&placed.order) {
            Some(charged) => (charged, whom.filter(|whom| !whom.is_empty())),
            None => {
                let is_unasked = whom == Some("") || (whom.is_none() && self.payments.is_none());
                if !is_begun || is_unasked {
                    return Ok(None);
                }
                (Charged::Perhaps, whom)
            }
        };
        // A try begins within a lease of its hold: see Commands::charge.
        let passed = asked.as_ref().map_or(u64::MAX, |asked| now.saturating_sub(asked.at));
        let back = self.give_back(message, (placed.id, &placed.order), charged, whom, passed).await?;
        Ok(back.map(|back| self.given(charged, back)))
    }

    /// Has a charge given back by who took it. Where none is known, the provider knows it by the order and closes that.
    /// Where it doesn't know the order, that counts only if enough time has `passed` since the last try, in ms.
    pub(crate) async fn give_back(
        &self,
        message: &Message,
        order: (OrderId, &NewOrder),
        charged: Charged<'_>,
        whom: Option<&str>,
        passed: u64,
    ) -> Result<Option<GivenBack>, Unanswered> {
        if !moves_money(order.1) {
            return Ok(None);
        }
        let Some(payments) = self.payments_of(whom)? else { return Err(unset().into()) };
        let asking = self.begin(message, payments).await?;
        match payments.move_total(&asking, Total::Refund, order, charged).await? {
            TotalAnswer::Done(refund) => Ok(Some(GivenBack::Refund(refund))),
            TotalAnswer::Closed(_) if charged.id().is_some() => Ok(Some(GivenBack::Void)),
            TotalAnswer::Closed(_) => Ok(None),
            TotalAnswer::Declined(_) => Err(Failure::permanent("the payment provider declines to give it back").into()),
            TotalAnswer::Unknown => {
                let left = self.late_ms(payments).saturating_sub(passed);
                if left == 0 {
                    return Ok(None);
                }
                let reason = "the payment provider knows of no charge, but one may still be under way".to_owned();
                Err(Failure::Release { reason, after: Duration::from_millis(left) }.into())
            }
        }
    }

    /// The payment of an order without a record, which was given back.
    pub(crate) fn given(&self, charged: Charged<'_>, back: GivenBack) -> Payment {
        let provider = self.payments.as_ref().and_then(Payments::provider);
        Payment::Asked { charge: charged.id().cloned(), provider, capture: Capture::Charged, back: Some(back) }
    }

    /// Asks the provider, unless there is no place at it or it fails for all.
    pub(crate) async fn begin<'a>(&self, message: &'a Message, payments: &Payments) -> Result<Asking<'a>, Failure> {
        if !payments.places.enter(message).await {
            return Err(self.throttled(message));
        }
        let leave = self.queue.ask(message, payments.partner.name()).await;
        let leave = leave.map_err(|error| queue_failed("Redis can't say whether the provider may be asked", &error))?;
        payments.begin(message, leave)
    }

    /// The payment provider, unless `asked` is the name of another one, which may have charged the order.
    pub(crate) fn payments_of(&self, asked: Option<&str>) -> Result<Option<&Payments>, Failure> {
        let payments = self.payments.as_ref();
        match asked {
            Some(asked) if payments.is_none_or(|payments| payments.partner.name() != asked) => {
                Err(other_provider(asked))
            }
            _ => Ok(payments),
        }
    }

    /// For so long after a try its charge may still come.
    pub(crate) fn late_ms(&self, payments: &Payments) -> u64 {
        (self.lease + payments.partner.late).as_millis() as u64
    }
}
