//! Moving an order on that was accepted before: cancelling it, with its money and its stock given back, or noting that its
//! goods went out. A change that the order's state has no place for any more changes nothing.

use guest::now_ms;
use order::{
    Change, Command, Head, NewOrder, OrderId, Payment, PaymentId, Placed, Reason, Record, Timestamp, Wanted,
    cancel_undecided,
};
use queue::{Effects, Failure, LetGo, Message, Place};

use crate::commands::{Commands, Moved, head, unchanged};

impl Commands<'_> {
    pub(crate) async fn change(&self, message: &Message, change: Change) -> Result<Effects, Failure> {
        let before = head(message)?;
        let wanted = change.wanted.as_move();
        let moved = match before {
            Some(before) => self.move_on(change.id, before, change.wanted).await?,
            None => self.move_undecided(change.id, change.wanted).await?,
        };
        let Some((record, stock)) = moved else { return Ok(unchanged()) };
        let head = Head::of(&record, Some(wanted), message.delivery);
        self.records.write(&head.key(record.id()), record.to_json()).await.map_err(Failure::retry)?;
        Ok(self.effects(&Moved { record: &record, head, before, stock: Some(stock), trace: change.trace.as_ref() }))
    }

    /// The order's next record, unless the move is illegal by now.
    async fn move_on(&self, id: OrderId, before: Head, wanted: Wanted) -> Result<Option<(Record, LetGo)>, Failure> {
        let record = self.records.read(&before.key(id)).await?;
        if let Err(illegal) = record.status().after(wanted.as_move()) {
            // Whoever asked read that it was accepted.
            eprintln!("Nothing was changed: {illegal}. Order {id}.");
            return Ok(None);
        }
        let now = || Timestamp::from_ms(now_ms());
        let moved = match wanted {
            Wanted::Fulfil { tracking } => record.fulfil(tracking, now()).map(|record| (record, LetGo::Out)),
            Wanted::Cancel { reason } => {
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
    async fn move_undecided(&self, id: OrderId, wanted: Wanted) -> Result<Option<(Record, LetGo)>, Failure> {
        let Wanted::Cancel { reason } = wanted else { return Ok(None) };
        let Some(placed) = self.undecided(id).await? else { return Ok(None) };
        let record = self.cancel_undecided(placed, reason).await?;
        Ok(Some((record, LetGo::Back)))
    }

    /// The order in the message that was to place it. `None`: a person discarded it.
    async fn undecided(&self, id: OrderId) -> Result<Option<Placed>, Failure> {
        let found = self.queue.find(id.as_bytes(), &[id.as_bytes()]).await;
        let mut found = found.map_err(|error| Failure::retry(format!("the order can't be looked up: {error}")))?;
        let (Some(Place::Queue { payload }) | Some(Place::Dead { payload, .. })) = found.places.swap_remove(0) else {
            return Ok(None);
        };
        match Command::decode(&payload) {
            Ok(Command::Place(placed)) => Ok(Some(*placed)),
            _ => Err(Failure::permanent("the order itself can't be read; discard its dead letter instead")),
        }
    }

    /// Its last delivery may have been stopped after the payment was taken.
    async fn cancel_undecided(&self, placed: Placed, reason: Option<Reason>) -> Result<Record, Failure> {
        let refund = match self.payments {
            Some(_) => self.refund(placed.id, &placed.order, None).await?,
            None => None,
        };
        Ok(cancel_undecided(placed, reason, refund, Timestamp::from_ms(now_ms())))
    }

    /// Gives the money back. `None`: the provider knows of no charge of this order.
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
