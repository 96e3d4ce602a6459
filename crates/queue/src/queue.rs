//! A queue by its name, and the times that its verbs share.

use std::time::Duration;

use crate::connection::{Arg, Connection, Error};
use crate::script;

/// The prefix of all keys. Its braces are a hash tag, which keeps the keys of one application on one cluster node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// Takes a name in braces: `{orders}`. At most 64 letters, digits, `-`, `_`, `.` or `:` inside them.
    pub fn new(name: &str) -> Option<Self> {
        let inner = name.strip_prefix('{')?.strip_suffix('}')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        ((1..=64).contains(&inner.len()) && inner.chars().all(plain)).then(|| Self(name.to_owned()))
    }

    /// The name with its braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Times that several verbs need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a worker has a message for itself; also how soon a lost doorbell is made good.
    pub lease: Duration,
    /// How long entries of the log are kept.
    pub log_retention: Duration,
}

/// How long a doorbell that nobody hears keeps the next one from being rung. Far below any lease, far above the time
/// in which a live worker starts.
const BELL: Duration = Duration::from_secs(1);

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
        Self::new(self.connection, self.namespace, format!("{}.{lane}", self.name), self.timing)
    }

    /// The names of the lanes that were ever written to, without the queue's own.
    pub async fn lanes(&self) -> Result<Vec<String>, Error> {
        let mut replies = self.run(&script::LANES, vec![]).await?;
        let mut lanes = Vec::new();
        while !replies.is_empty() {
            let name = replies.text()?;
            lanes.extend(name.split_once('.').map(|(_, lane)| lane.to_owned()));
        }
        Ok(lanes)
    }

    /// Wakes a worker, unless a doorbell is ringing already.
    pub async fn ring(&self) -> Result<(), Error> {
        let [bell, guard] = self.wake();
        self.run(&script::RING, vec![bell, guard]).await.map(drop)
    }

    /// Makes good what a missed doorbell or timer left behind, in this queue and its lanes.
    pub async fn rearm(&self) -> Result<(), Error> {
        let [bell, guard] = self.wake();
        let arguments = vec![bell, guard, Arg::from(self.name.as_str())];
        script::REARM.run(self.connection, self.namespace, arguments).await.map(drop)
    }

    /// How long the doorbell rings, and after what time the timer makes a lost one good, and the guard a lost timer.
    pub(crate) fn wake(&self) -> [Arg; 2] {
        [BELL.into(), self.timing.lease.into()]
    }

    /// Runs a script whose first argument is the queue's name.
    pub(crate) async fn run(
        &self,
        script: &'static script::Script,
        mut arguments: Vec<Arg>,
    ) -> Result<script::Replies, Error> {
        arguments.insert(0, Arg::from(self.name.as_str()));
        script.run(self.connection, self.namespace, arguments).await
    }
}

#[cfg(test)]
mod tests {
    use super::Namespace;

    #[test]
    fn a_namespace_is_one_hash_tag() {
        for good in ["{orders}", "{shop-1:orders}"] {
            assert!(Namespace::new(good).is_some(), "{good}");
        }
        for bad in ["orders", "{}", "{a}b", "{{a}}", "{a b}", "", "{orders"] {
            assert!(Namespace::new(bad).is_none(), "{bad}");
        }
    }
}
