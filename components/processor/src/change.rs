//! Changing an order that was accepted before. To cancel it gives its money and its stock back, to fulfil it notes that
//! its goods went out. A change that the order's state allows no more changes nothing.

use std::time::Duration;

use guest::now_ms;
use order::payment::GivenBack;
use order::{
    Change, ChangeKind, ChangeRequest, Command, CommandId, Means, NewOrder, OrderId, Payment, PaymentId, Placed,
    Provider, Record, RecordName, SettledByHand, Status, Timestamp, cancel_undecided,
};
use queue::{Asked, Effects, Failure, LetGo, Message, MessageId, OwnMessage};

use crate::commands::{Commands, Moved, moves_money, present, queue_failed, unread};
use crate::payments::{Payments, Refund, Unanswered};

/// An order without a record.
pub(crate) struct UndecidedOrder {
    pub(crate) placed: Placed,
    charging: Charging,
}

/// Whether an order may have been charged whose own message still waits, and by whom.
struct Charging {
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
                    (Some(Payment::Asked { charge: Some(charge), provider, back: None }), None) => {
                        self.give_back(message, id, record.order(), charge, provider.as_ref()).await?
                    }
                    (None, settled) if record.status() == Status::PaymentPending => {
                        self.close(message, &record, settled).await?
                    }
                    _ => None,
                };
                record.cancel(reason, payment, now()).map(|record| (record, LetGo::Back))
            }
        };
        Ok(moved.ok())
    }

    /// Has a payment closed at the provider that is pending, or given back if it was completed meanwhile.
    async fn close(
        &self,
        message: &Message,
        record: &Record,
        settled: Option<SettledByHand>,
    ) -> Result<Option<Payment>, Failure> {
        if let Some(settled) = settled {
            return Ok(Some(settled_by_hand(settled)));
        }
        let own = self.own(record.id()).await?;
        // If a person discarded it, nobody else asks any more.
        let (asked, now) = own.map_or((None, u64::MAX), |own| (own.asked, own.now));
        let charging = Charging { is_begun: true, asked, now };
        self.give_back_unknown(message, (record.id(), record.order()), &charging).await
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
            Some(settled) => Some(settled_by_hand(settled)),
            None => match undecided.placed.order.means() {
                Some(Means::Charged(charge)) => {
                    self.give_back(message, id, &undecided.placed.order, charge, None).await?
                }
                _ => {
                    let UndecidedOrder { placed, charging } = &undecided;
                    self.give_back_unknown(message, (id, &placed.order), charging).await?
                }
            },
        };
        let record = cancel_undecided(undecided.placed, reason, payment, Timestamp::from_ms(now_ms()));
        Ok(Some((record, LetGo::Back)))
    }

    /// The order in its own message. `None`: a person discarded it.
    pub(crate) async fn undecided(&self, id: OrderId) -> Result<Option<UndecidedOrder>, Failure> {
        let Some(OwnMessage { now, payload, deliveries, asked }) = self.own(id).await? else { return Ok(None) };
        match Command::decode(&payload) {
            Ok(Command::Decide(placed)) => {
                let charging = Charging { is_begun: deliveries > 0, asked, now };
                Ok(Some(UndecidedOrder { placed: *placed, charging }))
            }
            Err(error) if error.is_later() => Err(unread(&own(id), &error)),
            _ => Err(Failure::permanent("the order itself can't be read; discard its dead letter instead")),
        }
    }

    async fn own(&self, id: OrderId) -> Result<Option<OwnMessage>, Failure> {
        let found = self.queue.find_own(&own(id)).await;
        found.map_err(|error| queue_failed("the order can't be looked up", &error))
    }

    /// Has money given back of which it isn't known whether it was taken. `None`: it was not.
    async fn give_back_unknown(
        &self,
        message: &Message,
        order: (OrderId, &NewOrder),
        Charging { is_begun, asked, now }: &Charging,
    ) -> Result<Option<Payment>, Failure> {
        let waited = asked.as_ref().is_some_and(|asked| asked.whom.is_empty());
        if !is_begun || waited || !moves_money(order.1) {
            return Ok(None);
        }
        let Some(payments) = self.payments_of(asked.as_ref().map(|asked| &*asked.whom))? else { return Ok(None) };
        let refund = match self.refund(message, payments, order, None).await? {
            Refund::Given(refund) => refund,
            Refund::Closed => return Ok(None),
            Refund::Unknown => {
                // A try begins within a lease of its hold: see Commands::charge.
                let known_at = asked.as_ref().map_or(0, |asked| asked.at + self.late_ms(payments));
                if *now >= known_at {
                    return Ok(None);
                }
                let reason = "the payment provider knows of no charge, but one may still be under way".to_owned();
                return Err(Failure::Release { reason, after: Duration::from_millis(known_at - now) });
            }
        };
        Ok(Some(Payment::Asked { charge: None, provider: payments.provider(), back: Some(GivenBack::Refund(refund)) }))
    }

    /// Has a charge given back by who took it.
    pub(crate) async fn give_back(
        &self,
        message: &Message,
        id: OrderId,
        order: &NewOrder,
        charge: &PaymentId,
        provider: Option<&Provider>,
    ) -> Result<Option<Payment>, Unanswered> {
        if !moves_money(order) {
            return Ok(None);
        }
        let Some(payments) = self.payments_of(provider.map(Provider::as_str))? else {
            let reason = "the order was paid for, but payment_url is not set: set it, then redrive";
            return Err(Failure::permanent(reason).into());
        };
        let Refund::Given(refund) = self.refund(message, payments, (id, order), Some(charge)).await? else {
            return Ok(None);
        };
        let (charge, provider) = (Some(charge.clone()), payments.provider());
        Ok(Some(Payment::Asked { charge, provider, back: Some(GivenBack::Refund(refund)) }))
    }

    /// Has an order's total given back, unless the provider fails for all.
    pub(crate) async fn refund(
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

/// The id of an order's own message.
fn own(order: OrderId) -> MessageId {
    CommandId { order, change: None }.to_bytes().into()
}

fn settled_by_hand(settled: SettledByHand) -> Payment {
    Payment::Asked { charge: None, provider: None, back: Some(GivenBack::ByHand(settled)) }
}

pub(crate) fn other_provider(asked: &str) -> Failure {
    let other =
        " was asked for this payment, and payment_url names another provider or none: set it back, then redrive";
    Failure::permanent([asked, other].concat())
}
