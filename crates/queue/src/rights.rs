//! Which rights a user of Redis needs, and which it lacks. Commands and keys come from the scripts: see build.rs.
//!
//! What can't be told from here: whether the user may log in and select its database, since nothing can be asked before
//! that; and what another user may do, such as the one in a host's own configuration.

use std::collections::BTreeSet;

use crate::connection::{Connection, Error};
use crate::namespace::Namespace;
use crate::script::{self, Arguments, is_refused};

/// The rights that somebody needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Commands that take a script.
    scripts: Vec<&'static str>,
    /// Commands on keys.
    commands: Vec<&'static str>,
    keys: Vec<String>,
    /// Commands on channels.
    calls: Vec<&'static str>,
    channels: Vec<String>,
}

/// Rights that a user lacks, each as Redis calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Commands. Where the user may touch none of the keys, or use none of the channels, also those that Redis may
    /// refuse for that alone.
    pub commands: BTreeSet<String>,
    /// Keys that the user may not read, or not write.
    pub keys: BTreeSet<String>,
    /// Channels that the user may not use.
    pub channels: BTreeSet<String>,
    /// The user may run no script. So nothing could be asked, and all that is needed is listed.
    pub is_all: bool,
}

impl Rights {
    /// What it takes to call every verb of these queues, and of a lane of each.
    pub fn of_queues(namespace: &Namespace, roots: &[&str]) -> Self {
        let (ns, lane) = (namespace.as_str(), |root: &&str| format!("{root}.lane"));
        let mut keys = BTreeSet::from([ns.to_owned()]);
        for queue in roots.iter().map(|root| (*root).to_owned()).chain(roots.iter().map(lane)) {
            let root = queue.split('.').next().unwrap_or_default();
            let named = |key: &&str| {
                let others = [("<list>", "1000"), ("<owner>", "shop"), ("<period>", "700"), ("<shard>", "0000")];
                let key = key.replace("<queue>", &queue).replace("<root>", root);
                let key = others.iter().fold(key, |key, (part, value)| key.replace(part, value));
                format!("{ns}:{key}")
            };
            keys.extend(script::KEYS.iter().map(named));
        }
        Self {
            scripts: vec!["EVALSHA", "EVAL"],
            commands: script::COMMANDS.iter().copied().filter(|command| *command != PUBLISH).collect(),
            keys: keys.into_iter().collect(),
            calls: vec![PUBLISH],
            channels: roots.iter().map(|root| bell(ns, root)).collect(),
        }
    }

    /// What it takes to be woken for a queue: by its doorbell, its timer and its guard.
    #[must_use]
    pub fn and_listen(self, namespace: &Namespace, root: &str) -> Self {
        let ns = namespace.as_str();
        let expiring = ["timer", "guard"].map(|part| format!("__keyspace@0__:{ns}:{root}:{part}"));
        self.and_listen_to(&bell(ns, root)).also(expiring)
    }

    /// What it takes to hear of a channel.
    #[must_use]
    pub fn and_listen_to(mut self, channel: &str) -> Self {
        if !self.calls.contains(&SUBSCRIBE) {
            self.calls.push(SUBSCRIBE);
        }
        self.also([channel.to_owned()])
    }

    /// What Spin's key-value store sends to read, write and remove these keys.
    #[must_use]
    pub fn and_store(mut self, keys: &[&str]) -> Self {
        for command in ["GET", "SET", "DEL"] {
            if !self.commands.contains(&command) {
                self.commands.push(command);
            }
        }
        self.keys.extend(keys.iter().map(|key| (*key).to_owned()));
        self
    }

    fn also(mut self, channels: impl IntoIterator<Item = String>) -> Self {
        self.channels.extend(channels);
        self
    }

    /// Asks Redis which of these rights the user of a connection lacks: all at once. Reads and writes nothing. A Redis
    /// before 7 can't tell, and then none is named. Nor is any of a user who may run no script and needs none.
    pub async fn lacking<C: Connection>(&self, connection: &C) -> Result<Lacking, Error> {
        let mut arguments = Arguments::new(&script::RIGHTS);
        for (kind, name) in self.named() {
            arguments = arguments.with("kind", kind).with("name", name);
        }
        let mut replies = match arguments.run_without_keys(connection).await {
            Err(Error::Failed(failure)) if is_refused(&failure) => return Ok(self.untold()),
            other => other?,
        };
        let mut lacking = Lacking::default();
        while !replies.is_empty() {
            let (kind, name) = (replies.text("kind")?, replies.text("name")?);
            lacking.add(&kind, name);
        }
        Ok(lacking)
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let commands = [("script", &self.scripts), ("command", &self.commands), ("call", &self.calls)];
        let commands = commands.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, *name)));
        let others = [("keys", &self.keys), ("channel", &self.channels)];
        commands.chain(others.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name.as_str()))))
    }

    /// What is lacking as far as can be known where no script may be run.
    fn untold(&self) -> Lacking {
        if self.scripts.is_empty() {
            return Lacking::default();
        }
        let mut lacking = Lacking { is_all: true, ..Lacking::default() };
        for (kind, name) in self.named() {
            lacking.add(kind, name.to_owned());
        }
        lacking
    }
}

impl Lacking {
    /// Whether the user has every right that was asked for.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.keys.is_empty() && self.channels.is_empty()
    }

    fn add(&mut self, kind: &str, name: String) {
        match kind {
            "keys" => self.keys.insert(name),
            "channel" => self.channels.insert(name),
            _ => self.commands.insert(name),
        };
    }
}

const PUBLISH: &str = "PUBLISH";
const SUBSCRIBE: &str = "SUBSCRIBE";

fn bell(ns: &str, root: &str) -> String {
    format!("{ns}:{root}:bell")
}
