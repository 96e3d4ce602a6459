//! One message of the queue `placed`: from the command in it to the order's new record and its event.

use std::time::Duration;

use access::CallerName;
use guest::{Redis, now_ms};
use order::event::GivenUp;
use order::{
    ChangeKind, Command, CommandId, DecodeError, Means, Money, NewOrder, OrderId, Record, RecordName, Timestamp,
    TraceParent, Version, event,
};
use queue::{
    Effects, Emit, Ends, Failure, Head, Hold, HoldRequest, Joined, LetGo, Message, MessageId, Queue, Untracked,
};

use crate::changes::tell;
use crate::payments::Payments;
use crate::records::Records;

/// Carries out commands, and writes the new records of their orders.
pub(crate) struct Commands<'a> {
    pub(crate) queue: Queue<'a, Redis>,
    /// From which the notifier tells the endpoints.
    pub(crate) changes: Queue<'a, Redis>,
    /// The orders that are about to hold their stock.
    pub(crate) holds: Joined<HoldRequest, Hold>,
    pub(crate) records: &'a Records,
    /// `None`: nobody is asked to pay.
    pub(crate) payments: Option<Payments>,
    /// Articles without a stock entry.
    pub(crate) untracked: Untracked,
    /// How long a worker has a message for itself.
    pub(crate) lease: Duration,
}

/// Counts the commands that changed nothing.
pub(crate) const UNCHANGED: &str = "orders:unchanged";

/// A record that was written, and what the settlement needs to know about it.
pub(crate) struct Moved<'a> {
    pub(crate) record: &'a Record,
    pub(crate) name: RecordName,
    /// The record before, which is superseded now.
    pub(crate) before: Option<RecordName>,
    pub(crate) stock: Option<LetGo>,
    pub(crate) trace: Option<&'a TraceParent>,
}

