//! The queues of the application.

/// Orders to process: [`Placed`](crate::Placed) messages.
pub const PLACED: &str = "placed";

/// What is to be done later. A lane of [`PLACED`]. Records that nobody will ever read again are to be removed: a
/// message is their key in the store. Or it is one of the words below. A later release may put something else there, in
/// JSON.
pub const SUPERSEDED: &str = "superseded";

/// The queue of that lane.
pub const PLACED_SUPERSEDED: &str = "placed.superseded";

/// The message under an order's own id that looks whether the order's payment is still only authorized.
pub const REMINDER: &str = r#"{"remind":true}"#;

/// The message under an order's own id that has the order removed, which ended long ago.
pub const EXPIRED: &str = r#"{"expired":true}"#;

/// The message under the id of an order's erasure that takes the customer out of what was told of the order before.
pub const PURGE: &str = r#"{"purge":true}"#;

/// Changes to tell: [events](crate::event).
pub const CHANGES: &str = "changes";

/// Whether this is the name of a queue or of one of its lanes.
#[must_use]
pub fn is_queue(name: &str) -> bool {
    [PLACED, CHANGES].contains(&name.split_once('.').map_or(name, |(queue, _)| queue))
}
