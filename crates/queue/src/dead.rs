//! Dead letters: listing, redriving and discarding them.

use std::num::NonZeroU32;

use serde::Deserialize;

use crate::connection::{Connection, Error};
use crate::message::{MessageId, Payload, Subject};
use crate::queue::Queue;
use crate::script;
use crate::settle::Class;

/// A message that was given up, with its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message.
    pub id: MessageId,
    /// When it was buried, in ms since the epoch by Redis's clock.
    pub buried_at: u64,
    /// Why.
    pub why: Why,
    /// What went wrong before, oldest first; the last 32.
    pub history: Vec<Incident>,
    /// The bytes that were sent, unchanged.
    pub payload: Payload,
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

/// How fast dead letters are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of them become visible now.
    AtOnce,
    /// So many become visible each second, together with those of earlier calls.
    PerSecond(NonZeroU32),
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
    /// The reason, for a person. A crash has no reason.
    pub reason: Option<String>,
    /// Which worker had the message.
    pub worker: String,
    /// How often the message was given back; 0 for what is no giving back. They share one entry: time, delivery and
    /// reason are those of the last. Its `kind` is one that release 0.1 can read.
    #[serde(default)]
    pub given_back: u64,
    /// When it was given back for the first time, in ms since the epoch by Redis's clock.
    pub since: Option<u64>,
}

impl<C: Connection> Queue<'_, C> {
    /// Lists dead letters, oldest first.
    pub async fn dead_letters(&self, offset: usize, most: usize) -> Result<Vec<DeadLetter>, Error> {
        let arguments = self.arguments(&script::DEAD).with("offset", offset).with("most", most);
        let mut replies = self.run(arguments).await?;
        let mut letters = Vec::new();
        while !replies.is_empty() {
            letters.push(DeadLetter {
                id: replies.bytes("id")?.into(),
                buried_at: replies.number("buried_at")?,
                why: replies.json("why")?,
                history: replies.json("history")?,
                payload: replies.bytes("payload")?.into(),
            });
        }
        Ok(letters)
    }

    /// Sends dead letters back into the queue with new attempts. Says for each id whether it was one.
    pub async fn redrive(&self, ids: &[MessageId]) -> Result<Vec<bool>, Error> {
        let mut arguments = self.waking(&script::REDRIVE);
        for id in ids {
            arguments = arguments.with("id", id);
        }
        self.run(arguments).await?.flags("was_dead")
    }

    /// Sends the oldest `most` dead letters back, of one class or of all. Says how many there were to send: fewer than
    /// `most` only if none is left. It looks at all letters if need be, some thousands in each call of Redis.
    pub async fn redrive_some(&self, class: Option<Class>, pace: Pace, most: usize) -> Result<u64, Error> {
        let per_second = match pace {
            Pace::AtOnce => 0,
            Pace::PerSecond(number) => u64::from(number.get()),
        };
        let most = most as u64;
        let (mut sent, mut after, mut after_ms) = (0, Vec::new(), Vec::new());
        loop {
            let arguments = self
                .waking(&script::REDRIVE_SOME)
                .with("class", class.map_or("", Class::name))
                .with("per_second", per_second)
                .with("most", most - sent)
                .with("after", after)
                .with("after_ms", after_ms);
            let mut replies = self.run(arguments).await?;
            sent += replies.number("sent")?;
            let more = replies.flag("more")?;
            if sent >= most || !more {
                return Ok(sent);
            }
            (after, after_ms) = (replies.bytes("after")?, replies.bytes("after_ms")?);
        }
    }

    /// Gives a dead letter up for good, and keeps who did it first, and why; and, if not empty, whose message it was.
    /// Calling again is safe. Says whether it is given up; if not, it is no dead letter.
    pub async fn discard(&self, id: &MessageId, by: &str, why: &str, owner: &str) -> Result<bool, Error> {
        let arguments =
            self.arguments(&script::DISCARD).with("id", id).with("by", by).with("why", why).with("owner", owner);
        self.run(arguments).await?.flag("is_discarded")
    }

    /// Sends a follow-up back with an addition, all in one step. `letter` is the follow-up, a dead letter or discarded;
    /// or its subject, a dead letter. Calling again is safe.
    pub async fn amend(&self, letter: &MessageId, amendment: Amendment<'_>) -> Result<Amended, Error> {
        let Amendment { id, subject, opening, mark, addition } = amendment;
        let arguments = self
            .waking(&script::AMEND)
            .with("letter", letter)
            .with("id", id)
            .with("subject", subject)
            .with("opening", opening)
            .with("mark", mark)
            .with("addition", addition);
        let mut replies = self.run(arguments).await?;
        match replies.text("verdict")?.as_str() {
            "sent" => Ok(Amended::Sent),
            "waiting" => Ok(Amended::Waiting),
            "unknown" => Ok(Amended::Unknown),
            _ => Err(replies.unexpected("verdict", "a known one")),
        }
    }
}

/// A follow-up that goes back with an addition to its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment<'a> {
    /// The follow-up. It recalls its subject.
    pub id: MessageId,
    /// The message that it follows.
    pub subject: Subject,
    /// The beginning of its payload. A payload that begins otherwise is replaced by this and the addition.
    pub opening: &'a str,
    /// Where an earlier addition begins, which is replaced.
    pub mark: &'static str,
    /// What comes in place of the payload's last byte.
    pub addition: &'a str,
}

/// What became of an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amended {
    /// The follow-up is in the queue with the addition.
    Sent,
    /// The follow-up is in the queue without the addition. Nothing was done.
    Waiting,
    /// The letter is no dead letter, or no more. Nothing was done.
    Unknown,
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
    /// Whose message it was, as far as they said.
    pub owner: Option<String>,
    /// When it was [redacted](crate::Queue::redact), in ms since the epoch; `None`: it was not.
    pub redacted: Option<u64>,
}
