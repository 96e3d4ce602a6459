//! The queues of the application.

/// Orders to process: [`Placed`](crate::Placed) messages.
pub const PLACED: &str = "placed";

/// Records that nobody will ever read again, by their key in the store: to be removed. A lane of [`PLACED`]. A later
/// release may put something else there, in JSON.
pub const SUPERSEDED: &str = "superseded";

/// Changes to tell: [events](crate::event).
pub const CHANGES: &str = "changes";

/// Whether this is the name of a queue or of one of its lanes.
#[must_use]
pub fn is_queue(name: &str) -> bool {
    [PLACED, CHANGES].contains(&name.split_once('.').map_or(name, |(queue, _)| queue))
}
