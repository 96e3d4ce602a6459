//! A queue by its name.

use crate::connection::{Connection, Error};
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

    /// Makes good a missed doorbell or timer, in this queue and its lanes.
    pub async fn rearm(&self) -> Result<(), Error> {
        self.run(self.waking(&script::REARM)).await.map(drop)
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
