//! Most of what there may be, and why no more.

/// Bytes of a reason. It may be a whole answer of somebody else's. It stands in the event to each endpoint, in the log,
/// in the dead letter and up to 32 times in its history.
pub const REASON_BYTES: usize = 1024;

/// Messages of several senders that [share](crate::Together) a call, or that one call
/// [holds for](crate::Queue::hold_together). Everybody else waits for the script, which takes about 5 µs for each: a
/// third of a millisecond. It also bounds how many arguments a command has in Lua.
pub const TOGETHER: usize = 64;

/// Messages that one sender may have accepted by one call, or that one call lists or looks for.
pub const AT_ONCE: usize = 100;

/// Bytes of payload in a call that several senders share, unless one message alone has more: what Redis reads at once
/// from a connection is 16 KiB, and before the whole call has come it does nothing of it.
pub const TOGETHER_BYTES: usize = 256 * 1024;
