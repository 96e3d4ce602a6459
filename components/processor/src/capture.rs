//! An order whose payment is authorized: its money is taken when the order is fulfilled. The provider holds it for some
//! days only, so a message is left for later, which comes when support should be told. What fulfils or cancels the
//! order calls it forward, and then it finds nothing to tell.

use std::time::Duration;

use guest::now_ms;
use order::payment::Capture;
use order::{ChangeKind, CommandId, OrderId, Payment, PaymentId, Record, event, queues};
use queue::{Effects, Emit, Failure, Message};

use crate::changes::tell;
use crate::commands::{Commands, moves_money, present};
use crate::payments::{Charged, Total, TotalAnswer, unset};

impl Commands<'_> {
    /// Takes the money of an order that is to be fulfilled, if that is still to be done.
    pub(crate) async fn capture(&self, message: &Message, record: &Record) -> Result<Option<PaymentId>, Failure> {
        let charge = match record.payment() {
            Some(Payment::Asked { charge: Some(charge), capture: Capture::Due, back: None, .. })
                if moves_money(record.order()) =>
            {
                charge
            }
            _ => return Ok(None),
        };
        let Some(payments) = self.payments_of(record.payment().and_then(Payment::provider))? else {
            return Err(unset());
        };
        let asking = self.begin(message, payments).await?;
        let (order, charged) = ((record.id(), record.order()), Charged::Authorized(charge));
        let words = match payments.move_total(&asking, Total::Capture, order, charged).await? {
            TotalAnswer::Done(id) => return Ok(Some(id)),
            TotalAnswer::Declined(Some(words)) | TotalAnswer::Closed(Some(words)) => [": ", &words].concat(),
            _ => String::new(),
        };
        Err(Failure::permanent(["the payment provider did not capture what it had authorized", &words].concat()))
    }

    /// The message that comes when support should be told, if the order's payment is authorized.
    pub(crate) fn reminder(&self, record: &Record) -> Option<Emit> {
        let is_due = record.payment().is_some_and(Payment::is_due);
        is_due.then(|| reminder(record.id(), self.time_to_capture(record)))
    }

    /// Tells support of an order that is still neither fulfilled nor cancelled.
    pub(crate) async fn remind(&self, message: &Message) -> Result<Effects, Failure> {
        let (id, name) = match (CommandId::parse(&message.id), present(message)?) {
            (Some(id), Some(name)) if matches!(name.change, None | Some(ChangeKind::Erase)) => (id, name),
            _ => return Ok(Effects::default()),
        };
        let record = match self.records.read(id.order, name).await {
            Ok(record) if record.payment().is_some_and(Payment::is_due) => record,
            Err(failure @ Failure::Release { .. }) => return Err(failure),
            // Whoever changes an order whose record is lost is told so.
            _ => return Ok(Effects::default()),
        };
        let left = self.time_to_capture(&record);
        if !left.is_zero() {
            return Ok(Effects { again: Some(left), ..Effects::default() });
        }
        let (id, event) = event::expiring(&record);
        Ok(Effects { emits: vec![tell(id, event)], ..Effects::default() })
    }

    /// For how long the order may still be neither fulfilled nor cancelled before support is told.
    fn time_to_capture(&self, record: &Record) -> Duration {
        let within = self.payments.as_ref().map_or(Duration::ZERO, |payments| payments.partner.capture_within);
        within.saturating_sub(Duration::from_millis(now_ms().saturating_sub(record.updated_at().ms())))
    }
}

/// Sent again, it takes the place of the one that waits.
pub(crate) fn reminder(order: OrderId, after: Duration) -> Emit {
    Emit {
        queue: queues::PLACED_SUPERSEDED.to_owned(),
        id: CommandId { order, change: None }.to_bytes().into(),
        payload: queues::REMINDER.as_bytes().into(),
        log: false,
        after,
    }
}
