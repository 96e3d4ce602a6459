//! Deciding an order that was placed: stock, payment, record, verdict, in this order. What a crash leaves of it, the next
//! delivery finds and goes on from.

use std::collections::BTreeMap;

use guest::now_ms;
use order::{Finding, Head, Payment, Placed, Shortage, Timestamp, decide};
use queue::{Effects, Failure, Hold, LetGo, Message};

use crate::commands::{Commands, Moved, head, unchanged};
use crate::payments::Charge;

impl Commands<'_> {
    pub(crate) async fn place(&self, message: &Message, placed: Placed) -> Result<Effects, Failure> {
        if head(message)?.is_some() {
            return Ok(unchanged());
        }
        let finding = self.find_out(message, &placed).await?;
        // What was held for a payment that was declined goes back.
        let stock = matches!(finding, Finding::Declined(_)).then_some(LetGo::Back);
        let trace = placed.trace.clone();
        let record = decide(placed, &finding, Timestamp::from_ms(now_ms()));
        let head = Head::of(&record, None, message.delivery);
        self.records.write(&head.key(record.id()), record.to_json()).await.map_err(Failure::retry)?;
        Ok(self.effects(&Moved { record: &record, head, before: None, stock, trace: trace.as_ref() }))
    }

    async fn find_out(&self, message: &Message, placed: &Placed) -> Result<Finding, Failure> {
        match self.hold(message, placed).await? {
            Hold::Held => self.charge(placed).await,
            Hold::Short(shortages) => Ok(Finding::OutOfStock(shortages.into_iter().map(shortage).collect())),
            Hold::Recalled => Ok(Finding::Recalled),
            // Its verdict will be refused as well.
            Hold::Late => Err(Failure::retry("another worker has the order now")),
        }
    }

    async fn hold(&self, message: &Message, placed: &Placed) -> Result<Hold, Failure> {
        let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
        for line in placed.order.lines() {
            *wanted.entry(line.sku.as_str()).or_default() += u64::from(line.quantity.get());
        }
        let hold = self.queue.hold(message, self.refuse_untracked, wanted).await;
        hold.map_err(|error| Failure::retry(format!("the stock can't be held: {error}")))
    }

    async fn charge(&self, placed: &Placed) -> Result<Finding, Failure> {
        let Some(payments) = &self.payments else { return Ok(Finding::Good(Payment::None)) };
        Ok(match payments.charge(placed).await? {
            Charge::Taken(charge) => Finding::Good(Payment::Charged { charge }),
            Charge::Declined(words) => Finding::Declined(words),
        })
    }
}

fn shortage(shortage: queue::Shortage) -> Shortage {
    Shortage { sku: shortage.item, wanted: shortage.wanted, left: shortage.left }
}
