//! Changing an order that was accepted before. To cancel it gives its money and its stock back, to fulfil it notes that
//! its goods went out. A change that the order's state allows no more changes nothing.

use guest::now_ms;
use order::{
    Change, ChangeRequest, Command, CommandId, NewOrder, OrderId, Payment, PaymentId, Placed, Reason, Record,
    RecordName, Timestamp, cancel_undecided,
};
use queue::{Effects, Failure, LetGo, Message, MessageId, MessageState};

use crate::commands::{Commands, Moved, present, queue_failed, unchanged};

impl Commands<'_> {
    pub(crate) async fn change(&self, message: &Message, change: Change) -> Result<Effects, Failure> {
        let (kind, before) = (change.kind(), present(message)?);
        if message.delivery > 1 && self.payments.is_some() {
            self.records.check().await?;
        }
        let moved = match before {
            Some(before) => self.move_on(change.id, before, change.request).await?,
            None => self.move_undecided(change.id, change.request).await?,
        };
        let Some((record, stock)) = moved else { return Ok(unchanged()) };
        let name = RecordName::of(&record, Some(kind), message.delivery);
        self.records.write_record(&record, name).await?;
        Ok(self.effects(&Moved { record: &record, name, before, stock: Some(stock), trace: change.trace.as_ref() }))
    }

    /// The order's next record, unless the change is illegal by now.
    async fn move_on(
        &self,
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
            ChangeRequest::Fulfil { tracking } => record.fulfil(tracking, now()).map(|record| (record, LetGo::Out)),
            ChangeRequest::Cancel { reason } => {
                let refund = match record.payment() {
                    Some(Payment::Charged { charge }) => self.refund(id, record.order(), Some(charge)).await?,
                    _ => None,
                };
                record.cancel(reason, refund, now()).map(|record| (record, LetGo::Back))
            }
        };
        Ok(moved.ok())
    }

    /// The first record of an order that was given up before it was decided, and is cancelled instead.
    async fn move_undecided(&self, id: OrderId, request: ChangeRequest) -> Result<Option<(Record, LetGo)>, Failure> {
        let ChangeRequest::Cancel { reason } = request else { return Ok(None) };
        let Some(placed) = self.undecided(id).await? else { return Ok(None) };
        let record = self.cancel_undecided(placed, reason).await?;
        Ok(Some((record, LetGo::Back)))
    }

    /// The order in its own message. `None`: a person discarded it.
    pub(crate) async fn undecided(&self, id: OrderId) -> Result<Option<Placed>, Failure> {
        let own = MessageId::from(CommandId { order: id, change: None }.to_bytes());
        let found = self.queue.find(&own.as_subject(), [&own]).await;
        let found = found.map_err(|error| queue_failed("the order can't be looked up", &error))?;
        let [Some(MessageState::Queued { payload } | MessageState::Dead { payload, .. })] = found.messages else {
            return Ok(None);
        };
        match Command::decode(&payload) {
            Ok(Command::Decide(placed)) => Ok(Some(*placed)),
            _ => Err(Failure::permanent("the order itself can't be read; discard its dead letter instead")),
        }
    }

    /// The last delivery of the order's own message may have been stopped after the payment was taken.
    async fn cancel_undecided(&self, placed: Placed, reason: Option<Reason>) -> Result<Record, Failure> {
        let refund = match self.payments {
            Some(_) => self.refund(placed.id, &placed.order, None).await?,
            None => None,
        };
        Ok(cancel_undecided(placed, reason, refund, Timestamp::from_ms(now_ms())))
    }

    /// Gives the money back. `None`: the provider knows of no charge for this order.
    async fn refund(
        &self,
        id: OrderId,
        order: &NewOrder,
        charge: Option<&PaymentId>,
    ) -> Result<Option<Payment>, Failure> {
        let Some(payments) = &self.payments else {
            return Err(Failure::permanent("the order was paid for, but payment_url is not set: set it, then redrive"));
        };
        let refund = payments.refund(id, order, charge).await?;
        Ok(refund.map(|refund| Payment::Refunded { charge: charge.cloned(), refund }))
    }
}
