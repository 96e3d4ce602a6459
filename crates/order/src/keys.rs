//! The keys of the store, and what points into it.
//!
//! | key | value | written |
//! |---|---|---|
//! | `order/{id}/{version}.{delivery}` | a [`Record`] | once, by the delivery in its name |
//! | `orders/latest-change` | a time that means nothing | after each batch, to wake the notifier |

use crate::id::OrderId;
use crate::record::{Record, Version};
use std::fmt;

/// The key that is set after each batch of changes. Only that it changes means something.
pub const CHANGE_MARKER: &str = "orders/latest-change";

/// Which of an order's records is its present one: its version, and the delivery whose worker wrote it. A worker that
/// comes back late writes a record under a name of its own, to which no head points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The record's version, 1 or more.
    pub version: Version,
    /// The delivery of the message that made it. Workers that process the same message write different keys.
    pub delivery: u64,
}

impl Head {
    /// The head that a record becomes.
    #[must_use]
    pub fn of(record: &Record, delivery: u64) -> Self {
        Self { version: record.version(), delivery }
    }

    /// Reads `version.delivery`, as its `Display` writes it; `None` for anything else.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        let text = str::from_utf8(head).ok()?;
        let (version, delivery) = text.split_once('.')?;
        let version = Version::try_from(version.parse::<u64>().ok()?).ok()?;
        let head = Self { version, delivery: delivery.parse().ok()? };
        // A number has other forms (`+1`, `01`), which would name another key.
        (version > Version::NONE && head.to_string() == text).then_some(head)
    }

    /// The store's key of the record: written once and never changed.
    #[must_use]
    pub fn key(self, order: OrderId) -> String {
        format!("order/{order}/{self}")
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head::parse(b"3.17").unwrap();
        assert_eq!((head.version.get(), head.delivery), (3, 17));
        assert_eq!(head.to_string(), "3.17");
    }

    #[test]
    fn what_would_name_another_key_is_no_head() {
        for bad in
            ["", "3", "3.", ".1", "3.1.2", "-1.1", "a.b", "+3.1", "03.1", "3.01", "0.1", "3.18446744073709551616"]
        {
            assert_eq!(Head::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Head::parse(b"3.1\xff"), None);
    }
}
