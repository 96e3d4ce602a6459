//! Partners: servers that handlers ask for what can't be undone. One that fails for all is one incident. Then one
//! message at a time probes it, and the others wait in the queue and spend nothing.
//!
//! ```text
//!          it fails for five subjects, and answers none since
//!  asked ────────────────────────────────────────────────────► probed by one message at a time
//!    ▲                                                                     │
//!    └──────────────── a probe is answered: all go on ─────────────────────┘
//! ```
//!
//! Leave to ask comes with a [hold](Queue::hold), or from [`Queue::ask`]. What a delivery found out goes with its
//! settlement, in the same step as its verdict.

use std::time::Duration;

use crate::connection::{Connection, Error};
use crate::message::{Emit, Message};
use crate::queue::Queue;
use crate::script::replies::Replies;
use crate::script::{self, Arguments};

/// Whether a delivery may ask its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// As all others may.
    Free,
    /// It alone may.
    Probe {
        /// The partner fails for all since then, in ms since the epoch by Redis's clock.
        since: u64,
    },
    /// It may not now. Given back with [`Showed::Waits`], it comes back as soon as the partner answers.
    Waits,
}

/// What a delivery found out about a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The partner's name.
    pub partner: String,
    /// What was seen of it.
    pub showed: Showed,
    /// How it failed, for a person. Empty if it didn't.
    pub why: String,
    /// For how long it wants no request.
    pub pause: Duration,
    /// Emitted, and appended to the log, if the partner begins to fail for all by this, or answers again.
    pub news: Option<Emit>,
}

/// What was seen of a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showed {
    /// It answered this message, though perhaps with a no.
    Answered,
    /// It failed, and not for what it was asked.
    Failed,
    /// Nothing: there was no leave to ask it.
    Waits,
}

/// A partner, and whether it fails for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The partner's name.
    pub partner: String,
    /// Since when, in ms since the epoch by Redis's clock. `None`: it doesn't fail for all now.
    pub since: Option<u64>,
    /// How it failed last.
    pub why: String,
}

impl<C: Connection> Queue<'_, C> {
    /// Asks for leave to ask a partner. Calling again with the same is safe.
    pub async fn ask(&self, message: &Message, partner: &str) -> Result<Leave, Error> {
        let arguments = self.arguments(&script::ASK).with("id", &message.id).with("delivery", message.delivery);
        let mut replies = self.run(arguments.with("partner", partner)).await?;
        leave(&mut replies)
    }

    /// The partners that fail for all, and those that answered once.
    pub async fn interruptions(&self) -> Result<Vec<Interruption>, Error> {
        let mut replies: Replies = self.run(Arguments::new(&script::PARTNERS)).await?;
        let mut interruptions = Vec::new();
        while !replies.is_empty() {
            let (partner, since) =
                (replies.text("partner")?, Some(replies.number("since")?).filter(|since| *since > 0));
            interruptions.push(Interruption { partner, since, why: replies.text("why")? });
        }
        Ok(interruptions)
    }
}

/// Reads a leave.
pub(crate) fn leave(replies: &mut Replies) -> Result<Leave, Error> {
    Ok(match replies.number("leave")? {
        0 => Leave::Free,
        1 => Leave::Waits,
        since => Leave::Probe { since },
    })
}

impl Report {
    /// What the log is told of a partner that turned.
    pub(crate) fn line(&self) -> String {
        let Self { partner, showed, why, .. } = self;
        match showed {
            Showed::Failed => format!("{partner} fails for all: {why}. What needs it waits, and spends no attempt."),
            _ => format!("{partner} answers again. What waited for it goes on."),
        }
    }
}

impl Showed {
    /// As the script knows it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Waits => "waits",
        }
    }
}