impl Commands<'_> {
    pub(crate) async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match Command::decode(&message.payload).map_err(|error| unread(&message.id, &error))? {
            Command::Decide(placed) => self.decide(message, placed).await,
            Command::Change(change) => self.change(message, change).await,
        }
    }

    /// The order moved on otherwise in the meantime, and that stands.
    pub(crate) fn unchanged(&self, message: &Message) -> Effects {
        Effects { emits: self.left_behind(message, message.delivery - 1), ..Effects::counted(UNCHANGED) }
    }

    /// Has the record of a delivery that is to come again removed. A worker that died may have left one too.
    pub(crate) fn comes_again(&self, message: &Message) -> Vec<Emit> {
        let own = u64::from(self.records.has_failed());
        let (last, most) = (message.delivery - 1 + own, u64::from(message.crashes) + own);
        self.removals(message, last, most)
    }

    /// Has the records removed that the deliveries up to `last` may have written, before they crashed or failed.
    /// Nothing points to them. Those that failed saw to that themselves; but an older build's did not.
    fn left_behind(&self, message: &Message, last: u64) -> Vec<Emit> {
        const OF_OLDER_BUILDS: u64 = 32;
        let most = match message.thrown_back {
            true => last + 1 - message.delivery,
            false => OF_OLDER_BUILDS.max(message.crashes.into()),
        };
        self.removals(message, last, most)
    }

    /// There is no place at the provider.
    pub(crate) fn throttled(&self, message: &Message) -> Failure {
        Failure::Throttle { emits: self.left_behind(message, message.delivery - 1) }
    }

    /// Before money is moved for an order that was handed out before: perhaps because the store failed, and then its
    /// money must not be asked for again and again. One that was only thrown back asked for none.
    pub(crate) async fn check_store(&self, message: &Message) -> Result<(), Failure> {
        if message.delivery == 1 || message.thrown_back {
            return Ok(());
        }
        self.records.write_marker().await.map_err(Failure::release)
    }

    /// A head that can't be read tells no version, and nothing is removed.
    fn removals(&self, message: &Message, last: u64, most: u64) -> Vec<Emit> {
        let (Some(id), Ok(present)) = (CommandId::parse(&message.id), present(message)) else { return Vec::new() };
        let version = present.map_or(Version::NONE, |name| name.version).next();
        let names = RecordName::of_deliveries(version, id.change, last, most);
        names.map(|name| self.records.superseded(id.order, name)).collect()
    }

    /// Tells support. The payload may be unreadable, so the event carries the ids; and the trace and the order, if
    /// those can be read.
    pub(crate) async fn buried(&self, message: &Message, reason: &str) -> Effects {
        let counted = Effects::counted("orders:needs_attention");
        let Some(id) = CommandId::parse(&message.id) else { return counted };
        // A head that can't be read tells no version.
        let present = present(message).ok();
        let version = present.flatten().map_or(Version::NONE, |name| name.version);
        let command = Command::decode(&message.payload).ok();
        let trace = command.as_ref().and_then(Command::trace).cloned();
        let order = match command {
            Some(Command::Decide(placed)) => Some((placed.shop, placed.order)),
            // Who erases a customer has no use for one more copy.
            Some(Command::Change(change)) if change.kind() != ChangeKind::Erase => self.order(message, change.id).await,
            _ => None,
        };
        let shop = order.as_ref().and_then(|(shop, _)| shop.as_ref());
        let order = order.as_ref().map(|(_, order)| order);
        let given_up = GivenUp { message: id, delivery: message.delivery, version, reason, shop, order };
        let event = event::attention(&given_up, trace.as_ref(), Timestamp::from_ms(now_ms()));
        let mut emits = vec![tell(event::attention_id(id, message.delivery), event)];
        emits.append(&mut self.left_behind(message, message.delivery));
        Effects { emits, ..counted }
    }

    /// The order that a message would change, and whose key brought it, if it can be read.
    async fn order(&self, message: &Message, id: OrderId) -> Option<(Option<CallerName>, NewOrder)> {
        match present(message).ok()? {
            Some(present) => self.records.read(id, present).await.ok().map(Record::into_order),
            None => self.undecided(id).await.ok()?.map(|undecided| (undecided.placed.shop, undecided.placed.order)),
        }
    }

    /// The effects of a record that was written. It becomes the order's present one, its event is told, and the records
    /// that nobody will read any more are removed later.
    pub(crate) fn effects(&self, message: &Message, moved: &Moved<'_>) -> Effects {
        let Moved { record, name, before, stock, trace } = moved;
        // An erased order stays where it was.
        let is_erasure = name.change == Some(ChangeKind::Erase);
        let event = if is_erasure { event::erased(record, *trace) } else { event::to_json(record, *trace) };
        let counter = if is_erasure { "orders:erased".to_owned() } else { format!("orders:{}", record.status()) };
        let mut emits = vec![tell(event::id(&record.id(), record.version()), event)];
        emits.extend(before.map(|name| self.records.superseded(record.id(), name)));
        emits.append(&mut self.left_behind(message, message.delivery - 1));
        Effects {
            head: Some(Head::from(name.to_string().as_str())),
            counter: Some(counter),
            stock: *stock,
            clears: name.change.is_some() && !is_erasure,
            topic: None,
            ends: (record.status().is_final() && !is_erasure).then_some(Ends::Final),
            emits,
            again: None,
        }
    }

    /// Writes the key whose change starts the notifier. If that fails or never happens, the timer of its queue starts
    /// it.
    pub(crate) async fn settled(&self) {
        if let Err(failure) = self.records.write_marker().await {
            eprintln!("The change marker could not be written: {failure}. The timer will wake the notifier.");
        }
    }
}

/// What a later release wrote is left for that. It costs nothing, and nothing was done.
pub(crate) fn unread(id: &MessageId, error: &DecodeError) -> Failure {
    if !error.is_later() {
        return Failure::undecodable(error.to_string());
    }
    let id = CommandId::parse(id).map_or_else(|| id.escape_ascii().to_string(), |id| id.to_string());
    Failure::release([&id, ": ", &error.to_string()].concat())
}

/// The name of the order's present record, as the message was given out.
pub(crate) fn present(message: &Message) -> Result<Option<RecordName>, Failure> {
    let Some(head) = &message.head else { return Ok(None) };
    match RecordName::parse(head) {
        Some(name) => Ok(Some(name)),
        None if RecordName::may_be_later(head) => {
            let head = String::from_utf8_lossy(head);
            Err(Failure::release(["its record ", &head, " is of a change that only a newer build knows"].concat()))
        }
        None => Err(Failure::undecodable(format!("its head is no version: {:?}", &**head))),
    }
}

/// Whether a provider has to move money for the order, if there is one.
pub(crate) fn moves_money(order: &NewOrder) -> bool {
    order.total() != Money::ZERO && order.means() != Some(&Means::Later)
}

/// A failed call to the queue: Redis is in trouble, or something is wrong with this order.
pub(crate) fn queue_failed(what: &str, error: &queue::Error) -> Failure {
    let reason = format!("{what}: {error}");
    if error.is_trouble() { Failure::release(reason) } else { Failure::retry(reason) }
}
