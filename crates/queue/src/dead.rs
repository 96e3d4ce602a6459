//! Dead letters: seeing them, and sending them again.

use serde::Deserialize;

use crate::connection::{Arg, Connection, Error};
use crate::queue::Queue;
use crate::script;
use crate::settle::Class;

/// A message that was given up, with all that is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message.
    pub id: Vec<u8>,
    /// When it was buried, in ms since the epoch by Redis's clock.
    pub buried_at: u64,
    /// Why.
    pub why: Why,
    /// What went wrong before, oldest first; the last 32.
    pub history: Vec<Incident>,
    /// The bytes that were sent, unchanged.
    pub payload: Vec<u8>,
}

/// Why a message was buried.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Why {
    /// Kind of reason.
    pub class: Class,
    /// The reason, for a person.
    pub reason: String,
    /// How often the message was handed out in all.
    pub deliveries: u64,
    /// Attempts that a handler failed.
    pub failures: u32,
    /// Deliveries that were never settled.
    pub crashes: u32,
}

/// One thing that went wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Incident {
    /// When, in ms since the epoch by Redis's clock.
    pub at: u64,
    /// In which delivery.
    pub delivery: u64,
    /// What kind of thing.
    pub kind: Class,
    /// The reason, for a person. A crash leaves none.
    pub reason: Option<String>,
    /// Which worker had the message.
    pub worker: String,
}

impl<C: Connection> Queue<'_, C> {
    /// Lists dead letters, oldest first.
    pub async fn dead_letters(&self, offset: usize, most: usize) -> Result<Vec<DeadLetter>, Error> {
        let mut replies = self.run(&script::DEAD, vec![offset.into(), most.into()]).await?;
        let mut letters = Vec::new();
        while !replies.is_empty() {
            letters.push(DeadLetter {
                id: replies.bytes()?,
                buried_at: replies.number()?,
                why: replies.json()?,
                history: replies.json()?,
                payload: replies.bytes()?,
            });
        }
        Ok(letters)
    }

    /// Sends dead letters back into the queue with new attempts. Says for each id whether it was one.
    pub async fn redrive(&self, ids: &[&[u8]]) -> Result<Vec<bool>, Error> {
        let mut arguments = Vec::from(self.wake());
        arguments.extend(ids.iter().map(|id| Arg::from(*id)));
        self.run(&script::REDRIVE, arguments).await?.flags()
    }

    /// Sends the oldest `most` dead letters back, of one class or of all, `per_second` of them (0: all at once). Says how
    /// many there were to send.
    pub async fn redrive_some(&self, class: Option<Class>, per_second: u32, most: usize) -> Result<u64, Error> {
        let [bell, guard] = self.wake();
        let class = class.map_or("", Class::name);
        let arguments = vec![bell, guard, class.into(), Arg::from(u64::from(per_second)), most.into()];
        self.run(&script::REDRIVE_SOME, arguments).await?.number()
    }

    /// Gives a dead letter up for good, and keeps who did it and why. Says whether it was one.
    pub async fn discard(&self, id: &[u8], by: &str, why: &str) -> Result<bool, Error> {
        self.run(&script::DISCARD, vec![id.into(), by.into(), why.into()]).await?.flag()
    }
}

/// A dead letter that a person gave up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discarded {
    /// When, in ms since the epoch by Redis's clock.
    pub at: u64,
    /// Who.
    pub by: String,
    /// Their reason.
    pub why: String,
}
