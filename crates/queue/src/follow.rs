//! Accepting a follow-up: a later message about the subject of an earlier one.

use crate::connection::{Connection, Error};
use crate::queue::Queue;
use crate::script;

/// A message that waits for all that were accepted before it about the same subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// Chosen by the sender. Sending it again while it is in the queue does nothing.
    pub id: Vec<u8>,
    /// The id of the message that it follows.
    pub subject: Vec<u8>,
    /// Opaque.
    pub payload: Vec<u8>,
    /// What it follows need not be carried out any more: see [`Hold::Recalled`](crate::Hold::Recalled).
    pub recalls: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is in the queue.
    New,
    /// It was in the queue already.
    Waiting,
    /// It is a dead letter. Nothing was done.
    Dead,
}

impl<C: Connection> Queue<'_, C> {
    /// Puts a follow-up into the queue. Messages of one subject are delivered one after the other, in the order in which
    /// they were accepted, whatever retries they need; one that becomes a dead letter holds up none behind it. Once this
    /// returned, the message is kept. Calling again is safe.
    pub async fn follow(&self, message: FollowUp) -> Result<Followed, Error> {
        let [bell, guard] = self.wake();
        let FollowUp { id, subject, payload, recalls } = message;
        let arguments = vec![id.into(), subject.into(), payload.into(), recalls.into(), bell, guard];
        let mut replies = self.run(&script::FOLLOW, arguments).await?;
        match replies.text()?.as_str() {
            "accepted" => Ok(Followed::New),
            "waiting" => Ok(Followed::Waiting),
            "dead" => Ok(Followed::Dead),
            _ => Err(replies.unexpected("a verdict")),
        }
    }
}
