//! Deciding an order that was placed: stock, payment, record, verdict, in this order. After a crash, the next delivery
//! decides anew. Hold and charge are idempotent, and nothing points to the record that the crashed delivery wrote.

use std::collections::BTreeMap;

use guest::now_ms;
use order::{Finding, Payment, Placed, RecordName, Shortage, Timestamp};
use queue::{Effects, Failure, Hold, LetGo, Message, Shortfall};

use crate::commands::{Commands, Moved, present, queue_failed, unchanged};
use crate::payments::Charge;

impl Commands<'_> {
    pub(crate) async fn decide(&self, message: &Message, placed: Placed) -> Result<Effects, Failure> {
        if present(message)?.is_some() {
            return Ok(unchanged());
        }
        let finding = self.find_out(message, &placed).await?;
        // The pieces that were held for a declined payment go back.
        let stock = matches!(finding, Finding::Declined(_)).then_some(LetGo::Back);
        let trace = placed.trace.clone();
        let record = order::decide(placed, &finding, Timestamp::from_ms(now_ms()));
        let name = RecordName::of(&record, None, message.delivery);
        self.records.write_record(&record, name).await?;
        Ok(self.effects(&Moved { record: &record, name, before: None, stock, trace: trace.as_ref() }))
    }

    async fn find_out(&self, message: &Message, placed: &Placed) -> Result<Finding, Failure> {
        match self.hold(message, placed).await? {
            Hold::Held => self.charge(message, placed).await,
            Hold::Short(shortfalls) => Ok(Finding::OutOfStock(shortfalls.into_iter().map(shortage).collect())),
            Hold::Recalled => Ok(Finding::Recalled),
            // The verdict of this delivery will be refused as well.
            Hold::Late => Err(Failure::retry("another worker has the order now")),
        }
    }

    async fn hold(&self, message: &Message, placed: &Placed) -> Result<Hold, Failure> {
        let mut pieces: BTreeMap<&str, u64> = BTreeMap::new();
        for line in placed.order.lines() {
            *pieces.entry(line.sku.as_str()).or_default() += u64::from(line.quantity.get());
        }
        let hold = self.queue.hold(message, self.untracked, pieces).await;
        hold.map_err(|error| queue_failed("the stock can't be held", &error))
    }

    async fn charge(&self, message: &Message, placed: &Placed) -> Result<Finding, Failure> {
        let Some(payments) = &self.payments else { return Ok(Finding::Good(Payment::None)) };
        if message.delivery > 1 {
            self.records.check().await?;
        }
        Ok(match payments.charge(placed).await? {
            Charge::Taken(charge) => Finding::Good(Payment::Charged { charge }),
            Charge::Declined(words) => Finding::Declined(words),
        })
    }
}

fn shortage(Shortfall { item, units, left }: Shortfall) -> Shortage {
    Shortage { sku: item, ordered: units, left }
}
