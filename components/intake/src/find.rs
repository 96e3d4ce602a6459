//! Looking an order up: what the queue knows of its messages, and its present record in the store.

use std::time::Duration;

use access::CallerName;
use futures::future::join_all;
use guest::{Caller, Problem, within};
use order::{ChangeKind, Command, CommandId, OrderId, OrderJson, RecordError, RecordName, Standing, State};
use queue::{Found, Head, MessageId, MessageState, Subject};
use spin_sdk::key_value::Store;

use crate::context::Context;

/// How long the store may take for one record.
const STORE_DEADLINE: Duration = Duration::from_secs(2);

/// How often a record is looked for: the order may move on after its head was read.
const TRIES: usize = 3;

/// An order as the queue and the store know it. A message that was handled, or never sent, is `None`.
pub(crate) struct Lookup {
    /// Redis's time in ms since the epoch.
    pub(crate) now: u64,
    /// The order's own message.
    pub(crate) own: Option<MessageState>,
    /// The message that asks for each kind of change.
    pub(crate) fulfil: Option<MessageState>,
    pub(crate) cancel: Option<MessageState>,
    pub(crate) erase: Option<MessageState>,
    /// `None` while the order is undecided.
    pub(crate) stored: Option<StoredOrder>,
}

/// The bytes of an order's present record.
pub(crate) struct StoredOrder(Vec<u8>);

/// Reads the id in a path.
pub(crate) fn order_id(id: &str) -> Result<OrderId, Problem> {
    id.parse().map_err(|_| Problem::NoSuchOrder)
}

/// The order as a subject of the queue.
pub(crate) fn subject(order: OrderId) -> Subject {
    Subject::from(CommandId { order, change: None }.to_bytes())
}

/// Looks for an order's messages and for its record. For a shop, an order of another one is not there.
pub(crate) async fn look_up(context: &Context, order: OrderId, caller: &Caller) -> Result<Lookup, Problem> {
    let found = find(context, order).await?;
    match caller.sees_only() {
        Some(own) if found.shop()?.is_some_and(|shop| shop != *own) => Err(Problem::NoSuchOrder),
        _ => Ok(found),
    }
}

async fn find(context: &Context, order: OrderId) -> Result<Lookup, Problem> {
    let (subject, ids) = sought(order);
    for _ in 0..TRIES {
        let found = context.placed().find(&subject, ids.each_ref()).await.map_err(Problem::QueueFailed)?;
        if let Some(lookup) = with_record(order, found).await? {
            return lookup.unless_removed(order, context);
        }
    }
    Err(unreadable("the store has lost the record of this order"))
}

/// Looks up many orders, at most as many as one call may ask Redis for. Fails only if Redis can't be asked.
pub(crate) async fn find_each(context: &Context, orders: &[OrderId]) -> Result<Vec<Result<Lookup, Problem>>, Problem> {
    let subjects: Vec<_> = orders.iter().map(|order| sought(*order)).collect();
    let found = context.placed().find_all(&subjects).await.map_err(Problem::QueueFailed)?;
    let lookups = orders.iter().zip(found).map(async |(order, found)| match with_record(*order, found).await? {
        Some(lookup) => Ok(lookup),
        None => find(context, *order).await,
    });
    Ok(join_all(lookups).await)
}

/// What the queue is asked for an order.
fn sought(order: OrderId) -> (Subject, [MessageId; 4]) {
    let ids = [None, Some(ChangeKind::Fulfil), Some(ChangeKind::Cancel), Some(ChangeKind::Erase)];
    (subject(order), ids.map(|change| MessageId::from(CommandId { order, change }.to_bytes())))
}

/// What the queue found, with the order's record. `None`: the order has just moved on to another one.
async fn with_record(order: OrderId, found: Found<4>) -> Result<Option<Lookup>, Problem> {
    let Found { now, head, messages: [own, fulfil, cancel, erase] } = found;
    let stored = match &head {
        None => None,
        Some(head) => match read(order, record_name(head)?).await? {
            Some(record) => Some(StoredOrder(record)),
            None => return Ok(None),
        },
    };
    Ok(Some(Lookup { now, own, fulfil, cancel, erase, stored }))
}

