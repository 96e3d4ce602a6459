//! The queues of the application.

/// Orders to process: [`Placed`](crate::Placed) messages.
pub const PLACED: &str = "placed";

/// Changes to tell: [events](crate::event).
pub const CHANGES: &str = "changes";
