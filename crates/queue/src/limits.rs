//! What is kept of what others say, and why no more.

/// Bytes of a reason. It may be a whole answer of somebody else's. It stands in the event to each endpoint, in the log,
/// in the dead letter and up to 32 times in its history.
pub const REASON_BYTES: usize = 1024;
