//! What was promised: every order with all that its shop sent and read.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// One order of one shop, sent as often as the shop thought right.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    /// Unique among all orders, and in the order itself.
    pub(crate) reference: String,
    /// The order as it was sent.
    pub(crate) body: Value,
    /// A component traps on it.
    pub(crate) is_poison: bool,
    /// Each time that it was sent, in turn.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether its shop asked for its cancellation.
    pub(crate) regret: Regret,
}

/// What a shop asked and read about a cancellation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Regret {
    /// It didn't ask.
    #[default]
    None,
    /// It asked, and doesn't know.
    Asked,
    /// The cancellation was accepted.
    Accepted,
}

/// One time.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Since the beginning of the run.
    pub(crate) at: Duration,
    /// How long the answer, or its absence, took.
    pub(crate) took: Duration,
    /// To which host it was sent.
    pub(crate) host: &'static str,
    /// What came back.
    pub(crate) read: Read,
}

/// What a shop read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// 202.
    Accepted {
        /// The order's id.
        id: String,
        /// The answer says that it is one of before.
        replayed: bool,
    },
    /// Another answer.
    Refused {
        /// Its status.
        status: u16,
        /// Its text.
        text: String,
    },
    /// None.
    Nothing(String),
}

impl Posted {
    /// The ids in all 202s that were read.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.attempts.iter().filter_map(|attempt| match &attempt.read {
            Read::Accepted { id, .. } => Some(id.as_str()),
            Read::Refused { .. } | Read::Nothing(_) => None,
        })
    }

    /// The id, if a 202 was read.
    pub(crate) fn id(&self) -> Option<&str> {
        self.ids().next()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, took, host, read } = self;
        write!(f, "at {:.3} s to {host}, after {} ms: ", at.as_secs_f64(), took.as_millis())?;
        match read {
            Read::Accepted { id, replayed } => write!(f, "202 {id}{}", if *replayed { ", replayed" } else { "" }),
            Read::Refused { status, text } => write!(f, "{status} {text}"),
            Read::Nothing(why) => write!(f, "no answer: {why}"),
        }
    }
}
