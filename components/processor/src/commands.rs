//! One message of the queue `placed`: from the command in it to the order's new record and its event.

use std::time::Duration;

use guest::{Redis, now_ms};
use order::event::GivenUp;
use order::{
    CHANGE_MARKER, Command, Head, Move, OrderId, Record, Timestamp, TraceParent, Version, command, event, queues,
};
use queue::{Effects, Emit, Failure, LetGo, Message, Queue};

use crate::payments::Payments;
use crate::records::Records;

/// Works off commands, and writes what became of their orders.
pub(crate) struct Commands<'a> {
    pub(crate) queue: Queue<'a, Redis>,
    pub(crate) records: &'a Records,
    /// `None`: no payment is asked for.
    pub(crate) payments: Option<Payments>,
    /// Articles without a stock entry count as sold out.
    pub(crate) refuse_untracked: bool,
}

/// A record that was written, and what follows from it.
pub(crate) struct Moved<'a> {
    pub(crate) record: &'a Record,
    pub(crate) head: Head,
    /// The head before, whose record is superseded now.
    pub(crate) before: Option<Head>,
    pub(crate) stock: Option<LetGo>,
    pub(crate) trace: Option<&'a TraceParent>,
}

impl Commands<'_> {
    pub(crate) async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match Command::decode(&message.payload).map_err(|error| Failure::undecodable(error.to_string()))? {
            Command::Place(placed) => self.place(message, *placed).await,
            Command::Change(change) => self.change(message, change).await,
        }
    }

    /// Support is told. The event is made from the ids, since the payload may be what can't be read; only the trace is of it.
    pub(crate) fn buried(&self, message: &Message, reason: &str) -> Effects {
        let counted = Effects::counted("orders:needs_attention");
        let Some(order) = OrderId::from_slice(&message.subject) else { return counted };
        let wanted = wanted(message, order);
        let written = head(message).ok().map(|before| Head {
            version: before.map_or(Version::NONE, |before| before.version).next(),
            wanted,
            delivery: message.delivery + 1,
        });
        let given_up = GivenUp { order, change: wanted, delivery: message.delivery, reason };
        let command = Command::decode(&message.payload).ok();
        let trace = command.as_ref().and_then(Command::trace);
        let told = Emit {
            queue: queues::CHANGES.to_owned(),
            id: event::attention_id(&order, wanted, message.delivery).into_bytes(),
            payload: event::attention(&given_up, trace, Timestamp::from_ms(now_ms())),
            log: true,
            after: Duration::ZERO,
        };
        let superseded = written.iter().flat_map(|next| next.earlier()).map(|head| self.superseded(order, head));
        Effects { emits: std::iter::once(told).chain(superseded).collect(), ..counted }
    }

    fn superseded(&self, order: OrderId, head: Head) -> Emit {
        self.records.superseded(&head.key(order))
    }

    /// What follows from a record that was written: it is the order's present one, its event exists, and what nobody will
    /// read any more is removed later.
    pub(crate) fn effects(&self, moved: &Moved<'_>) -> Effects {
        let Moved { record, head, before, stock, trace } = moved;
        let change = Emit {
            queue: queues::CHANGES.to_owned(),
            id: event::id(&record.id(), record.version()).into_bytes(),
            payload: event::to_json(record, *trace),
            log: true,
            after: Duration::ZERO,
        };
        let superseded = before.iter().copied().chain(head.earlier());
        let superseded = superseded.map(|head| self.superseded(record.id(), head));
        Effects {
            head: Some(head.to_string().into_bytes()),
            counter: Some(format!("orders:{}", record.status())),
            stock: *stock,
            clears: head.wanted.is_some(),
            emits: std::iter::once(change).chain(superseded).collect(),
        }
    }

    /// Writes the key whose change starts the notifier. If that fails or never happens, the timer of its queue starts it.
    pub(crate) async fn settled(&self) {
        if let Err(failure) = self.records.write(CHANGE_MARKER, now_ms().to_string().into_bytes()).await {
            eprintln!("The change marker could not be written: {failure}. The timer will wake the notifier.");
        }
    }
}

/// What a message asks for, by its id; `None` for the order's own message.
fn wanted(message: &Message, order: OrderId) -> Option<Move> {
    Move::ALL.into_iter().find(|wanted| message.id == command::message_id(&order, *wanted))
}

/// The order's present record, as the message was given out.
pub(crate) fn head(message: &Message) -> Result<Option<Head>, Failure> {
    match message.head.as_slice() {
        [] => Ok(None),
        head => {
            let head =
                Head::parse(head).ok_or_else(|| Failure::undecodable(format!("its head is no version: {head:?}")));
            head.map(Some)
        }
    }
}

/// The order moved on otherwise meanwhile, and that stands.
pub(crate) fn unchanged() -> Effects {
    Effects::counted("orders:unchanged")
}
