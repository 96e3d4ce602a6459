//! The queue's needs from outside: one connection to Redis, a clock to wait by, and randomness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An argument of a Redis command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arg {
    /// A number.
    Int(i64),
    /// Anything else.
    Bytes(Vec<u8>),
}

/// One element of a reply. Nested replies arrive as one flat list, as they do in Spin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A status, such as `OK`.
    Status(String),
    /// A number.
    Int(i64),
    /// A bulk string.
    Bytes(Vec<u8>),
}

/// Why a verb of the queue failed. It may have taken effect all the same, unless no connection could be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be opened.
    #[error("Redis can't be reached: {0}")]
    Unreachable(String),
    /// Redis answered with an error such as `OOM` or `READONLY`, or the connection broke. Spin tells both as one text.
    #[error("Redis failed: {0}")]
    Failed(String),
    /// Redis is connected but silent.
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// A reply that no version of our scripts gives.
    #[error("unexpected reply to {script}: {detail}")]
    Unexpected {
        /// The script that was called.
        script: &'static str,
        /// What was wrong with its reply.
        detail: String,
    },
}

/// What Redis says inside a script where it refuses to write at all, or refuses this user, and so not for what the
/// script is about. Client libraries rename the codes, but keep the server's sentences.
const REFUSALS: [&str; 6] = [
    "maxmemory",
    "MISCONF",
    "read only replica",
    "enough good replicas",
    "this user may not",
    "executing the script can't",
];

impl Error {
    /// Whether Redis or the way to it is in trouble. When that is over, the same call may succeed. Otherwise a script
    /// failed for what it found.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Failed(words) => {
                !words.contains("@user_script") || REFUSALS.iter().any(|refusal| words.contains(refusal))
            }
            Self::Unexpected { .. } => false,
        }
    }
}

/// One connection to Redis. Calls made while another waits are pipelined or queued, never mixed up.
#[expect(async_fn_in_trait, reason = "components are single-threaded, so no Send bound is wanted")]
pub trait Connection {
    /// Runs one command. A nested reply comes back as one flat list.
    async fn execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error>;

    /// What the caller's own clock shows, in ms since 1970. Scripts compare it with Redis's, which may be set.
    fn clock_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    }
}

/// Waiting and chance, given from outside so that the queue itself stays deterministic.
#[expect(async_fn_in_trait, reason = "components are single-threaded, so no Send bound is wanted")]
pub trait Runtime {
    /// Time passed since some fixed instant. Never goes back.
    fn elapsed(&self) -> Duration;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
    /// 64 random bits.
    fn random(&self) -> u64;
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Arg {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        // Redis numbers are signed; ours count things and milliseconds and never come near the limit.
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Arg {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<Duration> for Arg {
    /// In milliseconds.
    fn from(duration: Duration) -> Self {
        Self::from(duration.as_millis() as u64)
    }
}
