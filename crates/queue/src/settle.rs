//! Settling deliveries and writing all their effects in one step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, Error};
use crate::limits::REASON_BYTES;
use crate::message::{Emit, Head, MessageId};
use crate::partner::Report;
use crate::queue::Queue;
use crate::script::{self, Arguments};

/// How a subject lets go of the units that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetGo {
    /// They go back into stock.
    Back,
    /// They are gone for good.
    Out,
}

/// What becomes of a subject that is settled for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It will not change any more. After a time it may be [forgotten](crate::Queue::expire).
    Final,
    /// Its head is forgotten.
    Forgotten,
}

/// The effects of a settled delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The new head of the message's subject.
    pub head: Option<Head>,
    /// A counter to add one to.
    pub counter: Option<String>,
    /// How the subject lets go of the units that it holds. `None`: it goes on holding them.
    pub stock: Option<LetGo>,
    /// Whether the dead letter of the subject's own message is removed, because it is moot now.
    pub clears: bool,
    /// Copies the message, as it is, to the lanes of its queue's subscribers to this topic.
    pub topic: Option<String>,
    /// What becomes of the message's subject. `None`: it goes on.
    pub ends: Option<Ends>,
    /// Messages for other queues.
    pub emits: Vec<Emit>,
    /// Has the message come again after this time, as it is, with all its attempts. Its subject is not decided yet:
    /// what it holds and whom it asked stay noted.
    pub again: Option<Duration>,
}

impl Effects {
    /// Adds one to a counter, and nothing else.
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
    /// Another attempt would fail the same way.
    Permanent,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message is handled and goes, unless its effects have it come [again](Effects::again).
    Done(Effects),
    /// An attempt is spent; visible again later.
    Retry {
        /// Not before this time has passed.
        after: Duration,
        /// For the history, which keeps its first 1024 bytes.
        reason: String,
        /// Messages for other queues.
        emits: Vec<Emit>,
    },
    /// It becomes a dead letter.
    Bury {
        /// Kind of reason.
        class: Class,
        /// The reason, for a person. Its first 1024 bytes are kept.
        reason: String,
        /// Its effects.
        effects: Effects,
    },
    /// Given back unhandled. Spends nothing.
    Release {
        /// Not before this time has passed.
        after: Duration,
        /// For the history, which keeps its first 1024 bytes and has one entry for all times.
        reason: String,
        /// Messages for other queues.
        emits: Vec<Emit>,
    },
    /// Thrown back, as there was no place at its partner. Spends nothing, and comes back for a place.
    Throttle {
        /// [Since](crate::Message::since) when it is visible: its place among those that wait.
        since: u64,
        /// Messages for other queues.
        emits: Vec<Emit>,
    },
}

/// A delivery with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The message.
    pub id: MessageId,
    /// The number of the delivery.
    pub delivery: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it found out about a partner.
    pub report: Option<Report>,
}

/// The settlement of a delivery by which a partner begins to fail for all, or answers again. Also marks what is emitted
/// only then.
pub(crate) const TURNED: u64 = 2;

/// Whether a worker has reached Redis at every try since its claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Contact {
    #[default]
    Kept,
    Lost,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Handler, Self::Crash, Self::Undecodable, Self::Permanent];

    /// As operators know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Crash => "crash",
            Self::Undecodable => "undecodable",
            Self::Permanent => "permanent",
        }
    }
}

impl<C: Connection> Queue<'_, C> {
    /// Settles deliveries, all in one step. Says for each whether it was still the latest. A delivery that wasn't
    /// changes nothing. After an error either all of them were settled or
    /// no one was. Calling again with the same is safe.
    pub async fn settle(&self, worker: &str, settlements: &[Settlement]) -> Result<Vec<bool>, Error> {
        let settled = self.settle_all(worker, Contact::Kept, settlements).await?;
        Ok(settled.into_iter().map(|latest| latest > 0).collect())
    }

    /// The same by a worker that says whether it missed Redis since it claimed them. What is late then is no crash.
    /// Gives [`TURNED`] for a delivery by which a partner turned, or else 1 or 0.
    pub(crate) async fn settle_all(
        &self,
        worker: &str,
        contact: Contact,
        settlements: &[Settlement],
    ) -> Result<Vec<u64>, Error> {
        let mut arguments = self
            .arguments(&script::SETTLE)
            .with("worker", worker)
            .with("guard_ms", self.timing.lease)
            .with("retention_ms", self.timing.log_retention)
            .with("cut_off", contact == Contact::Lost);
        for settlement in settlements {
            arguments = with_settlement(arguments, settlement);
        }
        let mut replies = self.run(arguments).await?;
        let mut settled = Vec::with_capacity(settlements.len());
        while !replies.is_empty() {
            settled.push(replies.number("latest")?);
        }
        Ok(settled)
    }
}