impl Lookup {
    /// The same, unless nothing is there of an order that is older than orders are kept.
    fn unless_removed(self, order: OrderId, context: &Context) -> Result<Self, Problem> {
        let is_gone = self.own.is_none() && self.stored.is_none();
        match context.retention() {
            Some(kept) if is_gone && order.accepted_at().ms() + kept.as_millis() as u64 <= self.now => {
                Err(Problem::Removed { days: kept.as_secs() / 86_400 })
            }
            _ => Ok(self),
        }
    }

    /// Whose key brought the order, wherever that is noted now; nobody's, if it came before there were API keys.
    fn shop(&self) -> Result<Option<CallerName>, Problem> {
        if let Some(stored) = &self.stored {
            return Ok(stored.standing()?.shop);
        }
        match &self.own {
            Some(MessageState::Queued { payload } | MessageState::Dead { payload, .. }) => {
                match Command::decode(payload) {
                    Ok(Command::Decide(placed)) => Ok(placed.shop),
                    Err(error) if error.is_later() => Err(later(error.to_string())),
                    // Nobody can tell whose it was.
                    Ok(Command::Change(_)) | Err(_) => Err(Problem::NoSuchOrder),
                }
            }
            Some(MessageState::Discarded(discarded)) => Ok(discarded.owner.as_ref().and_then(|name| name.parse().ok())),
            None => Err(Problem::NoSuchOrder),
        }
    }

    /// Where the order stands.
    pub(crate) fn state(&self) -> Result<State, Problem> {
        match (&self.stored, &self.own) {
            (Some(stored), _) => Ok(State::Decided(stored.standing()?.status)),
            (None, Some(MessageState::Queued { .. })) => Ok(State::Queued),
            (None, Some(MessageState::Dead { .. })) => Ok(State::NeedsAttention),
            (None, Some(MessageState::Discarded(_))) => Ok(State::Discarded),
            (None, None) => Err(Problem::NoSuchOrder),
        }
    }
}

impl StoredOrder {
    pub(crate) fn standing(&self) -> Result<Standing, Problem> {
        Standing::from_json(&self.0).map_err(unread)
    }

    /// The bytes of the store are the answer: a record is written once and never changed.
    pub(crate) fn into_json(self) -> Result<OrderJson, Problem> {
        OrderJson::of_record(self.0).map_err(unread)
    }
}

fn record_name(head: &Head) -> Result<RecordName, Problem> {
    RecordName::parse(head).ok_or_else(|| match RecordName::may_be_later(head) {
        true => {
            later(["its head names a change that this build doesn't know: ", &String::from_utf8_lossy(head)].concat())
        }
        false => unreadable(format!("the head of the order is no version: {:?}", &**head)),
    })
}

/// The bytes of a record. `None`: it isn't there, which is so for a moment when the order has just moved on.
async fn read(order: OrderId, name: RecordName) -> Result<Option<Vec<u8>>, Problem> {
    let read = async {
        let store = Store::open_default().await?;
        store.get(name.key(order)).await
    };
    match within(STORE_DEADLINE, read).await {
        Some(Ok(record)) => Ok(record),
        Some(Err(error)) => Err(Problem::StoreFailed { why: format!("failed: {error}") }),
        None => {
            let why = format!("did not answer within {} s", STORE_DEADLINE.as_secs());
            Err(Problem::StoreFailed { why })
        }
    }
}

fn unread(error: RecordError) -> Problem {
    if error.is_later() { later(error.to_string()) } else { unreadable(error.to_string()) }
}

fn later(why: String) -> Problem {
    Problem::WrittenLater { why }
}

fn unreadable(why: impl Into<String>) -> Problem {
    Problem::RecordUnreadable { why: why.into() }
}
