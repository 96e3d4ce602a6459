//! Where an order stands, as a shop sees it: from the moment it is accepted, not only once it has a record.

use crate::command_id::ChangeKind;
use crate::life::{self, Move};
use crate::record::Status;
use serde::{Serialize, Serializer};
use std::fmt;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn or for its next attempt.
    Queued,
    /// It could not be processed, and lies in the dead letters until a person redrives it.
    NeedsAttention,
    /// A person gave its message up. Final.
    Discarded,
    /// It was decided: this is its record's status.
    Decided(Status),
}

/// A move that the order's state has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {present} can't be {}", participle(*.step))]
pub struct Illegal {
    /// Where the order stands.
    pub present: State,
    /// What was asked for.
    pub step: Move,
}

impl State {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Queued, Self::NeedsAttention, Self::Discarded].into_iter().chain(Status::ALL.map(Self::Decided))
    }

    /// The name that shops read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::NeedsAttention => "needs_attention",
            Self::Discarded => "discarded",
            Self::Decided(status) => status.as_str(),
        }
    }

    /// Says whether an order in this state can be changed so.
    ///
    /// # Errors
    /// [`Illegal`] where the [table](life::LIFE) has no such move, and for every move of a discarded order.
    pub fn allows(self, change: ChangeKind) -> Result<(), Illegal> {
        let Some(step) = change.step() else { return Ok(()) };
        let after = match self {
            Self::Queued | Self::NeedsAttention => life::next(None, step),
            Self::Discarded => None,
            Self::Decided(status) => life::next(Some(status), step),
        };
        after.map(drop).ok_or(Illegal { present: self, step })
    }
}

impl Status {
    /// Whether no move leads on from here.
    #[must_use]
    pub fn is_final(self) -> bool {
        !life::LIFE.iter().any(|(before, ..)| *before == Some(self))
    }

    /// The state that a move leads to.
    ///
    /// # Errors
    /// [`Illegal`] where the [table](life::LIFE) has no such move.
    pub fn after(self, step: Move) -> Result<Self, Illegal> {
        life::next(Some(self), step).ok_or(Illegal { present: State::Decided(self), step })
    }
}

fn participle(step: Move) -> &'static str {
    match step {
        Move::Pend => "pending",
        Move::Confirm => "confirmed",
        Move::Reject => "rejected",
        Move::Fulfil => "fulfilled",
        Move::Cancel => "cancelled",
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(State, crate::scalar_schema::words(State::all().map(State::as_str)));