fn with_settlement(arguments: Arguments, settlement: &Settlement) -> Arguments {
    let Settlement { id, delivery, verdict, report } = settlement;
    let none = Effects::default();
    let Effects { head, counter, stock, clears, topic, ends, .. } = verdict.effects().unwrap_or(&none);
    let emits = verdict.emits();
    let stock = match stock {
        None => "",
        Some(LetGo::Back) => "back",
        Some(LetGo::Out) => "out",
    };
    let mut arguments = arguments
        .with("id", id)
        .with("delivery", *delivery)
        .with("verdict", verdict.name())
        .with("delay_ms", verdict.delay())
        .with("class", verdict.class().map_or("", Class::name))
        .with("reason", verdict.reason())
        .with("head", head.as_deref().unwrap_or_default())
        .with("counter", counter.as_deref().unwrap_or_default())
        .with("stock", stock)
        .with("since", verdict.since())
        .with("clears", *clears)
        .with("topic", topic.as_deref().unwrap_or_default())
        .with("ends", ends.map_or("", Ends::name));
    let (partner, showed, pause, why, news) = match report {
        Some(Report { partner, showed, pause, why, news }) => {
            (partner.as_str(), showed.name(), *pause, why.as_str(), news.as_ref())
        }
        None => ("", "", Duration::ZERO, "", None),
    };
    arguments = arguments.with("partner", partner).with("showed", showed).with("pause_ms", pause).with("why", why);
    arguments = arguments.with("emits", emits.len() + usize::from(news.is_some()));
    let emits = emits.iter().map(|emit| (emit, u64::from(emit.log)));
    for (Emit { queue, id, payload, after, .. }, log) in emits.chain(news.map(|news| (news, TURNED))) {
        arguments = arguments
            .with("target", queue.as_str())
            .with("event", id)
            .with("payload", payload)
            .with("log", log)
            .with("delay_ms", *after);
    }
    arguments
}

impl Ends {
    fn name(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Forgotten => "forgotten",
        }
    }
}

impl Verdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Done(Effects { again: Some(_), .. }) => "again",
            Self::Done(_) => "done",
            Self::Retry { .. } => "retry",
            Self::Bury { .. } => "bury",
            Self::Release { .. } => "release",
            Self::Throttle { .. } => "throttle",
        }
    }

    fn delay(&self) -> Duration {
        match self {
            Self::Retry { after, .. } | Self::Release { after, .. } => *after,
            Self::Done(effects) => effects.again.unwrap_or_default(),
            Self::Bury { .. } | Self::Throttle { .. } => Duration::ZERO,
        }
    }

    fn since(&self) -> u64 {
        match self {
            Self::Throttle { since, .. } => *since,
            _ => 0,
        }
    }

    fn class(&self) -> Option<Class> {
        match self {
            Self::Retry { .. } => Some(Class::Handler),
            Self::Bury { class, .. } => Some(*class),
            Self::Done(_) | Self::Release { .. } | Self::Throttle { .. } => None,
        }
    }

    /// As much of the reason as is kept.
    fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. } | Self::Bury { reason, .. } | Self::Release { reason, .. } => {
                &reason[..reason.floor_char_boundary(REASON_BYTES)]
            }
            Self::Done(_) | Self::Throttle { .. } => "",
        }
    }

    fn emits(&self) -> &[Emit] {
        match self {
            Self::Done(effects) | Self::Bury { effects, .. } => &effects.emits,
            Self::Retry { emits, .. } | Self::Release { emits, .. } | Self::Throttle { emits, .. } => emits,
        }
    }

    fn effects(&self) -> Option<&Effects> {
        match self {
            Self::Done(effects) | Self::Bury { effects, .. } => Some(effects),
            Self::Retry { .. } | Self::Release { .. } | Self::Throttle { .. } => None,
        }
    }
}
