//! Accepting a message: once for each idempotency key.

use std::time::Duration;

use crate::connection::{Connection, Error};
use crate::limits::AT_ONCE;
use crate::message::{MessageId, Payload};
use crate::queue::Queue;
use crate::script::{self, replies::Replies};

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

/// How much of a digest is kept: 112 bits, with which Redis's own two bytes fill an allocation of 16. One byte more,
/// and each accepted message would cost 16 more.
const KEPT: usize = 14;

/// A record as the scripts take it: digest, fingerprint and time to live.
pub(crate) fn idempotency(record: Option<&IdempotencyRecord>) -> (&[u8], &[u8], Duration) {
    match record {
        Some(record) => (&record.digest[..KEPT], &record.fingerprint, record.ttl),
        None => (&[], &[], Duration::ZERO),
    }
}

/// A message to accept.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Unique. The sender chooses it.
    pub id: MessageId,
    /// Its content.
    pub payload: Payload,
    /// `None`: each call is a message of its own.
    pub idempotency: Option<IdempotencyRecord>,
    /// Whose it is; `None`: nobody's.
    pub owner: Option<Owner>,
    /// What it is [found](crate::Queue::list) by, besides its owner and the time of its coming.
    pub tags: Vec<Tag>,
    /// The sender sent the same id before, and doesn't know whether that went through. Without an idempotency record, a
    /// message that is done already is known only by the head that its handler set.
    pub again: bool,
}

impl Accept {
    /// A message of its own that is nobody's.
    #[must_use]
    pub fn new(id: MessageId, payload: Payload) -> Self {
        Self { id, payload, idempotency: None, owner: None, tags: Vec::new(), again: false }
    }

    fn rate(&self) -> Option<&Rate> {
        self.owner.as_ref()?.rate.as_ref()
    }
}

/// Whose a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// All who name the same one are one.
    pub name: String,
    /// How many messages they may send, if that is limited.
    pub rate: Option<Rate>,
}

/// Something that messages have in common, by a digest of it. Only its first 62 bits count. So whoever finds a message
/// by a tag looks whether it has what the tag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub [u8; 8]);

impl Tag {
    /// Bytes of a tag as the scripts take it.
    const WRITTEN: usize = 10;

    /// Tags as the scripts take them.
    pub(crate) fn write_all(tags: &[Self]) -> Vec<u8> {
        let mut written = Vec::with_capacity(tags.len() * Self::WRITTEN);
        tags.iter().for_each(|tag| tag.write(&mut written));
        written
    }

    /// The tag as the scripts take it: its shard in hex, which is part of a key, and the rest.
    fn write(self, to: &mut Vec<u8>) {
        let [first, second, rest @ ..] = self.0;
        to.extend(format!("{:04x}", u16::from_be_bytes([first, second]) >> 2).into_bytes());
        to.extend(rest);
    }
}

/// How many messages an owner may send: a token bucket, which holds a number of tokens at most and gets new ones
/// steadily. Each message takes one. A message whose idempotency key is known takes one if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come each second; not 0.
    pub per_second: u32,
    /// Tokens that the bucket holds at most; not 0.
    pub burst: u32,
}

/// What is left in an owner's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens that are left.
    pub left: u32,
    /// How long until there is one.
    pub next: Duration,
    /// How long until the bucket is full.
    pub full: Duration,
}

/// What became of a message, and what its sender may send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What became of it.
    pub accepted: Accepted,
    /// `None` if the message's owner has no [`Rate`].
    pub allowance: Option<Allowance>,
}

/// When a message is refused. A known idempotency key is answered all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most messages that the queue may hold, leased and delayed ones included.
    pub depth: Option<u64>,
    /// Longest time that the oldest visible message may have waited.
    pub age: Option<Duration>,
}

/// What became of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is in the queue.
    New,
    /// The same key came with the same body before, and is this message.
    Replayed(MessageId),
    /// The key belongs to this message, which had another body.
    Conflict(MessageId),
    /// The queue is past a limit. Nothing was written.
    Full,
    /// Its sender has sent too many. Nothing was written.
    Limited,
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
        let answers = self.accept_together(&[message], limits).await?;
        Ok(answers.into_iter().next().expect("an answer for each message").accepted)
    }

    /// [`accept_within`](Self::accept_within) for each of these, one after the other, but in one call, which is done
    /// whole or not at all. At most [`AT_ONCE`] of them. Gives an answer for each.
    pub async fn accept_together(&self, messages: &[Accept], limits: Limits) -> Result<Vec<Answered>, Error> {
        debug_assert!(messages.len() <= AT_ONCE, "{} messages are too many for one call", messages.len());
        let mut arguments = self
            .waking(&script::ACCEPT)
            // The script is told 0 for no limit.
            .with("depth", limits.depth.unwrap_or_default())
            .with("age_ms", limits.age.unwrap_or_default());
        for message in messages {
            let (digest, fingerprint, ttl) = idempotency(message.idempotency.as_ref());
            let rate = message.rate();
            arguments = arguments
                .with("id", &message.id)
                .with("payload", &message.payload)
                .with("digest", digest)
                .with("fingerprint", fingerprint)
                .with("ttl_ms", ttl)
                .with("again", message.again)
                .with("tags", Tag::write_all(&message.tags))
                .with("caller", message.owner.as_ref().map_or("", |owner| &owner.name))
                // 0 for no limit.
                .with("per_second", rate.map_or(0, |rate| u64::from(rate.per_second)))
                .with("burst", rate.map_or(0, |rate| u64::from(rate.burst)));
        }
        let mut replies = self.run(arguments).await?;
        messages.iter().map(|message| answered(message, &mut replies)).collect()
    }
}

fn answered(message: &Accept, replies: &mut Replies) -> Result<Answered, Error> {
    let verdict = replies.text("verdict")?;
    let id = replies.bytes("id")?.into();
    let accepted = match verdict.as_str() {
        "accepted" => Accepted::New,
        "replayed" => Accepted::Replayed(id),
        "conflict" => Accepted::Conflict(id),
        "full" => Accepted::Full,
        "limited" => Accepted::Limited,
        _ => return Err(replies.unexpected("verdict", "a known one")),
    };
    let (left, next) = (replies.number("left")?, replies.number("next_ms")?);
    let (next, full) = (Duration::from_millis(next), Duration::from_millis(replies.number("full_ms")?));
    let allowance = message.rate().map(|_| Allowance { left: left as u32, next, full });
    Ok(Answered { accepted, allowance })
}
