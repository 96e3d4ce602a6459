//! Looking at a queue without changing it.

use crate::connection::{Arg, Connection, Error, Reply};
use crate::dead::Why;
use crate::queue::Queue;
use crate::script;

/// Where a message is, and what its subject's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Redis's time in ms since the epoch.
    pub now: u64,
    /// Which record is the present one. Empty: none yet.
    pub head: Vec<u8>,
    /// Where the message is. `None`: handled, or never seen.
    pub place: Option<Place>,
}

/// A place where a message can be. The payload is given only while there is no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Waiting, delayed, leased or retrying.
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
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Messages that could be claimed now.
    pub visible: u64,
    /// Messages that are leased or delayed.
    pub invisible: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long the oldest visible message has been visible, in ms. 0: there is none.
    pub oldest_visible_ms: u64,
}

impl<C: Connection> Queue<'_, C> {
    /// Says where a message is.
    pub async fn find(&self, id: &[u8]) -> Result<Whereabouts, Error> {
        let mut replies = self.run(&script::FIND, vec![id.into()]).await?;
        let (now, head, place) = (replies.number()?, replies.bytes()?, replies.text()?);
        let payload = replies.bytes()?;
        let place = match place.as_str() {
            "" => None,
            "queue" => Some(Place::Queue { payload }),
            "dead" => Some(Place::Dead { payload, why: replies.json()? }),
            _ => return Err(replies.unexpected("a place")),
        };
        Ok(Whereabouts { now, head, place })
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

/// Whether the server tells subscribers of written and expired keys, which the change trigger and the timers need.
/// `None`: it won't say, as managed servers do that forbid `CONFIG`.
pub async fn keyspace_events<C: Connection>(connection: &C) -> Result<Option<bool>, Error> {
    let asked = vec![Arg::from("GET"), Arg::from("notify-keyspace-events")];
    let replies = match connection.execute("CONFIG", asked).await {
        Ok(replies) => replies,
        Err(Error::Failed(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(match replies.get(1) {
        Some(Reply::Bytes(flags)) => Some(tells_enough(&String::from_utf8_lossy(flags))),
        _ => None,
    })
}

/// `K` names the channel by key, `x` is expiry, `$` is a written string; `A` stands for all kinds.
fn tells_enough(flags: &str) -> bool {
    let has = |flag| flags.contains(flag);
    has('K') && (has('A') || (has('x') && has('$')))
}

#[cfg(test)]
mod tests {
    use super::tells_enough;

    #[test]
    fn the_flags_must_cover_writes_and_expiry_on_the_keyspace_channel() {
        for good in ["KEx$", "AK", "xK$", "AKE"] {
            assert!(tells_enough(good), "{good}");
        }
        for bad in ["", "Ex$", "Kx", "K$", "AE", "x$"] {
            assert!(!tells_enough(bad), "{bad}");
        }
    }
}
