//! Stock: units of items. The subjects of messages take units and hold them, until they give them back or use them up.
//! The number of units left never falls below zero.

use std::num::NonZeroU64;

use crate::accept::{IdempotencyRecord, idempotency};
use crate::connection::{Arg, Connection, Error};
use crate::message::{Message, MessageId};
use crate::namespace::Namespace;
use crate::partner::{Leave, leave};
use crate::queue::Queue;
use crate::script::replies::Replies;
use crate::script::{self, Arguments};

/// What became of an attempt to hold units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// All of them are held. Items that aren't tracked never run out.
    Held {
        /// No earlier delivery may have asked anybody for what can't be undone.
        first: bool,
        /// Leave to ask whom the terms name.
        leave: Leave,
    },
    /// The message that recalls it waits. Nothing may be done for this one any more. Given back, it lets that one go
    /// first. Nothing was taken.
    Recalled,
    /// The message that recalls it is a dead letter; or was discarded, and this one asks somebody. Nothing was taken.
    RecallBuried,
    /// An earlier delivery asked somebody else for what can't be undone.
    Asked(String),
    /// The delivery is no longer the latest. The worker of the latest one decides.
    Late,
    /// Too few units of some items are left. Nothing was taken.
    Short {
        /// As for `Held`.
        first: bool,
        /// Those items.
        shortfalls: Vec<Shortfall>,
    },
}

/// Items that aren't tracked: whether a message can have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untracked {
    /// As many as it asks for.
    Allow,
    /// None, as if they were sold out.
    Reject,
}

/// A delivery whose message is to hold units.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    id: MessageId,
    delivery: u64,
    untracked: Untracked,
    recall: MessageId,
    asks: String,
    refuses: bool,
    waits: bool,
    items: Vec<(String, u64)>,
}

impl HoldRequest {
    /// A delivery that is to hold `items` on these terms. Each item comes once.
    pub fn new<'a>(message: &Message, terms: &Terms<'_>, items: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        Self {
            id: message.id.clone(),
            delivery: message.delivery,
            untracked: terms.untracked,
            recall: terms.recall.clone(),
            asks: terms.asks.to_owned(),
            refuses: terms.refuses,
            waits: terms.waits,
            items: items.into_iter().map(|(item, units)| (item.to_owned(), units)).collect(),
        }
    }
}

/// On which terms a message holds.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// Whether it can have items that aren't tracked.
    pub untracked: Untracked,
    /// The message that would recall it.
    pub recall: MessageId,
    /// Whom its handler asks next for what can't be undone, or `""` for nobody. Kept until the subject is decided.
    pub asks: &'a str,
    /// Whether its handler asks that also when it is short. Then it stays short, whatever comes into stock.
    pub refuses: bool,
    /// It has no [place](crate::Places) at whom it asks, so it asks nobody if all is held.
    pub waits: bool,
}

/// An item of which too few units are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The item.
    pub item: String,
    /// Units that were asked for.
    pub units: u64,
    /// Units left.
    pub left: u64,
}

/// The stock of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Units left.
    pub available: u64,
    /// Units held.
    pub held: u64,
}

/// Where a listing of stock goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockCursor(pub NonZeroU64);

/// Units that come in or are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// So many units; negative to take away.
    pub by: i64,
    /// Units that may be left after some came in.
    pub most: u64,
    /// `None`: each call counts. Otherwise only the first one with the same digest.
    pub idempotency: Option<IdempotencyRecord>,
}

/// What became of an adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjusted {
    /// This is the stock now.
    To(Level),
    /// The same adjustment was made before under its key. This is the stock now.
    Replayed(Level),
    /// The key was used for another adjustment.
    Conflict,
    /// More would be left than may be. This is the stock still.
    Over(Level),
    /// More was to be taken away than is left. This is the stock still.
    Short(Level),
    /// The item isn't tracked.
    Untracked,
}

impl<C: Connection> Queue<'_, C> {
    /// Takes units out of stock for a message that is its own subject: all of them or none. Asked again, it takes no
    /// more, and never refuses. Each item comes once in `items`.
    pub async fn hold(
        &self,
        message: &Message,
        terms: &Terms<'_>,
        items: impl IntoIterator<Item = (&str, u64)>,
    ) -> Result<Hold, Error> {
        let holds = self.hold_together(&[HoldRequest::new(message, terms, items)]).await?;
        Ok(holds.into_iter().next().expect("a verdict for each message"))
    }

    /// [`hold`](Self::hold) for each of these, one after the other, but in one call, which is done whole or not at all.
    /// At most [`TOGETHER`](crate::limits::TOGETHER) of them.
    pub async fn hold_together(&self, requests: &[HoldRequest]) -> Result<Vec<Hold>, Error> {
        let mut arguments = self.arguments(&script::HOLD);
        for HoldRequest { id, delivery, untracked, recall, asks, refuses, waits, items } in requests {
            let untracked = match untracked {
                Untracked::Allow => "allow",
                Untracked::Reject => "reject",
            };
            arguments = arguments
                .with("id", id)
                .with("delivery", *delivery)
                .with("untracked", untracked)
                .with("recall", recall)
                .with("asks", asks.as_str())
                .with("refuses", *refuses)
                .with("waits", *waits)
                .with("lines", items.len());
            for (item, units) in items {
                arguments = arguments.with("item", item.as_str()).with("units", *units);
            }
        }
        let mut replies = self.run(arguments).await?;
        requests.iter().map(|_| hold(&mut replies)).collect()
    }

    /// Takes back that a message's handler asks somebody for what can't be undone: it was not sent. Only for a delivery
    /// whose hold was the first one. A delivery that is no longer the latest takes nothing back.
    pub async fn unask(&self, message: &Message) -> Result<(), Error> {
        let arguments = self.arguments(&script::UNASK).with("id", &message.id).with("delivery", message.delivery);
        self.run(arguments).await.map(drop)
    }
}

