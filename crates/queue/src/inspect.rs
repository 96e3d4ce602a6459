//! Looking at a queue without changing it.

use crate::connection::{Arg, Connection, Error, Reply};
use crate::dead::{Discarded, Why};
use crate::queue::Queue;
use crate::script;

/// Where the messages of a subject are, and what its head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Redis's time in ms since the epoch.
    pub now: u64,
    /// Which record is the present one. Empty: none yet.
    pub head: Vec<u8>,
    /// Where each message is. `None`: handled, or never seen.
    pub places: Vec<Option<Place>>,
}

/// A place where a message can be. The payload is given only while there is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Waiting, delayed, leased, retrying, or behind another one of its subject.
    Queue {
        /// The message's.
        payload: Vec<u8>,
    },
    /// Among the dead letters.
    Dead {
        /// The message's.
        payload: Vec<u8>,
        /// Why it was buried.
        why: Why,
    },
    /// Given up by a person.
    Discarded(Discarded),
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Messages that could be claimed now.
    pub visible: u64,
    /// Messages that are leased, delayed, or behind another one of their subject.
    pub invisible: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long the oldest visible message has been visible, in ms. 0: there is none.
    pub oldest_visible_ms: u64,
}

impl<C: Connection> Queue<'_, C> {
    /// Says where messages of one subject are.
    pub async fn find(&self, subject: &[u8], ids: &[&[u8]]) -> Result<Whereabouts, Error> {
        let mut arguments = vec![subject.into()];
        arguments.extend(ids.iter().map(|id| Arg::from(*id)));
        let mut replies = self.run(&script::FIND, arguments).await?;
        let (now, head) = (replies.number()?, replies.bytes()?);
        let places = ids.iter().map(|_| replies.place()).collect::<Result<_, _>>()?;
        Ok(Whereabouts { now, head, places })
    }

    /// Counts what the queue holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let mut replies = self.run(&script::STATS, vec![]).await?;
        Ok(Stats {
            visible: replies.number()?,
            invisible: replies.number()?,
            dead: replies.number()?,
            oldest_visible_ms: replies.number()?,
        })
    }
}

impl script::Replies {
    fn place(&mut self) -> Result<Option<Place>, Error> {
        let (place, payload) = (self.text()?, self.bytes()?);
        let place = match place.as_str() {
            "queue" => Place::Queue { payload },
            "dead" => return Ok(Some(Place::Dead { payload, why: self.json()? })),
            "discarded" => return Ok(Some(Place::Discarded(self.json()?))),
            "" => return self.bytes().map(|_| None),
            _ => return Err(self.unexpected("a place")),
        };
        self.bytes().map(|_| Some(place))
    }
}

/// What was counted in the namespace of a queue, by counter.
pub async fn totals<C: Connection>(queue: &Queue<'_, C>) -> Result<Vec<(String, u64)>, Error> {
    let mut replies = queue.run(&script::TOTALS, vec![]).await?;
    let mut totals = Vec::new();
    while !replies.is_empty() {
        totals.push((replies.text()?, replies.number()?));
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
    /// What it answered is on disk.
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
