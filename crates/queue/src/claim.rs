//! Leasing messages, and keeping the leases.

use crate::connection::{Connection, Error};
use crate::message::{Message, MessageId};
use crate::queue::Queue;
use crate::script;

/// How much to claim, and for whom.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// At most so many messages: no more than can be handled well within the lease.
    pub most: usize,
    /// At most so many bytes of payload. One message is always given.
    pub most_bytes: usize,
    /// After how many crashes a message is only given out to be buried.
    pub max_crashes: u32,
    /// Names the worker in the history of what goes wrong.
    pub worker: &'a str,
    /// With the worker's name it is the token of this claim. No other claim of the worker has the same number.
    pub number: u32,
    /// An earlier try with this token failed, and may have been carried out. If so, it is answered once more: the same
    /// deliveries are given, except those that somebody else has by now. The worker must then
    /// [`renew`](Queue::renew) them before it handles them: until it does, Redis doesn't count it as their crash when
    /// their lease runs out.
    pub again: bool,
    /// Silences the doorbell first. Once per wake, before the first claim.
    pub silence: bool,
    /// Whether the worker has others in flight.
    pub side: Side,
    /// At most so many of those that were [thrown back](crate::Failure::Throttle), each for a place at its partner.
    pub places: usize,
}

/// What a claimed message is handled beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Nothing else. It may be a suspect: one whose worker may have died of it.
    Alone,
    /// Messages in flight. So no suspect is given; and nothing at all when it is the suspects' turn, so that what is in
    /// flight comes to its end.
    Beside,
}

impl<C: Connection> Queue<'_, C> {
    /// Leases visible messages. A message that isn't settled before its lease runs out becomes visible again, and that
    /// counts as a crash. After an error, call again with the same token and `again`.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Vec<Message>, Error> {
        let arguments = self
            .arguments(&script::CLAIM)
            .with("most", claim.most)
            .with("most_bytes", claim.most_bytes)
            .with("lease_ms", self.timing.lease)
            .with("max_crashes", u64::from(claim.max_crashes))
            .with("worker", claim.worker)
            .with("number", u64::from(claim.number))
            .with("again", claim.again)
            .with("silence", claim.silence)
            .with("beside", claim.side == Side::Beside)
            .with("places", claim.places);
        let mut replies = self.run(arguments).await?;
        let mut messages = Vec::new();
        while !replies.is_empty() {
            let (id, subject) = (MessageId::from(replies.bytes("id")?), replies.bytes("subject")?);
            messages.push(Message {
                subject: if subject.is_empty() { id.as_subject() } else { subject.into() },
                id,
                delivery: replies.number("deliveries")?,
                failures: replies.number("failures")? as u32,
                crashes: replies.number("crashes")? as u32,
                suspect: replies.flag("suspect")?,
                exhausted: replies.flag("exhausted")?,
                since: replies.number("since")?,
                thrown_back: replies.flag("thrown_back")?,
                head: replies.head("head")?,
                payload: replies.bytes("payload")?.into(),
            });
        }
        Ok(messages)
    }

    /// Renews the leases of deliveries, given as id and number. Says for each whether it was still held.
    pub async fn renew(&self, deliveries: &[(&MessageId, u64)]) -> Result<Vec<bool>, Error> {
        let mut arguments = self.arguments(&script::RENEW).with("lease_ms", self.timing.lease);
        for (id, delivery) in deliveries {
            arguments = arguments.with("id", *id).with("delivery", *delivery);
        }
        self.run(arguments).await?.flags("renewed")
    }
}
