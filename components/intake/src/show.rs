//! `GET /orders/{id}`: where an order is, and what became of it.

use access::Role;
use guest::{Caller, Problem, Response};
use order::{ChangeKind, Command, OrderId, OrderJson, Pending, Timestamp, Waiting};
use queue::{Discarded, MessageState};

use crate::answer;
use crate::context::Context;
use crate::find::{self, Lookup};

pub(crate) async fn show(id: &str, caller: &Caller) -> Result<Response, Problem> {
    let id = find::order_id(id)?;
    let lookup = find::look_up(&*Context::get().await?, id, caller).await?;
    Ok(answer::found(masked(told(id, lookup, caller)?, caller)))
}

/// The order as callers of this role see it, but for what is masked.
pub(crate) fn told(id: OrderId, lookup: Lookup, caller: &Caller) -> Result<OrderJson, Problem> {
    let Lookup { now, own, fulfil, cancel, erase, stored } = lookup;
    let order = match stored {
        // What the one wrote who settled its payment by hand is not for the shop.
        Some(stored) if caller.role == Role::Shop => stored.into_json()?.without_words(),
        Some(stored) => stored.into_json()?,
        None => undecided(id, own.as_ref(), now)?,
    };
    let changes = [(ChangeKind::Fulfil, &fulfil), (ChangeKind::Cancel, &cancel), (ChangeKind::Erase, &erase)];
    let pending: Vec<_> = changes.into_iter().filter_map(|(change, state)| pending(change, state.as_ref()?)).collect();
    Ok(order.with_pending(&pending))
}

/// The same without what the caller may not see.
pub(crate) fn masked(order: OrderJson, caller: &Caller) -> OrderJson {
    if caller.role == Role::Viewer { order.with_masked_email() } else { order }
}

/// A change that was asked for, unless nobody will make it.
fn pending(change: ChangeKind, state: &MessageState) -> Option<Pending> {
    match state {
        MessageState::Queued { .. } => Some(Pending::queued(change)),
        MessageState::Dead { .. } => Some(Pending::given_up(change)),
        MessageState::Discarded(_) => None,
    }
}

/// The JSON of an order that has no record.
fn undecided(id: OrderId, own: Option<&MessageState>, now: u64) -> Result<OrderJson, Problem> {
    match own {
        Some(MessageState::Queued { payload }) => {
            Ok(waiting(id, payload, Waiting::Queued { now: Timestamp::from_ms(now) }))
        }
        Some(MessageState::Dead { payload, .. }) => Ok(waiting(id, payload, Waiting::NeedsAttention)),
        Some(MessageState::Discarded(record)) => Ok(discarded(id, record)),
        None => Err(Problem::NoSuchOrder),
    }
}

/// The JSON of an order that a person gave up.
pub(crate) fn discarded(id: OrderId, record: &Discarded) -> OrderJson {
    OrderJson::discarded(id, record.redacted.map(Timestamp::from_ms))
}

/// The JSON of an order that waits in this message. The processor will find an unreadable message so too: it leaves one
/// of a later release where it is, and buries any other for a person to see.
fn waiting(id: OrderId, payload: &[u8], why: Waiting) -> OrderJson {
    match Command::decode(payload) {
        Ok(Command::Decide(placed)) => placed.waiting(why),
        Err(error) if error.is_later() => OrderJson::unread(id, why),
        Ok(Command::Change(_)) | Err(_) => OrderJson::unread(id, Waiting::NeedsAttention),
    }
}
