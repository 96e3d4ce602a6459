//! The endpoints that Redis knows: listing them, and removing one that is retired.

use guest::{Problem, Redis, Response};
use order::Timestamp;
use order::desk::told::{EndpointList, Removed, ShownEndpoint};
use queue::{Queue, Subscriber, UNNAMED, Unsubscribed};

use crate::exchange::answer;

const _: () = assert!(UNNAMED.as_secs() == 60, "the text of `EndpointInUse` says so");

/// `GET`: each endpoint, and what waits for it.
pub(crate) async fn list(changes: &Queue<'_, Redis>) -> Result<Response, Problem> {
    let subscribers = changes.subscribers().await?;
    Ok(answer(&EndpointList { endpoints: subscribers.iter().map(shown).collect() }))
}

/// `DELETE`: the endpoint is gone with all that waits for it. An instance that still names it would bring it back.
pub(crate) async fn remove(changes: &Queue<'_, Redis>, name: &str) -> Result<Response, Problem> {
    match changes.unsubscribe(name).await? {
        Unsubscribed::Removed { waiting, dead } => Ok(answer(&Removed { removed: true, waiting, dead })),
        Unsubscribed::Unknown => Err(Problem::NothingAtTheDesk),
        Unsubscribed::StillNamed => Err(Problem::EndpointInUse),
    }
}

fn shown(subscriber: &Subscriber) -> ShownEndpoint<'_> {
    ShownEndpoint {
        name: &subscriber.lane,
        since: subscriber.named.map(|named| Timestamp::from_ms(named.since)),
        named_at: subscriber.named.map(|named| Timestamp::from_ms(named.last)),
        waiting: subscriber.waiting,
        dead: subscriber.dead,
    }
}
