//! Forgetting: subjects that have been final for long, and what messages and the log hold of a subject.

use std::time::Duration;

use crate::accept::Tag;
use crate::connection::{Connection, Error};
use crate::message::{MessageId, Payload};
use crate::queue::Queue;
use crate::script::{self, Arguments};

/// How many subjects are to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// For so many there is a message now.
    pub moved: u64,
    /// There are others.
    pub is_more: bool,
}

impl<C: Connection> Queue<'_, C> {
    /// Puts a message into this lane for each subject that has been [final](crate::Ends::Final) for so long: the
    /// subject is its id. Of many only for some. A worker of this queue is woken when the next one has been.
    /// Also takes all out of the log that is too old.
    pub async fn expire(&self, after: Duration, payload: &[u8]) -> Result<Expired, Error> {
        let arguments = self
            .waking(&script::EXPIRE)
            .with("after_ms", after)
            .with("log_ms", self.timing.log_retention)
            .with("payload", payload);
        let mut replies = self.run(arguments).await?;
        Ok(Expired { moved: replies.number("moved")?, is_more: replies.flag("is_more")? })
    }

    /// Takes a message out of the index by some of its tags. It came at about `came`, in ms since the epoch. Calling
    /// again is safe.
    pub async fn untag(&self, id: &MessageId, tags: &[Tag], came: u64) -> Result<(), Error> {
        self.leave_index(id, tags, came, false, None).await
    }

    /// Takes a message wholly out of the index: it came at about `came`, in ms since the epoch, and its head is about
    /// to be forgotten. The lists of all messages and of its owner's lose the beginning of which nothing is left, a few
    /// entries at each call. Calling again is safe.
    pub async fn unindex(&self, id: &MessageId, tags: &[Tag], came: u64, owner: Option<&str>) -> Result<(), Error> {
        self.leave_index(id, tags, came, true, owner).await
    }

    async fn leave_index(
        &self,
        id: &MessageId,
        tags: &[Tag],
        came: u64,
        goes: bool,
        owner: Option<&str>,
    ) -> Result<(), Error> {
        let arguments = self
            .arguments(&script::UNINDEX)
            .with("id", id)
            .with("tags", Tag::write_all(tags))
            .with("came_ms", came)
            .with("goes", goes)
            .with("caller", owner.unwrap_or_default());
        self.run(arguments).await.map(drop)
    }

    /// Takes what a machine or a partner said out of what is kept of a discarded message, and notes when. Says whether
    /// such a message was discarded. Calling again is safe.
    pub async fn redact(&self, id: &MessageId) -> Result<bool, Error> {
        self.run(self.arguments(&script::REDACT).with("id", id)).await?.flag("is_there")
    }

    /// Gives a message another payload, if it is still there. A worker that has it goes on with what it was given.
    pub async fn rewrite(&self, id: &MessageId, payload: Vec<u8>) -> Result<(), Error> {
        self.run(self.arguments(&script::REWRITE).with("id", id).with("payload", payload)).await.map(drop)
    }

    /// Rewrites the payload of each message of this queue whose id begins so, also of dead letters. `rewritten` gives
    /// `None` for one that stays.
    ///
    /// It looks at all messages, some at each call. One that comes meanwhile may be missed. Calling again is safe.
    pub async fn rewrite_all(&self, prefix: &str, rewritten: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<(), Error> {
        let mut from = "0".to_owned();
        loop {
            let search = self.arguments(&script::SEARCH).with("prefix", prefix).with("from", from.as_str());
            let mut replies = self.run(search).await?;
            from = replies.text("next")?;
            while !replies.is_empty() {
                let (id, payload): (MessageId, Payload) =
                    (replies.bytes("id")?.into(), replies.bytes("payload")?.into());
                if let Some(payload) = rewritten(&payload) {
                    self.rewrite(&id, payload).await?;
                }
            }
            if from == "0" {
                return Ok(());
            }
        }
    }

    /// Takes the events out of the log whose ids begin so and that hold the text `mark`. It looks at all that were
    /// written since `since`, in ms since the epoch by Redis's clock: some at each call. Calling again is safe.
    pub async fn unlog(&self, prefix: &str, mark: &str, since: u64) -> Result<(), Error> {
        let mut from = since.to_string();
        while !from.is_empty() {
            let arguments =
                Arguments::new(&script::UNLOG).with("prefix", prefix).with("mark", mark).with("from", from.as_str());
            let mut replies = self.run(arguments).await?;
            from = replies.text("next")?;
        }
        Ok(())
    }
}
