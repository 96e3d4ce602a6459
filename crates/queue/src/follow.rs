//! Accepting a follow-up: a later message about the subject of an earlier one.

use crate::connection::{Connection, Error};
use crate::message::{MessageId, Payload, Subject};
use crate::queue::Queue;
use crate::script;

/// A message that waits for all that were accepted before it about the same subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// The sender chooses it. Sending it again while it is in the queue does nothing.
    pub id: MessageId,
    /// The message that it follows.
    pub subject: Subject,
    /// Its content.
    pub payload: Payload,
    /// The message that it follows need not be carried out any more: see [`Hold::Recalled`](crate::Hold::Recalled).
    pub recalls: bool,
}

/// What became of a follow-up that was sent.
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
    /// Puts a follow-up into the queue. Messages of one subject are delivered one after the other, in the order in
    /// which they were accepted, whatever retries they need; a dead letter holds up no message behind it.
    /// Once this returned, the message is kept. Calling again is safe.
    pub async fn follow(&self, message: FollowUp) -> Result<Followed, Error> {
        let FollowUp { id, subject, payload, recalls } = message;
        let arguments = self
            .waking(&script::FOLLOW)
            .with("id", id)
            .with("subject", subject)
            .with("payload", payload)
            .with("recalls", recalls);
        let mut replies = self.run(arguments).await?;
        match replies.text("verdict")?.as_str() {
            "accepted" => Ok(Followed::New),
            "waiting" => Ok(Followed::Waiting),
            "dead" => Ok(Followed::Dead),
            _ => Err(replies.unexpected("verdict", "a known one")),
        }
    }
}
