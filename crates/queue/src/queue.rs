//! A queue by its name.

use std::time::Duration;

use crate::connection::{Connection, Error};
use crate::message::MessageId;
use crate::namespace::Namespace;
use crate::script::{self, Arguments, Script, replies::Replies};
use crate::timing::Timing;

/// A queue, or one lane of it: `changes.erp` is a lane of `changes`, with messages and dead letters of its own, but
/// the doorbell and the timer of its root.
#[derive(Debug)]
pub struct Queue<'a, C> {
    pub(crate) connection: &'a C,
    pub(crate) namespace: &'a Namespace,
    pub(crate) name: String,
    pub(crate) timing: Timing,
}

/// How Redis's clock stands to the time in the queues, which goes on as it was when that clock is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisClock {
    /// They show the same.
    Level,
    /// It was set back.
    Behind {
        /// How far they are apart. They draw level by a tenth of the time that passes.
        apart: Duration,
        /// Nobody was told before.
        is_news: bool,
    },
    /// It was set forward, or Redis stood still while calls waited.
    Ahead {
        /// As above.
        apart: Duration,
        /// As above.
        is_news: bool,
    },
}

/// Whoever asks more often is told the same, and nothing is written.
const REARMED_MOST_OFTEN: Duration = Duration::from_secs(1);

impl<'a, C: Connection> Queue<'a, C> {
    /// The queue `name` in `namespace`. It needs no creation.
    pub fn new(connection: &'a C, namespace: &'a Namespace, name: impl Into<String>, timing: Timing) -> Self {
        Self { connection, namespace, name: name.into(), timing }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lane `lane` of this queue.
    pub fn lane(&self, lane: &str) -> Self {
        Self::new(self.connection, self.namespace, self.lane_name(lane), self.timing)
    }

    /// The whole name of a lane of this queue. [`lane_of`] takes it apart.
    pub(crate) fn lane_name(&self, lane: &str) -> String {
        format!("{}.{lane}", self.name)
    }

    /// The names of the lanes that were ever written to, without the queue's own.
    pub async fn lanes(&self) -> Result<Vec<String>, Error> {
        let mut replies = self.run(self.arguments(&script::LANES)).await?;
        let mut lanes = Vec::new();
        while !replies.is_empty() {
            lanes.extend(lane_of(&replies.text("lane")?).map(str::to_owned));
        }
        Ok(lanes)
    }

    /// Wakes a worker, unless a doorbell is ringing already.
    pub async fn ring(&self) -> Result<(), Error> {
        self.run(self.waking(&script::RING)).await.map(drop)
    }

    /// Makes a message that waits for its time visible at once. Does nothing for one that a worker has, that stands in
    /// line, that is a dead letter, or that is unknown. Calling again is safe.
    pub async fn hasten(&self, id: &MessageId) -> Result<(), Error> {
        self.run(self.waking(&script::HASTEN).with("id", id)).await.map(drop)
    }

    /// Makes good a missed doorbell or timer, in this queue and its lanes, at most once a second. Says how Redis's
    /// clock stands to the time in the queues.
    ///
    /// Once a second it also writes, so that a Redis which takes no writes answers with an error.
    pub async fn rearm(&self) -> Result<RedisClock, Error> {
        let arguments = self.waking(&script::REARM).with("most_often_ms", REARMED_MOST_OFTEN);
        let mut replies = self.run(arguments).await?;
        let (clock, apart) = (replies.text("clock")?, Duration::from_millis(replies.number("apart_ms")?));
        let is_news = replies.flag("is_news")?;
        match clock.as_str() {
            "level" => Ok(RedisClock::Level),
            "behind" => Ok(RedisClock::Behind { apart, is_news }),
            "ahead" => Ok(RedisClock::Ahead { apart, is_news }),
            _ => Err(replies.unexpected("clock", "a known one")),
        }
    }

    /// The arguments of a script: the queue's name first.
    pub(crate) fn arguments(&self, script: &'static Script) -> Arguments {
        Arguments::new(script).with("queue", self.name.as_str())
    }

    /// The arguments of a script that may wake a worker. It is told how long a doorbell rings, and how long after a
    /// lost wake-up the next one comes.
    pub(crate) fn waking(&self, script: &'static Script) -> Arguments {
        self.arguments(script).with("bell_ms", self.timing.bell()).with("guard_ms", self.timing.lease)
    }

    pub(crate) async fn run(&self, arguments: Arguments) -> Result<Replies, Error> {
        arguments.run(self.connection, self.namespace).await
    }
}

/// The lane in its whole name; `None` for the name of a root.
pub(crate) fn lane_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, lane)| lane)
}
