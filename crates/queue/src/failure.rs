//! The failure of a handler, and whether another attempt may help.

use std::time::Duration;

use crate::message::Emit;
use crate::reason::one_line;
use crate::settle::Class;

/// Why a delivery was not handled, and whether its message is tried again. The handler must choose: nothing is inferred
/// from a stray error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may succeed. This one is spent. After the last attempt the message is buried.
    Retry {
        /// Why it failed, for the history and for the person who finds the dead letter.
        reason: String,
        /// The shortest wait before the next attempt. The backoff may wait longer.
        at_least: Duration,
    },
    /// What surrounds the handler failed: Redis, the store, the setup, or a build that is too old. The message is
    /// given back and spends nothing. It is visible again after a wait that grows with each time.
    Release {
        /// Why, for the log and the history.
        reason: String,
        /// The shortest wait. See [`Timing::given_back`](crate::Timing::given_back) for the others.
        after: Duration,
    },
    /// There is no [place](crate::Places) at its partner. Nothing was done but to see to what earlier deliveries left
    /// behind. The message is given back and spends nothing, and a claim that has a place gives it.
    Throttle {
        /// Messages for other queues.
        emits: Vec<Emit>,
    },
    /// No attempt will succeed. The message becomes a dead letter at once.
    Bury {
        /// Kind of reason.
        class: Class,
        /// The reason, for a person.
        reason: String,
    },
}

impl Failure {
    /// Another attempt may succeed, as soon as the backoff allows.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::retry_after(reason, None)
    }

    /// Another attempt may succeed, but not before `wait` is over, if the other side named a wait.
    pub fn retry_after(reason: impl Into<String>, wait: Option<Duration>) -> Self {
        Self::Retry { reason: reason.into(), at_least: wait.unwrap_or_default() }
    }

    /// It isn't the message's fault: it is given back, and spends nothing.
    pub fn release(reason: impl Into<String>) -> Self {
        Self::Release { reason: reason.into(), after: Duration::ZERO }
    }

    /// The same attempt would get the same answer.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Bury { class: Class::Permanent, reason: reason.into() }
    }

    /// The message can't be read.
    pub fn undecodable(reason: impl Into<String>) -> Self {
        Self::Bury { class: Class::Undecodable, reason: reason.into() }
    }

    /// The same, with a reason that fits wherever it will stand.
    pub(crate) fn in_one_line(mut self) -> Self {
        if let Self::Retry { reason, .. } | Self::Release { reason, .. } | Self::Bury { reason, .. } = &mut self {
            *reason = one_line(reason);
        }
        self
    }
}
