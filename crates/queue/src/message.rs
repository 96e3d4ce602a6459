//! A message, and the bytes that it is made of. Each kind of bytes has a type of its own, so that no kind is taken for
//! another. The queue never reads them.

use std::ops::Deref;
use std::time::Duration;

use crate::connection::Arg;

/// Declares a kind of bytes.
macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

        }

        impl Deref for $name {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl<T: AsRef<[u8]>> PartialEq<T> for $name {
            fn eq(&self, other: &T) -> bool {
                self.0 == other.as_ref()
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(bytes.to_vec())
            }
        }

        impl<const N: usize> From<&[u8; N]> for $name {
            fn from(bytes: &[u8; N]) -> Self {
                Self(bytes.to_vec())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.as_bytes().to_vec())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into_bytes())
            }
        }

        impl From<$name> for Arg {
            fn from(bytes: $name) -> Self {
                Self::Bytes(bytes.0)
            }
        }

        impl From<&$name> for Arg {
            fn from(bytes: &$name) -> Self {
                Self::Bytes(bytes.0.clone())
            }
        }
    };
}

bytes_type!(
    /// Names a message in its queue. The sender chooses it.
    MessageId
);
bytes_type!(
    /// The message that a follow-up is about, by its id. Every other message is its own subject. SQS calls it the
    /// message group id.
    Subject
);
bytes_type!(
    /// Says which record of a subject is the present one. The handler writes it and reads it; a subject that was never
    /// settled with one has none.
    Head
);
bytes_type!(
    /// The content of a message.
    Payload
);

impl MessageId {
    /// The message as a subject: of itself, and of its follow-ups.
    pub fn as_subject(&self) -> Subject {
        Subject(self.0.clone())
    }
}

/// One delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The message that it is about: itself, or the one that it follows.
    pub subject: Subject,
    /// How often the message was handed out, this time included. It only ever grows.
    pub delivery: u64,
    /// Attempts that a handler failed since the message came or was redriven.
    pub failures: u32,
    /// Deliveries that were never settled, in the same time.
    pub crashes: u32,
    /// A worker may have died of it, so nothing that isn't suspect is handled beside it.
    pub suspect: bool,
    /// Its budget of crashes is used up: it comes without its payload, only to be buried.
    pub exhausted: bool,
    /// Since when it is visible, in ms by queue time.
    pub since: u64,
    /// The delivery before only waited for a place at a partner, and was thrown back. It did nothing, and saw to what
    /// those before it had left behind.
    pub thrown_back: bool,
    /// The head of its subject; `None` while there is none.
    pub head: Option<Head>,
    /// Its content.
    pub payload: Payload,
}

/// A message for another queue. It is written in the same step as the verdict that causes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// The queue or lane.
    pub queue: String,
    /// Unique in that queue.
    pub id: MessageId,
    /// Its content.
    pub payload: Payload,
    /// Whether it is also appended to the log.
    pub log: bool,
    /// How long it stays invisible.
    pub after: Duration,
}
