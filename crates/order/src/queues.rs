//! The queues of the application.

/// Orders to process: [`Placed`](crate::Placed) messages.
pub const PLACED: &str = "placed";

/// Changes to tell: [events](crate::event).
pub const CHANGES: &str = "changes";

/// Whether this is the name of a queue or of a lane of [`CHANGES`].
#[must_use]
pub fn is_queue(name: &str) -> bool {
    name == PLACED || name == CHANGES || name.strip_prefix(CHANGES).is_some_and(|lane| lane.starts_with('.'))
}
