//! Whether events wait for an endpoint that nobody serves.

use guest::{Endpoint, Redis};
use queue::{Error, Queue, Subscriber};

/// Names the endpoints for which events wait and that no host knows any more. `None`: there are none.
pub(crate) async fn unknown(changes: &Queue<'_, Redis>, known: &[Endpoint]) -> Result<Option<String>, Error> {
    let is_known = |subscriber: &Subscriber| known.iter().any(|endpoint| endpoint.name == subscriber.lane);
    let subscribers = changes.subscribers().await?;
    let unknown = subscribers.iter().filter(|it| it.waiting > 0 && it.is_unnamed() && !is_known(it));
    let told: Vec<_> = unknown
        .map(|Subscriber { lane, waiting, .. }| {
            format!(
                "Events wait for the endpoint {lane}, which no host knows: {waiting}. Name it in the variable webhooks, \
                 or remove it with its events by DELETE /endpoints/{lane}."
            )
        })
        .collect();
    Ok(Some(told.join(" ")).filter(|told| !told.is_empty()))
}
