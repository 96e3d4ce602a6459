//! The queue of changes, from which the notifier tells the endpoints.

use std::time::Duration;

use order::queues;
use queue::Emit;

/// A message that tells the subscribers of an event.
pub(crate) fn tell(id: String, event: Vec<u8>) -> Emit {
    Emit {
        queue: queues::CHANGES.to_owned(),
        id: id.into_bytes().into(),
        payload: event.into(),
        log: true,
        after: Duration::ZERO,
    }
}
