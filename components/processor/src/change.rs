//! Changing an order that was accepted before. To cancel it gives its money and its stock back, to fulfil it notes that
//! its goods went out. A change that the order's state allows no more changes nothing.

use std::time::Duration;

use guest::now_ms;
use order::payment::GivenBack;
use order::{
    Change, ChangeKind, ChangeRequest, Command, CommandId, Means, NewOrder, OrderId, Payment, PaymentId, Placed,
    Provider, Record, RecordName, Timestamp, cancel_undecided,
};
use queue::{Asked, Effects, Failure, LetGo, Message, MessageId, OwnMessage};

use crate::commands::{Commands, Moved, moves_money, present, queue_failed, unread};
use crate::payments::{Payments, Refund, Unanswered};

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
        let (kind, before) = (change.kind(), present(message)?);
        if message.delivery > 1 && self.payments.is_some() {
            self.records.check().await?;
        }
        let moved = match before {
            Some(before) => self.move_on(message, change.id, before, change.request).await?,
            None => self.move_undecided(message, change.id, change.request).await?,
        };
        let Some((record, stock)) = moved else { return Ok(self.unchanged(message)) };
        let name = RecordName::of(&record, Some(kind), message.delivery);
        self.records.write_record(&record, name).await?;
        Ok(self.effects(
            message,
            &Moved { record: &record, name, before, stock: Some(stock), trace: change.trace.as_ref() },
        ))
    }

    /// The order's next record, unless the change is illegal by now.
    async fn move_on(
        &self,
        message: &Message,
        id: OrderId,
        before: RecordName,
        request: ChangeRequest,
    ) -> Result<Option<(Record, LetGo)>, Failure> {
        let record = self.records.read(id, before).await?;
        if let Err(illegal) = record.status().after(request.kind().into()) {
            // The client was told that the change was accepted, so the log must say why it isn't made.
            eprintln!("Nothing was changed: {illegal}. Order {id}.");
            return Ok(None);
        }
        let now = || Timestamp::from_ms(now_ms());
        let moved = match request {
            ChangeRequest::Fulfil { .. } if self.is_refund_begun(&record).await? => {
                let reason = "its cancellation was tried, so its money may be given back: redrive or settle that one, \
                              or ask for it again";
                return Err(Failure::permanent(reason));
            }
            ChangeRequest::Fulfil { tracking } => record.fulfil(tracking, now()).map(|record| (record, LetGo::Out)),
            ChangeRequest::Cancel { reason, settled } => {
                let payment = match (record.payment(), settled) {
                    (Some(Payment::Asked { charge, provider, back: None }), Some(settled)) => Some(Payment::Asked {
                        charge: charge.clone(),
                        provider: provider.clone(),
                        back: Some(GivenBack::ByHand(settled)),
                    }),
                    (Some(Payment::Asked { charge, provider, back: None }), None) => {
                        // Without a charge, its payment is pending.
                        let (order, asked) = ((id, record.order()), provider.as_ref().map(Provider::as_str));
                        let passed = now_ms().saturating_sub(record.updated_at().ms());
                        self.give_back(message, order, charge.as_ref(), asked, passed).await?
                    }
                    _ => None,
                };
                record.cancel(reason, payment, now()).map(|record| (record, LetGo::Back))
            }
        };
        Ok(moved.ok())
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
    ) -> Result<Option<(Record, LetGo)>, Failure> {
        let ChangeRequest::Cancel { reason, settled } = request else { return Ok(None) };
        let Some(undecided) = self.undecided(id).await? else { return Ok(None) };
        let payment = match settled {
            Some(settled) => {
                Some(Payment::Asked { charge: None, provider: None, back: Some(GivenBack::ByHand(settled)) })
            }
            None => self.give_back_undecided(message, &undecided).await?,
        };
        let record = cancel_undecided(undecided.placed, reason, payment, Timestamp::from_ms(now_ms()));
        Ok(Some((record, LetGo::Back)))
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
        let (charge, whom) = match placed.order.means() {
            Some(Means::Charged(charge)) => (Some(charge), None),
            _ => {
                let whom = asked.as_ref().map(|asked| &*asked.whom);
                let is_unasked = whom == Some("") || (whom.is_none() && self.payments.is_none());
                if !is_begun || is_unasked {
                    return Ok(None);
                }
                (None, whom)
            }
        };
        // A try begins within a lease of its hold: see Commands::charge.
        let passed = asked.as_ref().map_or(u64::MAX, |asked| now.saturating_sub(asked.at));
        self.give_back(message, (placed.id, &placed.order), charge, whom, passed).await
    }

    /// Has a charge given back by who took it. Without a charge, the provider knows it by the order, which it closes.
    /// Where it doesn't know the order, that counts only if enough time has `passed` since the last try, in ms.
    pub(crate) async fn give_back(
        &self,
        message: &Message,
        order: (OrderId, &NewOrder),
        charge: Option<&PaymentId>,
        whom: Option<&str>,
        passed: u64,
    ) -> Result<Option<Payment>, Unanswered> {
        if !moves_money(order.1) {
            return Ok(None);
        }
        let Some(payments) = self.payments_of(whom)? else {
            let reason = "the order was paid for, but payment_url is not set: set it, then redrive";
            return Err(Failure::permanent(reason).into());
        };
        let refund = match self.refund(message, payments, order, charge).await? {
            Refund::Given(refund) => refund,
            Refund::Closed => return Ok(None),
            Refund::Unknown => {
                let left = self.late_ms(payments).saturating_sub(passed);
                if left == 0 {
                    return Ok(None);
                }
                let reason = "the payment provider knows of no charge, but one may still be under way".to_owned();
                return Err(Failure::Release { reason, after: Duration::from_millis(left) }.into());
            }
        };
        let back = Some(GivenBack::Refund(refund));
        Ok(Some(Payment::Asked { charge: charge.cloned(), provider: payments.provider(), back }))
    }

    /// Has an order's total given back, unless the provider fails for all.
    async fn refund(
        &self,
        message: &Message,
        payments: &Payments,
        order: (OrderId, &NewOrder),
        charge: Option<&PaymentId>,
    ) -> Result<Refund, Unanswered> {
        let leave = self.queue.ask(message, payments.partner.name()).await;
        let leave = leave.map_err(|error| queue_failed("Redis can't say whether the provider may be asked", &error))?;
        payments.refund(&payments.begin(message, leave)?, order, charge).await
    }

    /// The payment provider, unless `asked` is the name of another one, which may have charged the order.
    fn payments_of(&self, asked: Option<&str>) -> Result<Option<&Payments>, Failure> {
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

pub(crate) fn other_provider(asked: &str) -> Failure {
    let other =
        " was asked for this payment, and payment_url names another provider or none: set it back, then redrive";
    Failure::permanent([asked, other].concat())
}
