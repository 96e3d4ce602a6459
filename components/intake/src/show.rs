//! `GET /orders/{id}`: where an order is, and what became of it.

use std::time::Duration;

use guest::{Answer, within};
use order::{Head, OrderId, Placed, Timestamp, Waiting};
use queue::{Place, Whereabouts};
use spin_sdk::key_value::Store;

use crate::answer;
use crate::context::Context;
use crate::problem::Problem;

/// How long the store may take for one record.
const STORE_DEADLINE: Duration = Duration::from_secs(2);

pub(crate) async fn show(id: &str) -> Result<Answer, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::NotFound)?;
    let context = Context::get().await?;
    let whereabouts = context.placed().find(id.as_bytes()).await;
    let whereabouts = whereabouts.map_err(|error| unavailable(error.to_string()))?;
    let Whereabouts { now, head, place } = whereabouts;
    match place {
        _ if !head.is_empty() => record(id, &head).await,
        Some(Place::Queue { payload }) => Ok(waiting(id, &payload, Waiting::Queued { now: Timestamp::from_ms(now) })),
        Some(Place::Dead { payload, why }) => {
            Ok(waiting(id, &payload, Waiting::NeedsAttention { reason: &why.reason }))
        }
        Some(Place::Discarded(discarded)) => Ok(answer::found(order::unreadable(id, "discarded", &discarded.why))),
        None => Err(Problem::NotFound),
    }
}

/// The bytes of the store are the answer: a record is written once and never changed.
async fn record(id: OrderId, head: &[u8]) -> Result<Answer, Problem> {
    let head =
        Head::parse(head).ok_or_else(|| unavailable(format!("the head of the order is no version: {head:?}")))?;
    let read = async {
        let store = Store::open_default().await?;
        store.get(head.key(id)).await
    };
    match within(STORE_DEADLINE, read).await {
        Some(Ok(Some(record))) => Ok(answer::found(record)),
        Some(Ok(None)) => Err(unavailable("the store has lost the record of this order".to_owned())),
        Some(Err(error)) => Err(unavailable(format!("the store failed: {error}"))),
        None => Err(unavailable(format!("the store did not answer within {} s", STORE_DEADLINE.as_secs()))),
    }
}

/// What can't be read will be found so by the processor, and needs a person.
fn waiting(id: OrderId, payload: &[u8], state: Waiting<'_>) -> Answer {
    answer::found(match Placed::decode(payload) {
        Ok(placed) => placed.waiting(state),
        Err(error) => order::unreadable(id, "needs_attention", &error.to_string()),
    })
}

fn unavailable(detail: String) -> Problem {
    Problem::Unavailable { detail }
}
