//! Stock: units of items, some of them held by the subjects of messages. What is left never falls below zero, and what
//! is held is what subjects took and did not give back.

use crate::claim::Message;
use crate::connection::{Arg, Connection, Error};
use crate::queue::{Namespace, Queue};
use crate::script::{self, Script};

/// What became of a wish to hold units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// They are held. Items that aren't tracked never run out.
    Held,
    /// A follow-up waits that recalls the message, and nothing was done for it yet. Nothing was taken.
    Recalled,
    /// The delivery is no longer the latest: whoever has the message now decides.
    Late,
    /// Of these items too little is left. Nothing was taken.
    Short(Vec<Shortage>),
}

/// An item of which too little is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The item.
    pub item: String,
    /// Units wanted.
    pub wanted: u64,
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

/// What became of an adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjusted {
    /// This is the stock now.
    To(Level),
    /// More was to be taken away than is left. This is the stock still.
    Short(Level),
    /// The item isn't tracked.
    Untracked,
}

impl<C: Connection> Queue<'_, C> {
    /// Takes units out of stock for a message that is its own subject: all of them or none, and once however often it is asked.
    /// Each item comes once. `refuse_untracked` counts items that aren't tracked as having none left.
    pub async fn hold(
        &self,
        message: &Message,
        refuse_untracked: bool,
        wanted: impl IntoIterator<Item = (&str, u64)>,
    ) -> Result<Hold, Error> {
        let mut arguments = vec![message.id.as_slice().into(), message.delivery.into(), refuse_untracked.into()];
        for (item, units) in wanted {
            arguments.extend([Arg::from(item), Arg::from(units)]);
        }
        let mut replies = self.run(&script::HOLD, arguments).await?;
        match replies.text()?.as_str() {
            "held" => Ok(Hold::Held),
            "recalled" => Ok(Hold::Recalled),
            "late" => Ok(Hold::Late),
            "short" => {
                let mut shortages = Vec::new();
                while !replies.is_empty() {
                    let (item, wanted, left) = (replies.text()?, replies.number()?, replies.number()?);
                    shortages.push(Shortage { item, wanted, left });
                }
                Ok(Hold::Short(shortages))
            }
            _ => Err(replies.unexpected("a verdict")),
        }
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

    /// Says how many units of an item are left, and tracks it from now on. What is held stays held.
    pub async fn set(&self, item: &str, available: u64) -> Result<Level, Error> {
        self.run(&script::STOCK_SET, vec![item.into(), available.into()]).await?.level()
    }

    /// Adds units to what is left of an item, or takes some away, but never more than are left.
    pub async fn adjust(&self, item: &str, by: i64) -> Result<Adjusted, Error> {
        let mut replies = self.run(&script::STOCK_ADJUST, vec![item.into(), Arg::Int(by)]).await?;
        match replies.text()?.as_str() {
            "adjusted" => Ok(Adjusted::To(replies.level()?)),
            "short" => Ok(Adjusted::Short(replies.level()?)),
            "untracked" => Ok(Adjusted::Untracked),
            _ => Err(replies.unexpected("a verdict")),
        }
    }

    /// The stock of an item; `None` where it isn't tracked.
    pub async fn read(&self, item: &str) -> Result<Option<Level>, Error> {
        let mut replies = self.run(&script::STOCK_READ, vec![item.into()]).await?;
        if replies.is_empty() { Ok(None) } else { replies.level().map(Some) }
    }

    /// Some of the tracked items, and the cursor for more; a cursor of 0 begins and ends. While stock is added an item may
    /// come twice.
    pub async fn list(&self, cursor: u64) -> Result<(u64, Vec<(String, Level)>), Error> {
        let mut replies = self.run(&script::STOCK_LIST, vec![Arg::from(cursor.to_string().as_str())]).await?;
        let cursor = replies.text()?.parse().map_err(|_| replies.unexpected("a cursor"))?;
        let mut items = Vec::new();
        while !replies.is_empty() {
            items.push((replies.text()?, replies.level()?));
        }
        Ok((cursor, items))
    }

    async fn run(&self, script: &'static Script, arguments: Vec<Arg>) -> Result<script::Replies, Error> {
        script.run(self.connection, self.namespace, arguments).await
    }
}

impl script::Replies {
    fn level(&mut self) -> Result<Level, Error> {
        Ok(Level { available: self.number()?, held: self.number()? })
    }
}
