//! Leasing messages, and keeping the leases.

use crate::connection::{Arg, Connection, Error};
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
    /// Silences the doorbell first. Once per wake, before the first claim.
    pub silence: bool,
}

/// One delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's.
    pub id: Vec<u8>,
    /// What it is about: itself, or the message that it follows.
    pub subject: Vec<u8>,
    /// How often the message was handed out, this time included. Only ever grows.
    pub delivery: u64,
    /// Attempts that a handler failed since the message came or was redriven.
    pub failures: u32,
    /// Deliveries that were never settled, in the same time.
    pub crashes: u32,
    /// Over its budget of crashes: its payload was withheld, and it is to be buried.
    pub exhausted: bool,
    /// Which record is the present one of the message's subject. Empty: none yet.
    pub head: Vec<u8>,
    /// The sender's.
    pub payload: Vec<u8>,
}

impl<C: Connection> Queue<'_, C> {
    /// Leases visible messages. What isn't settled before the lease runs out becomes visible again, and counts as a
    /// crash.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Vec<Message>, Error> {
        let arguments = vec![
            claim.most.into(),
            claim.most_bytes.into(),
            self.timing.lease.into(),
            Arg::from(u64::from(claim.max_crashes)),
            claim.worker.into(),
            claim.silence.into(),
        ];
        let mut replies = self.run(&script::CLAIM, arguments).await?;
        let mut messages = Vec::new();
        while !replies.is_empty() {
            let (id, subject) = (replies.bytes()?, replies.bytes()?);
            messages.push(Message {
                subject: if subject.is_empty() { id.clone() } else { subject },
                id,
                delivery: replies.number()?,
                failures: replies.number()? as u32,
                crashes: replies.number()? as u32,
                exhausted: replies.flag()?,
                head: replies.bytes()?,
                payload: replies.bytes()?,
            });
        }
        Ok(messages)
    }

    /// Renews the leases of deliveries, given as id and number. Says for each whether it was still held.
    pub async fn renew(&self, deliveries: &[(&[u8], u64)]) -> Result<Vec<bool>, Error> {
        let mut arguments = vec![self.timing.lease.into()];
        for (id, delivery) in deliveries {
            arguments.extend([Arg::from(*id), Arg::from(*delivery)]);
        }
        self.run(&script::RENEW, arguments).await?.flags()
    }
}
