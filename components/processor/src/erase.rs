//! Taking out who an order's customer is, and removing orders that ended long ago.
//!
//! An erasure makes the order's next record, without customer, address and note. Some worker may still have in hand
//! what was told of the order before. So that is purged later, when the record before is removed.

use access::CallerName;
use guest::now_ms;
use order::{Change, ChangeKind, CommandId, OrderId, RecordName, Timestamp, event, queues};
use queue::{Effects, Emit, Ends, Failure, Message, MessageId, Tag};

use crate::changes::tell;
use crate::commands::{Commands, Moved, present, queue_failed};

/// The clock of the host that accepted the order may be ahead of Redis's by so much.
const CLOCKS_DIFFER_MS: u64 = 3_600_000;

impl Commands<'_> {
    /// Writes the order's next record, without its customer. An order that a person gave up has none.
    pub(crate) async fn erase(&self, message: &Message, change: &Change) -> Result<Effects, Failure> {
        let purge = self.later_purge(change.id);
        let Some(before) = present(message)? else { return self.erase_discarded(change.id, purge).await };
        let mut record = self.records.read(change.id, before).await?;
        if record.erased_at().is_some() {
            return Ok(self.unchanged(message));
        }
        let email = record.order().customer().map(|customer| Tag(customer.email.tag()));
        let (own, came) = (own_message(change.id), change.id.accepted_at().ms());
        self.queue.untag(&own, email.as_slice(), came).await.map_err(not_unindexed)?;
        record.erase(Timestamp::from_ms(now_ms()));
        let name = RecordName::of(&record, Some(ChangeKind::Erase), message.delivery);
        self.records.write_record(&record, name).await?;
        let moved = Moved { record: &record, name, before: Some(before), stock: None, trace: change.trace.as_ref() };
        let mut effects = self.effects(message, &moved);
        effects.emits.push(purge);
        Ok(effects)
    }

    /// What is kept of an order that a person gave up tells of no customer, but for what its dead letter's reason says.
    async fn erase_discarded(&self, id: OrderId, purge: Emit) -> Result<Effects, Failure> {
        self.check_discarded(id).await?;
        let redacted = self.queue.redact(&own_message(id)).await;
        let mut emits = vec![purge];
        if redacted.map_err(|error| queue_failed("the order can't be redacted", &error))? {
            let (event, body) = event::erased_discarded(id, Timestamp::from_ms(now_ms()));
            emits.push(tell(event, body));
        }
        Ok(Effects { emits, ..Effects::counted("orders:erased") })
    }

    /// Fails while the order's own message is there: it holds the customer, and can't be decided without.
    async fn check_discarded(&self, id: OrderId) -> Result<(), Failure> {
        match self.queue.find_own(&own_message(id)).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Failure::permanent(
                "the order is a dead letter, which holds its customer: redrive, cancel or discard that one, and then \
                 redrive this one",
            )),
            Err(error) => Err(queue_failed("the order can't be looked up", &error)),
        }
    }

    fn later_purge(&self, order: OrderId) -> Emit {
        Emit {
            queue: queues::PLACED_SUPERSEDED.to_owned(),
            id: CommandId { order, change: Some(ChangeKind::Erase) }.to_bytes().into(),
            payload: queues::PURGE.as_bytes().into(),
            log: false,
            after: self.records.grace(),
        }
    }

    /// Takes the order's customer out of the events that wait or are dead letters, and those events out of the log.
    /// From each place before the one into which it is copied from there.
    pub(crate) async fn purge(&self, message: &Message) -> Result<Effects, Failure> {
        let Some(CommandId { order, .. }) = CommandId::parse(&message.id) else {
            return Err(Failure::undecodable("its id is that of no erasure"));
        };
        let failed = |error: queue::Error| queue_failed("the order's events can't be purged", &error);
        let (prefix, now) = (format!("{order}."), Timestamp::from_ms(now_ms()));
        let since = order.accepted_at().ms().saturating_sub(CLOCKS_DIFFER_MS);
        let purged = |event: &[u8]| event::without_customer(event, now);
        self.changes.rewrite_all(&prefix, purged).await.map_err(failed)?;
        self.changes.unlog(&prefix, event::CUSTOMER_MARK, since).await.map_err(failed)?;
        for lane in self.changes.lanes().await.map_err(failed)? {
            self.changes.lane(&lane).rewrite_all(&prefix, purged).await.map_err(failed)?;
        }
        Ok(Effects::default())
    }

    /// Removes an order that ended long ago.
    pub(crate) async fn forget(&self, message: &Message) -> Result<Effects, Failure> {
        let Some(CommandId { order, change: None }) = CommandId::parse(&message.id) else {
            return Err(Failure::undecodable("its id is that of no order"));
        };
        let Some(name) = present(message)? else { return Ok(Effects::default()) };
        let record = self.records.read(order, name).await?;
        if !record.status().is_final() {
            return Ok(Effects::default());
        }
        let (own, tags) = (own_message(order), Vec::from_iter(record.order().tags().map(Tag)));
        let (came, shop) = (order.accepted_at().ms(), record.shop().map(CallerName::as_str));
        self.queue.unindex(&own, &tags, came, shop).await.map_err(not_unindexed)?;
        let emits = vec![self.records.superseded(order, name)];
        Ok(Effects { ends: Some(Ends::Forgotten), emits, ..Effects::counted("orders:removed") })
    }
}

fn own_message(order: OrderId) -> MessageId {
    CommandId { order, change: None }.to_bytes().into()
}

fn not_unindexed(error: queue::Error) -> Failure {
    queue_failed("the order can't be taken out of the index", &error)
}
