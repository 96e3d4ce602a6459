//! Subscribers of a queue: each message is copied to the lanes of those that want its topic.
//!
//! They are kept in Redis, so that whoever copies knows them all: two instances may have different lists for a while.
//! A subscriber stays until it is removed, and what an instance doesn't know it leaves to others.

use std::time::Duration;

use crate::connection::{Connection, Error};
use crate::queue::{Queue, lane_of};
use crate::script;

/// A subscriber that this instance knows.
#[derive(Clone, Copy, Debug)]
pub struct Subscription<'a> {
    /// Its lane: the part of the name behind the dot.
    pub lane: &'a str,
    /// The topics that it is to get. `None`: all.
    pub topics: Option<&'a [String]>,
}

/// A subscriber that Redis knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Its lane.
    pub lane: String,
    /// Whether it is to be given what it has missed, by [`Queue::catch_up`].
    pub behind: bool,
}

/// What there is of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its lane.
    pub lane: String,
    /// When instances named it. `None`: no instance has since release 0.1.
    pub named: Option<Named>,
    /// How long ago an instance named it last; `None` as above.
    pub unnamed_for: Option<Duration>,
    /// Messages in its lane that are no dead letters.
    pub waiting: u64,
    /// Its dead letters.
    pub dead: u64,
}

/// Times in ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// When it was named first.
    pub since: u64,
    /// When it was named last, give or take [`FRESH`].
    pub last: u64,
}

/// The end of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsubscribed {
    /// It is gone, and so many waiting messages and dead letters with it.
    Removed {
        /// Messages that waited.
        waiting: u64,
        /// Dead letters.
        dead: u64,
    },
    /// An instance named it within [`UNNAMED`], so it would come again. Nothing was changed.
    StillNamed,
    /// There is no such lane.
    Unknown,
}

/// How often an instance that works names its subscribers anew.
pub const FRESH: Duration = Duration::from_secs(10);

/// A subscriber that no instance has named for so long is one that nobody serves.
pub const UNNAMED: Duration = Duration::from_secs(60);

const _: () = assert!(FRESH.as_secs() * 3 <= UNNAMED.as_secs(), "who works must not seem to be away");

impl<C: Connection> Queue<'_, C> {
    /// Names the subscribers that this instance knows, and says which there are. A new one begins a little before now:
    /// see [`look_back`](crate::Timing::look_back). It writes only what isn't known yet or was not named for long.
    pub async fn subscribe(&self, known: &[Subscription<'_>]) -> Result<Vec<Subscribed>, Error> {
        let mut arguments =
            self.arguments(&script::SUBSCRIBE).with("fresh_ms", FRESH).with("look_back_ms", self.timing.look_back());
        for Subscription { lane, topics } in known {
            let topics = topics.map_or_else(|| "*".to_owned(), |topics| topics.join(","));
            arguments = arguments.with("lane", self.lane_name(lane).as_str()).with("topics", topics.as_str());
        }
        let mut replies = self.run(arguments).await?;
        let mut subscribed = Vec::new();
        while !replies.is_empty() {
            let lane = lane(replies.text("lane")?);
            subscribed.push(Subscribed { lane, behind: replies.flag("behind")? });
        }
        Ok(subscribed)
    }

    /// Copies to a subscriber, from the log, up to `most` of the messages that were copied without it. `pattern` is a
    /// Lua pattern that finds the topic in a payload. Says whether there may be more.
    pub async fn catch_up(&self, lane: &str, most: usize, pattern: &str) -> Result<bool, Error> {
        let arguments = self
            .arguments(&script::CATCH_UP)
            .with("lane", self.lane_name(lane).as_str())
            .with("most", most)
            .with("pattern", pattern)
            .with("guard_ms", self.timing.lease);
        let mut replies = self.run(arguments).await?;
        replies.number("copied")?;
        replies.flag("behind")
    }

    /// Lists the subscribers, and the lanes of this queue that only release 0.1 has known.
    pub async fn subscribers(&self) -> Result<Vec<Subscriber>, Error> {
        let mut replies = self.run(self.arguments(&script::SUBSCRIBERS)).await?;
        let now = replies.number("now")?;
        let mut subscribers = Vec::new();
        while !replies.is_empty() {
            let lane = lane(replies.text("lane")?);
            let (since, last) = (replies.number("since")?, replies.number("named")?);
            let named = Some(Named { since, last }).filter(|named| named.last > 0);
            subscribers.push(Subscriber {
                lane,
                named,
                unnamed_for: named.map(|named| Duration::from_millis(now.saturating_sub(named.last))),
                waiting: replies.number("waiting")?,
                dead: replies.number("dead")?,
            });
        }
        Ok(subscribers)
    }

    /// Removes a subscriber with all that waits for it.
    pub async fn unsubscribe(&self, lane: &str) -> Result<Unsubscribed, Error> {
        let arguments = self.arguments(&script::UNSUBSCRIBE).with("lane", self.lane_name(lane).as_str());
        let mut replies = self.run(arguments.with("named_ms", UNNAMED)).await?;
        let verdict = replies.text("verdict")?;
        let (waiting, dead) = (replies.number("waiting")?, replies.number("dead")?);
        match verdict.as_str() {
            "removed" => Ok(Unsubscribed::Removed { waiting, dead }),
            "named" => Ok(Unsubscribed::StillNamed),
            "unknown" => Ok(Unsubscribed::Unknown),
            _ => Err(replies.unexpected("verdict", "a known one")),
        }
    }
}

impl Subscriber {
    /// Whether no instance has named it for [`UNNAMED`].
    pub fn is_unnamed(&self) -> bool {
        self.unnamed_for.is_none_or(|time| time >= UNNAMED)
    }
}

/// A subscriber has a lane always; what has none was written by a stranger, and is shown by its name.
fn lane(name: String) -> String {
    lane_of(&name).map(str::to_owned).unwrap_or(name)
}
