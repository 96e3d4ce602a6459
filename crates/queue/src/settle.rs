//! Settling deliveries, with all that follows from them, in one step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connection::{Arg, Connection, Error};
use crate::queue::Queue;
use crate::script;

/// A message for another queue, written in the same step as the verdict that it follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// The queue or lane.
    pub queue: String,
    /// Unique there.
    pub id: Vec<u8>,
    /// Opaque.
    pub payload: Vec<u8>,
    /// Also append it to the log.
    pub log: bool,
    /// Visible after this time.
    pub after: Duration,
}

/// What becomes of the units that a subject holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetGo {
    /// They go back into stock.
    Back,
    /// They are gone for good.
    Out,
}

/// What a settled delivery brings about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The new head of the message's subject.
    pub head: Option<Vec<u8>>,
    /// A counter to add one to.
    pub counter: Option<String>,
    /// What becomes of what the message's subject holds. `None`: it goes on holding it.
    pub stock: Option<LetGo>,
    /// The dead letter of the subject's own message is moot, and goes.
    pub clears: bool,
    /// Messages for other queues.
    pub emits: Vec<Emit>,
}

impl Effects {
    /// Nothing but one more in a counter.
    pub fn counted(counter: &str) -> Self {
        Self { counter: Some(counter.to_owned()), ..Self::default() }
    }
}

/// The kind of reason for which a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Its handler failed as often as it may.
    Handler,
    /// Its worker died as often as it may.
    Crash,
    /// It can't be read.
    Undecodable,
    /// The answer won't change however often it is asked for.
    Permanent,
}

/// What is to become of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is handled and goes.
    Done(Effects),
    /// An attempt is spent; visible again later.
    Retry {
        /// Not before this time has passed.
        after: Duration,
        /// For the history, which keeps its first 1024 bytes.
        reason: String,
    },
    /// It becomes a dead letter.
    Bury {
        /// Kind of reason.
        class: Class,
        /// The reason, for a person. Its first 1024 bytes are kept.
        reason: String,
        /// What follows from it.
        effects: Effects,
    },
    /// Given back unhandled. Spends nothing.
    Release {
        /// Not before this time has passed.
        after: Duration,
    },
}

/// A delivery with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The message.
    pub id: Vec<u8>,
    /// The number of the delivery.
    pub delivery: u64,
    /// What is to become of it.
    pub verdict: Verdict,
}

/// The longest reason that is kept, in bytes. It may be a whole answer of somebody else's, and a history has 32 of them.
const LONGEST_REASON: usize = 1024;

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Crash => "crash",
            Self::Undecodable => "undecodable",
            Self::Permanent => "permanent",
        }
    }
}

impl<C: Connection> Queue<'_, C> {
    /// Settles deliveries, all in one step. Says for each whether it was still the latest; where it wasn't, nothing
    /// of it was done. After an error all or none were settled, and calling again with the same is safe.
    pub async fn settle(&self, worker: &str, settlements: &[Settlement]) -> Result<Vec<bool>, Error> {
        let mut arguments = vec![worker.into(), self.timing.lease.into(), self.timing.log_retention.into()];
        for settlement in settlements {
            arguments.extend(to_arguments(settlement));
        }
        self.run(&script::SETTLE, arguments).await?.flags()
    }
}

fn to_arguments(settlement: &Settlement) -> Vec<Arg> {
    let none = Effects::default();
    let (name, after, class, reason, effects) = match &settlement.verdict {
        Verdict::Done(effects) => ("done", Duration::ZERO, "", "", effects),
        Verdict::Retry { after, reason } => ("retry", *after, Class::Handler.name(), reason.as_str(), &none),
        Verdict::Bury { class, reason, effects } => ("bury", Duration::ZERO, class.name(), reason.as_str(), effects),
        Verdict::Release { after } => ("release", *after, "", "", &none),
    };
    let mut arguments = vec![
        settlement.id.as_slice().into(),
        settlement.delivery.into(),
        name.into(),
        after.into(),
        class.into(),
        reason[..reason.floor_char_boundary(LONGEST_REASON)].into(),
        effects.head.as_deref().unwrap_or_default().into(),
        effects.counter.as_deref().unwrap_or_default().into(),
        match effects.stock {
            None => "".into(),
            Some(LetGo::Back) => "back".into(),
            Some(LetGo::Out) => "out".into(),
        },
        effects.clears.into(),
        effects.emits.len().into(),
    ];
    for emit in &effects.emits {
        arguments.extend([
            emit.queue.as_str().into(),
            emit.id.as_slice().into(),
            emit.payload.as_slice().into(),
            emit.log.into(),
            emit.after.into(),
        ]);
    }
    arguments
}
