//! `GET /orders/{id}`: where an order is, and what became of it.

use guest::Answer;
use order::command::message_id;
use order::{Command, Move, OrderId, Pending, Timestamp, Waiting};
use queue::{Place, Whereabouts};

use crate::context::Context;
use crate::problem::Problem;
use crate::{answer, store};

/// What can still be wanted of an order. They are shown in this order.
const CHANGES: [Move; 2] = [Move::Fulfil, Move::Cancel];

/// How often a record is looked for that a head points to: the order may move on between the two.
const TRIES: usize = 3;

pub(crate) async fn show(id: &str) -> Result<Answer, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::NotFound)?;
    let context = Context::get().await?;
    for _ in 0..TRIES {
        let found = find(&context, &id).await?;
        let changes = pending(&found);
        let Some(head) = store::head(&found.head)? else {
            return undecided(id, &found, &changes);
        };
        // The bytes of the store are the answer: a record is written once and never changed.
        if let Some(record) = store::read(id, head).await? {
            return Ok(answer::found(order::with_pending(record, &changes)));
        }
    }
    Err(store::unavailable("the store has lost the record of this order".to_owned()))
}

async fn find(context: &Context, id: &OrderId) -> Result<Whereabouts, Problem> {
    let [fulfil, cancel] = CHANGES.map(|wanted| message_id(id, wanted));
    Ok(context.placed().find(id.as_bytes(), &[id.as_bytes(), &fulfil, &cancel]).await?)
}

/// The changes that are wanted and not yet made.
fn pending(found: &Whereabouts) -> Vec<Pending<'_>> {
    let changes = CHANGES.into_iter().zip(&found.places[1..]);
    let changes = changes.filter_map(|(wanted, place)| match place {
        Some(Place::Queue { .. }) => Some(Pending::new(wanted, None)),
        Some(Place::Dead { why, .. }) => Some(Pending::new(wanted, Some(&why.reason))),
        Some(Place::Discarded(_)) | None => None,
    });
    changes.collect()
}

/// What is said of an order that has no record.
fn undecided(id: OrderId, found: &Whereabouts, changes: &[Pending<'_>]) -> Result<Answer, Problem> {
    let answer = match &found.places[0] {
        Some(Place::Queue { payload }) => waiting(id, payload, Waiting::Queued { now: Timestamp::from_ms(found.now) }),
        Some(Place::Dead { payload, why }) => waiting(id, payload, Waiting::NeedsAttention { reason: &why.reason }),
        Some(Place::Discarded(discarded)) => order::unreadable(id, "discarded", &discarded.why),
        None => return Err(Problem::NotFound),
    };
    Ok(answer::found(order::with_pending(answer, changes)))
}

/// What can't be read will be found so by the processor, and needs a person.
fn waiting(id: OrderId, payload: &[u8], state: Waiting<'_>) -> Vec<u8> {
    match Command::decode(payload) {
        Ok(Command::Place(placed)) => placed.waiting(state),
        Ok(Command::Change(_)) => order::unreadable(id, "needs_attention", "its message is not an order"),
        Err(error) => order::unreadable(id, "needs_attention", &error.to_string()),
    }
}
