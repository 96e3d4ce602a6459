//! Looking at a queue without changing it.

use std::time::Duration;

use crate::connection::{Arg, Connection, Error, Reply};
use crate::dead::{Discarded, Why};
use crate::limits::AT_ONCE;
use crate::message::{Head, MessageId, Payload, Subject};
use crate::queue::Queue;
use crate::script::replies::Replies;
use crate::script::{self, Arguments};

/// One subject, and some of its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<const N: usize> {
    /// Redis's time in ms since the epoch.
    pub now: u64,
    /// The head of the subject; `None` while it has no record.
    pub head: Option<Head>,
    /// The state of each message. `None`: handled, or never seen.
    pub messages: [Option<MessageState>; N],
}

/// A subject's own message that waits or is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMessage {
    /// Redis's time in ms since the epoch.
    pub now: u64,
    /// Its content. Empty if the subject has a head.
    pub payload: Payload,
    /// How often it was handed out.
    pub deliveries: u64,
    /// Whom one of its deliveries may have asked for what can't be undone.
    pub asked: Option<Asked>,
}

/// Whom a delivery may have asked: see [`Terms::asks`](crate::Terms::asks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When the last delivery held, in ms since the epoch by Redis's clock. It asks only after that.
    pub at: u64,
    /// Whom. Empty: nobody yet, as it waits for leave.
    pub whom: String,
}

/// Where a message is. Its payload is given only while its subject has no head, and is empty otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits, is delayed, leased or retried, or waits behind another one of its subject.
    Queued {
        /// The message's content.
        payload: Payload,
    },
    /// It is a dead letter.
    Dead {
        /// The message's content.
        payload: Payload,
        /// Why it was buried.
        why: Why,
    },
    /// A person gave it up. A follow-up may be accepted again.
    Discarded(Discarded),
}

/// The number of messages in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Messages that could be claimed now.
    pub visible: u64,
    /// Messages that are leased, delayed, or behind another one of their subject.
    pub invisible: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long the oldest visible message has been visible; `None` if no message is.
    pub oldest_visible: Option<Duration>,
}

impl<C: Connection> Queue<'_, C> {
    /// Looks for messages of one subject.
    pub async fn find<const N: usize>(&self, subject: &Subject, ids: [&MessageId; N]) -> Result<Found<N>, Error> {
        let sought = [(subject.clone(), ids.map(MessageId::clone))];
        Ok(self.find_all(&sought).await?.into_iter().next().expect("an answer for each subject"))
    }

    /// Looks for messages of at most [`AT_ONCE`] subjects by one call. Gives an answer for each subject.
    pub async fn find_all<const N: usize>(&self, sought: &[(Subject, [MessageId; N])]) -> Result<Vec<Found<N>>, Error> {
        debug_assert!(sought.len() <= AT_ONCE, "{} subjects are too many for one call", sought.len());
        let mut arguments = self.arguments(&script::FIND).with("each", N);
        for (subject, ids) in sought {
            arguments = arguments.with("subject", subject);
            for id in ids {
                arguments = arguments.with("id", id);
            }
        }
        let mut replies = self.run(arguments).await?;
        let now = replies.number("now")?;
        sought.iter().map(|_| found(now, &mut replies)).collect()
    }

    /// Looks for the subject's own message, unless it is done or was discarded.
    pub async fn find_own(&self, own: &MessageId) -> Result<Option<OwnMessage>, Error> {
        let subject = own.as_subject();
        let mut replies = self.run(self.finding(&subject, own)).await?;
        let (now, _head, asked) = (replies.number("now")?, replies.bytes("head")?, asked(&replies.text("asked")?));
        let (state, payload) = (replies.text("state")?, replies.bytes("payload")?.into());
        let (_why, deliveries) = (replies.bytes("why")?, replies.number("deliveries")?);
        let is_there = state == "queued" || state == "dead";
        Ok(is_there.then_some(OwnMessage { now, payload, deliveries, asked }))
    }

    /// How often a follow-up was handed out that is not done: also one that was discarded.
    pub async fn deliveries(&self, id: &MessageId) -> Result<u64, Error> {
        let mut replies = self.run(self.finding(&id.as_subject(), id)).await?;
        replies.number("now")?;
        for skipped in ["head", "asked", "state", "payload", "why"] {
            replies.bytes(skipped)?;
        }
        replies.number("deliveries")
    }

    fn finding(&self, subject: &Subject, id: &MessageId) -> Arguments {
        self.arguments(&script::FIND).with("each", 1_usize).with("subject", subject).with("id", id)
    }

    /// Counts what the queue holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let mut replies = self.run(self.arguments(&script::STATS)).await?;
        let visible = replies.number("visible")?;
        Ok(Stats {
            visible,
            invisible: replies.number("invisible")?,
            dead: replies.number("dead")?,
            oldest_visible: Some(Duration::from_millis(replies.number("oldest_ms")?)).filter(|_| visible > 0),
        })
    }
}

