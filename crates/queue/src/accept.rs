//! Accepting a message, once per idempotency key.

use std::time::Duration;

use crate::connection::{Arg, Connection, Error};
use crate::queue::Queue;
use crate::script;

/// What makes two calls the same: a digest of who called with which key, and one of what they sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Digest of caller and key. Its first [`KEPT`] bytes count.
    pub digest: [u8; 16],
    /// Digest of the body.
    pub fingerprint: [u8; 16],
    /// How long the key is remembered.
    pub ttl: Duration,
}

/// How much of a digest is kept: 112 bits, with which Redis's own two bytes fill an allocation of 16. One byte more, and
/// each accepted message would cost 16 more.
const KEPT: usize = 14;

/// A message to accept.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Chosen by the sender, unique.
    pub id: Vec<u8>,
    /// Opaque.
    pub payload: Vec<u8>,
    /// Absent: each call is a message of its own.
    pub idempotency: Option<IdempotencyRecord>,
    /// The same id was sent before, and it isn't known whether that went through. Without an idempotency record this is
    /// only safe where being done sets a head, which is how a message that is done already is told from a new one.
    pub again: bool,
}

/// When to say no. Known keys are answered all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most messages that the queue may hold, leased and delayed ones included. 0: any number.
    pub depth: u64,
    /// Longest time that the oldest visible message may have waited. 0: any.
    pub age: Duration,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is in the queue.
    New,
    /// The same key came with the same body before, and is this message.
    Replayed(Vec<u8>),
    /// The key belongs to this message, which had another body.
    Conflict(Vec<u8>),
    /// The queue is past a limit. Nothing was written.
    Full,
}

impl<C: Connection> Queue<'_, C> {
    /// Puts a message into the queue, unless its idempotency key is known. Once this returned, the message is kept.
    ///
    /// After an error the message may be in the queue or not; calling again with the same id and `again` is safe.
    pub async fn accept(&self, message: Accept) -> Result<Accepted, Error> {
        self.accept_within(message, Limits::default()).await
    }

    /// [`accept`](Self::accept), unless the queue is past a limit.
    pub async fn accept_within(&self, message: Accept, limits: Limits) -> Result<Accepted, Error> {
        let [bell, guard] = self.wake();
        let (digest, fingerprint, ttl) = match &message.idempotency {
            Some(record) => (&record.digest[..KEPT], &record.fingerprint[..], record.ttl),
            None => (&[][..], &[][..], Duration::ZERO),
        };
        let arguments = vec![
            message.id.into(),
            message.payload.into(),
            bell,
            guard,
            digest.into(),
            fingerprint.into(),
            ttl.into(),
            Arg::from(message.again),
            limits.depth.into(),
            limits.age.into(),
        ];
        let mut replies = self.run(&script::ACCEPT, arguments).await?;
        let verdict = replies.text()?;
        let id = replies.bytes()?;
        match verdict.as_str() {
            "accepted" => Ok(Accepted::New),
            "replayed" => Ok(Accepted::Replayed(id)),
            "conflict" => Ok(Accepted::Conflict(id)),
            "full" => Ok(Accepted::Full),
            _ => Err(replies.unexpected("a verdict")),
        }
    }
}
