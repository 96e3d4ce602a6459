//! One order: from its message to its record and its event.

use std::time::Duration;

use guest::{now_ms, within};
use order::{Head, OrderId, Placed, Record, Timestamp, TraceParent, Version, event, queues};
use queue::{Class, Effects, Emit, Handler, Message, Outcome};
use spin_sdk::key_value::Store;

/// Decides orders and writes what became of them.
pub(crate) struct Decider {
    pub(crate) store: Store,
}

/// How long the store may take for one record.
const STORE_DEADLINE: Duration = Duration::from_secs(5);

impl Handler for Decider {
    async fn handle(&self, message: &Message) -> Outcome {
        let (placed, before) = match read(message) {
            Ok(read) => read,
            Err(reason) => return Outcome::Bury { class: Class::Undecodable, reason },
        };
        let trace = placed.trace.clone();
        let record = order::decide(placed, before, Timestamp::from_ms(now_ms()));
        let head = Head::of(&record, message.delivery);
        match self.write(&head.key(record.id()), &record).await {
            Ok(()) => Outcome::Done(effects(&record, head, trace.as_ref())),
            Err(reason) => Outcome::Retry { reason, at_least: Duration::ZERO },
        }
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
        Effects { head: None, counter, emits: event.into_iter().collect() }
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

impl Decider {
    /// Under a key that no one else writes, so a worker that comes back late overwrites nothing.
    async fn write(&self, key: &str, record: &Record) -> Result<(), String> {
        match within(STORE_DEADLINE, self.store.set(key, record.to_json())).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(format!("the store refused the record: {error}")),
            None => Err(format!("the store did not answer within {} s", STORE_DEADLINE.as_secs())),
        }
    }
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
    }
}
