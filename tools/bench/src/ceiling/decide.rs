//! One order, natively: hold its stock, decide it, write its record.

use std::collections::BTreeMap;
use std::time::Duration;

use order::{Command, Finding, NewOrder, Payment, Placed, Record, RecordName, event, queues};
use queue::native::Native;
use queue::{Class, Effects, Emit, Failure, Handler, Hold, HoldRequest, Joined, Message, Queue};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult};
use tokio::sync::Notify;

use crate::native::now;

/// Decides orders, a batch at a time.
pub(crate) struct Decider<'a> {
    pub(crate) queue: Queue<'a, Native>,
    pub(crate) holds: Joined<HoldRequest, Hold>,
    pub(crate) store: MultiplexedConnection,
    pub(crate) changed: &'a Notify,
}

impl Handler for Decider<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        self.decide(message).await.map_err(Failure::retry)
    }

    async fn buried(&self, _message: &Message, _class: Class, _reason: &str) -> Effects {
        Effects::default()
    }

    fn log(&self, _line: &str) {}

    async fn settled(&self) {
        self.changed.notify_one();
    }
}

impl Decider<'_> {
    async fn decide(&self, message: &Message) -> Result<Effects, String> {
        let placed = placed(&message.payload).map_err(|error| error.to_string())?;
        let request = HoldRequest::new(message, &terms(), wanted(&placed.order));
        let hold = async |requests: &[HoldRequest]| self.queue.hold_together(requests).await;
        let hold = self.holds.ask(request, hold).await;
        match hold.map_err(|error| error.to_string())? {
            Hold::Held { .. } => {}
            other => return Err(format!("without any stock entry, stock is {other:?}")),
        }
        let (record, head) = decided(placed, message);
        let written: RedisResult<()> = self.store.clone().set(head.key(record.id()), record.to_json()).await;
        written.map_err(|error| error.to_string())?;
        Ok(effects(&record, head))
    }
}

/// The order in a message. There are no others here.
pub(crate) fn placed(payload: &[u8]) -> anyhow::Result<Placed> {
    match Command::decode(payload)? {
        Command::Decide(placed) => Ok(*placed),
        Command::Change(_) => anyhow::bail!("nobody has asked for a change"),
    }
}

/// Any article can be had, and nobody is asked to pay.
pub(crate) fn terms() -> queue::Terms<'static> {
    queue::Terms { untracked: queue::Untracked::Allow, recall: "".into(), asks: "", refuses: false, waits: false }
}

/// What an order wants of each article.
pub(crate) fn wanted(order: &NewOrder) -> BTreeMap<&str, u64> {
    let mut wanted = BTreeMap::new();
    for line in order.lines() {
        *wanted.entry(line.sku.as_str()).or_default() += u64::from(line.quantity.get());
    }
    wanted
}

/// The record of an order whose stock is held.
pub(crate) fn decided(placed: Placed, message: &Message) -> (Record, RecordName) {
    let record = order::decide(placed, &Finding::Good(Payment::None), now());
    let head = RecordName::of(&record, None, message.delivery);
    (record, head)
}

/// What follows from an order's end, as in the processor.
pub(crate) fn effects(record: &Record, head: RecordName) -> Effects {
    let change = Emit {
        queue: queues::CHANGES.to_owned(),
        id: event::id(&record.id(), record.version()).into(),
        payload: event::to_json(record, None).into(),
        log: true,
        after: Duration::ZERO,
    };
    Effects {
        head: Some(head.to_string().into()),
        counter: Some(format!("orders:{}", record.status())),
        emits: vec![change],
        ..Effects::default()
    }
}