/// The stock of one namespace.
pub struct Stock<'a, C> {
    connection: &'a C,
    namespace: &'a Namespace,
}

impl<'a, C: Connection> Stock<'a, C> {
    /// The stock of `namespace`.
    pub fn new(connection: &'a C, namespace: &'a Namespace) -> Self {
        Self { connection, namespace }
    }

    /// Says how many units of an item are left, and tracks it from now on. Units that are held stay held.
    pub async fn set(&self, item: &str, available: u64) -> Result<Level, Error> {
        let arguments = Arguments::new(&script::STOCK_SET).with("item", item).with("left", available);
        level(&mut self.run(arguments).await?)
    }

    /// Adds units to what is left of an item, or takes some away, but never more than are left. After an error the same
    /// call can be made again: with an idempotency record it counts once.
    pub async fn adjust(&self, item: &str, adjustment: &Adjustment) -> Result<Adjusted, Error> {
        let (digest, fingerprint, ttl) = idempotency(adjustment.idempotency.as_ref());
        let arguments = Arguments::new(&script::STOCK_ADJUST)
            .with("item", item)
            .with("by", Arg::Int(adjustment.by))
            .with("most", adjustment.most)
            .with("digest", digest)
            .with("fingerprint", fingerprint)
            .with("ttl_ms", ttl);
        let mut replies = self.run(arguments).await?;
        match replies.text("verdict")?.as_str() {
            "adjusted" => level(&mut replies).map(Adjusted::To),
            "replayed" => level(&mut replies).map(Adjusted::Replayed),
            "short" => level(&mut replies).map(Adjusted::Short),
            "over" => level(&mut replies).map(Adjusted::Over),
            "conflict" => Ok(Adjusted::Conflict),
            "untracked" => Ok(Adjusted::Untracked),
            _ => Err(replies.unexpected("verdict", "a known one")),
        }
    }

    /// The stock of an item; `None` if it isn't tracked.
    pub async fn read(&self, item: &str) -> Result<Option<Level>, Error> {
        let mut replies = self.run(Arguments::new(&script::STOCK_READ).with("item", item)).await?;
        if replies.is_empty() { Ok(None) } else { level(&mut replies).map(Some) }
    }

    /// Lists some of the tracked items, from the beginning or from a cursor, and says where to go on if there are more.
    /// While stock is added an item may come twice.
    pub async fn list(&self, from: Option<StockCursor>) -> Result<(Vec<(String, Level)>, Option<StockCursor>), Error> {
        // Redis begins and ends a scan with 0.
        let cursor = from.map_or(0, |StockCursor(cursor)| cursor.get()).to_string();
        let mut replies = self.run(Arguments::new(&script::STOCK_LIST).with("cursor", cursor.as_str())).await?;
        let next: u64 = replies.text("cursor")?.parse().map_err(|_| replies.unexpected("cursor", "a whole number"))?;
        let mut items = Vec::new();
        while !replies.is_empty() {
            items.push((replies.text("item")?, level(&mut replies)?));
        }
        Ok((items, NonZeroU64::new(next).map(StockCursor)))
    }

    async fn run(&self, arguments: Arguments) -> Result<Replies, Error> {
        arguments.run(self.connection, self.namespace).await
    }
}

fn hold(replies: &mut Replies) -> Result<Hold, Error> {
    match replies.text("verdict")?.as_str() {
        "held" => Ok(Hold::Held { first: replies.number("first")? > 0, leave: leave(replies)? }),
        "recalled" => Ok(Hold::Recalled),
        "buried" => Ok(Hold::RecallBuried),
        "asked" => replies.text("whom").map(Hold::Asked),
        "late" => Ok(Hold::Late),
        "short" => {
            let first = replies.number("first")? > 0;
            let mut shortfalls = Vec::new();
            for _ in 0..replies.number("count")? {
                shortfalls.push(Shortfall {
                    item: replies.text("item")?,
                    units: replies.number("units")?,
                    left: replies.number("left")?,
                });
            }
            Ok(Hold::Short { first, shortfalls })
        }
        _ => Err(replies.unexpected("verdict", "a known one")),
    }
}

fn level(replies: &mut Replies) -> Result<Level, Error> {
    Ok(Level { available: replies.number("left")?, held: replies.number("held")? })
}
