//! One order: from its message to its record and its event.

use std::collections::BTreeMap;
use std::time::Duration;

use guest::{Redis, now_ms, within};
use order::{Head, OrderId, Placed, Record, Shortage, Stock, Timestamp, TraceParent, Version, event, queues};
use queue::{Class, Effects, Emit, Handler, Hold, Message, Outcome, Queue};
use spin_sdk::key_value::Store;

/// Decides orders and writes what became of them.
pub(crate) struct Decider<'a> {
    pub(crate) queue: Queue<'a, Redis>,
    pub(crate) store: Store,
    /// Articles without a stock entry count as sold out.
    pub(crate) refuse_untracked: bool,
}

/// How long the store may take for one record.
const STORE_DEADLINE: Duration = Duration::from_secs(5);

impl Handler for Decider<'_> {
    async fn handle(&self, message: &Message) -> Outcome {
        let (placed, before) = match read(message) {
            Ok(read) => read,
            Err(reason) => return Outcome::Bury { class: Class::Undecodable, reason },
        };
        let decided = self.decide(message, placed, before).await;
        decided.unwrap_or_else(|reason| Outcome::Retry { reason, at_least: Duration::ZERO })
    }

    /// Support is told. The event is made from the id alone, since the payload may be what can't be read.
    fn buried(&self, message: &Message, _class: Class, reason: &str) -> Effects {
        let event = OrderId::from_slice(&message.id).map(|id| Emit {
            queue: queues::CHANGES.to_owned(),
            id: event::attention_id(&id, message.delivery).into_bytes(),
            payload: event::attention(&id, message.delivery, reason, Timestamp::from_ms(now_ms())),
            log: true,
        });
        let counter = Some("orders:needs_attention".to_owned());
        Effects { counter, emits: event.into_iter().collect(), ..Effects::default() }
    }

    /// Writes the key whose change starts the notifier. If that fails or never happens, the timer of its queue starts it.
    async fn settled(&self) {
        let write = self.store.set(order::CHANGE_MARKER, now_ms().to_string());
        match within(STORE_DEADLINE, write).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                eprintln!("The change marker could not be written: {error}. The timer will wake the notifier.")
            }
            None => eprintln!("The change marker could not be written in time. The timer will wake the notifier."),
        }
    }
}

impl Decider<'_> {
    /// Stock, record, verdict, in this order: what a crash leaves of it, the next delivery finds and goes on from. An
    /// error is worth another attempt.
    async fn decide(&self, message: &Message, placed: Placed, before: Version) -> Result<Outcome, String> {
        let stock = self.hold(message, &placed).await?;
        let trace = placed.trace.clone();
        let record = order::decide(placed, before, &stock, Timestamp::from_ms(now_ms()));
        let head = Head::of(&record, message.delivery);
        self.write(&head.key(record.id()), &record).await?;
        Ok(Outcome::Done(effects(&record, head, trace.as_ref())))
    }

    async fn hold(&self, message: &Message, placed: &Placed) -> Result<Stock, String> {
        let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
        for line in placed.order.lines() {
            *wanted.entry(line.sku.as_str()).or_default() += u64::from(line.quantity.get());
        }
        let hold = self.queue.hold(message, self.refuse_untracked, wanted).await;
        match hold.map_err(|error| format!("the stock can't be held: {error}"))? {
            Hold::Held => Ok(Stock::Held),
            Hold::Short(shortages) => Ok(Stock::Short(shortages.into_iter().map(shortage).collect())),
            // Its verdict will be refused as well.
            Hold::Late => Err("another worker has the order now".to_owned()),
        }
    }

    /// Under a key that no one else writes, so a worker that comes back late overwrites nothing.
    async fn write(&self, key: &str, record: &Record) -> Result<(), String> {
        match within(STORE_DEADLINE, self.store.set(key, record.to_json())).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(format!("the store refused the record: {error}")),
            None => Err(format!("the store did not answer within {} s", STORE_DEADLINE.as_secs())),
        }
    }
}

fn shortage(shortage: queue::Shortage) -> Shortage {
    Shortage { sku: shortage.item, wanted: shortage.wanted, left: shortage.left }
}

/// The order, and the version that it has so far.
fn read(message: &Message) -> Result<(Placed, Version), String> {
    let placed = Placed::decode(&message.payload).map_err(|error| error.to_string())?;
    let before = match message.head.as_slice() {
        [] => Version::NONE,
        head => Head::parse(head).ok_or_else(|| format!("its head is no version: {head:?}"))?.version,
    };
    Ok((placed, before))
}

fn effects(record: &Record, head: Head, trace: Option<&TraceParent>) -> Effects {
    let change = Emit {
        queue: queues::CHANGES.to_owned(),
        id: event::id(&record.id(), record.version()).into_bytes(),
        payload: event::to_json(record, trace),
        log: true,
    };
    Effects {
        head: Some(head.to_string().into_bytes()),
        counter: Some(format!("orders:{}", record.status())),
        emits: vec![change],
        ..Effects::default()
    }
}