fn asked(asked: &str) -> Option<Asked> {
    let (at, whom) = asked.split_once(' ')?;
    let whom = whom.split(' ').next()?.to_owned();
    Some(Asked { at: at.parse().ok()?, whom })
}

fn found<const N: usize>(now: u64, replies: &mut Replies) -> Result<Found<N>, Error> {
    let head = replies.head("head")?;
    replies.bytes("asked")?;
    let mut messages = [const { None }; N];
    for message in &mut messages {
        *message = message_state(replies)?;
        replies.number("deliveries")?;
    }
    Ok(Found { now, head, messages })
}

fn message_state(replies: &mut Replies) -> Result<Option<MessageState>, Error> {
    let (state, payload) = (replies.text("state")?, replies.bytes("payload")?.into());
    let state = match state.as_str() {
        "queued" => MessageState::Queued { payload },
        "dead" => return Ok(Some(MessageState::Dead { payload, why: replies.json("why")? })),
        "discarded" => return Ok(Some(MessageState::Discarded(replies.json("why")?))),
        "" => return replies.bytes("why").map(|_| None),
        _ => return Err(replies.unexpected("state", "a known one")),
    };
    replies.bytes("why").map(|_| Some(state))
}

/// Reads the counters in the namespace of a queue, by name.
pub async fn totals<C: Connection>(queue: &Queue<'_, C>) -> Result<Vec<(String, u64)>, Error> {
    let mut replies = Arguments::new(&script::TOTALS).run(queue.connection, queue.namespace).await?;
    let mut totals = Vec::new();
    while !replies.is_empty() {
        totals.push((replies.text("counter")?, replies.number("total")?));
    }
    Ok(totals)
}

/// How the server is set up, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// It tells subscribers of written and expired keys, which the change trigger and the timers need.
    pub tells_changes: bool,
    /// It may throw keys away when its memory is full.
    pub evicts: bool,
    /// It writes to disk before it acknowledges.
    pub is_durable: bool,
    /// Keys with a time to live in all databases. When they are many, it finds an expired timer late.
    pub expiring_keys: u64,
}

/// Asks the server how it is set up. Managed servers that forbid `CONFIG` answer with an error.
pub async fn server<C: Connection>(connection: &C) -> Result<Server, Error> {
    let settings = ["GET", "notify-keyspace-events", "maxmemory", "maxmemory-policy", "appendonly", "appendfsync"];
    let settings = texts(connection.execute("CONFIG", settings.map(Arg::from).to_vec()).await?);
    let setting = |name: &str| {
        let mut pairs = settings.chunks_exact(2);
        pairs.find(|pair| pair[0] == name).map_or("", |pair| pair[1].as_str())
    };
    let keyspace = texts(connection.execute("INFO", vec![Arg::from("keyspace")]).await?).concat();
    Ok(Server {
        tells_changes: tells_enough(setting("notify-keyspace-events")),
        evicts: setting("maxmemory") != "0" && setting("maxmemory-policy") != "noeviction",
        is_durable: setting("appendonly") == "yes" && setting("appendfsync") == "always",
        expiring_keys: expiring_keys(&keyspace),
    })
}

/// Reads a string that somebody else wrote, in the database that the connection is open to.
pub async fn value<C: Connection>(connection: &C, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let replies = connection.execute("GET", vec![Arg::from(key)]).await?;
    Ok(replies.into_iter().find_map(|reply| match reply {
        Reply::Bytes(bytes) => Some(bytes),
        _ => None,
    }))
}

fn texts(replies: Vec<Reply>) -> Vec<String> {
    let text = |reply| match reply {
        Reply::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => None,
    };
    replies.into_iter().filter_map(text).collect()
}

/// Reads `db0:keys=12,expires=3,avg_ttl=0`, a line for each database.
fn expiring_keys(keyspace: &str) -> u64 {
    let counts = keyspace.split("expires=").skip(1).filter_map(|rest| rest.split(',').next()?.parse::<u64>().ok());
    counts.sum()
}

/// `K` names the channel by key, `x` is expiry, `$` is a written string; `A` stands for all kinds.
fn tells_enough(flags: &str) -> bool {
    let has = |flag| flags.contains(flag);
    has('K') && (has('A') || (has('x') && has('$')))
}

#[cfg(test)]
mod tests {
    use super::{expiring_keys, tells_enough};

    #[test]
    fn the_flags_must_cover_writes_and_expiry_on_the_keyspace_channel() {
        for good in ["KEx$", "AK", "xK$", "AKE"] {
            assert!(tells_enough(good), "{good}");
        }
        for bad in ["", "Ex$", "Kx", "K$", "AE", "x$"] {
            assert!(!tells_enough(bad), "{bad}");
        }
    }

    #[test]
    fn keys_with_a_time_to_live_are_counted_over_all_databases() {
        let keyspace = "# Keyspace\r\ndb0:keys=12,expires=3,avg_ttl=0\r\ndb1:keys=7,expires=2,avg_ttl=9\r\n";
        assert_eq!(expiring_keys(keyspace), 5);
        assert_eq!(expiring_keys("# Keyspace\r\n"), 0);
    }
}
