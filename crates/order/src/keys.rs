//! The keys of the store, and what points into it.
//!
//! | key | value | written |
//! |---|---|---|
//! | `order/{id}/{version}.{delivery}` | a [`Record`] | once, by that delivery of the order's own message |
//! | `order/{id}/{version}.{move}.{delivery}` | a [`Record`] | once, by that delivery of the message that asked for the move |
//! | `orders/latest-change` | a time that means nothing | after each batch, to wake the notifier |

use crate::id::OrderId;
use crate::life::Move;
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
    /// What the message asked for; `None` for the order's own message. Their deliveries are counted apart.
    pub wanted: Option<Move>,
    /// The delivery of the message that made it. Workers that process the same message write different keys.
    pub delivery: u64,
}

impl Head {
    /// The head that a record becomes.
    #[must_use]
    pub fn of(record: &Record, wanted: Option<Move>, delivery: u64) -> Self {
        Self { version: record.version(), wanted, delivery }
    }

    /// The heads of the deliveries before this one, whose records nobody will ever read: the last of them.
    pub fn earlier(self) -> impl Iterator<Item = Self> {
        const MOST: u64 = 32;
        (self.delivery.saturating_sub(MOST).max(1)..self.delivery).map(move |delivery| Self { delivery, ..self })
    }

    /// Reads `version.delivery` or `version.move.delivery`, as its `Display` writes it; `None` for anything else.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        let text = str::from_utf8(head).ok()?;
        let (version, rest) = text.split_once('.')?;
        let version = Version::try_from(version.parse::<u64>().ok()?).ok()?;
        let (wanted, delivery) = match rest.split_once('.') {
            Some((wanted, delivery)) => {
                (Some(Move::ALL.into_iter().find(|known| known.to_string() == wanted)?), delivery)
            }
            None => (None, rest),
        };
        let head = Self { version, wanted, delivery: delivery.parse().ok()? };
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
        match self.wanted {
            Some(wanted) => write!(f, "{}.{wanted}.{}", self.version, self.delivery),
            None => write!(f, "{}.{}", self.version, self.delivery),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head::parse(b"3.17").unwrap();
        assert_eq!((head.version.get(), head.wanted, head.delivery), (3, None, 17));
        assert_eq!(head.to_string(), "3.17");
        let head = Head::parse(b"2.cancel.1").unwrap();
        assert_eq!((head.version.get(), head.wanted, head.delivery), (2, Some(Move::Cancel), 1));
        assert_eq!(head.to_string(), "2.cancel.1");
    }

    #[test]
    fn the_deliveries_before_a_head_are_told_but_not_without_bound() {
        let earlier = |head: &[u8]| Head::parse(head).unwrap().earlier().map(|it| it.to_string()).collect::<Vec<_>>();
        assert!(earlier(b"1.1").is_empty());
        assert_eq!(earlier(b"2.fulfil.3"), ["2.fulfil.1", "2.fulfil.2"]);
        assert_eq!(earlier(b"1.1000").len(), 32);
        assert_eq!(earlier(b"1.1000").last().unwrap(), "1.999");
    }

    #[test]
    fn what_would_name_another_key_is_no_head() {
        for bad in [
            "",
            "3",
            "3.",
            ".1",
            "3.1.2",
            "-1.1",
            "a.b",
            "+3.1",
            "03.1",
            "3.01",
            "0.1",
            "3.18446744073709551616",
            "3.steal.1",
        ] {
            assert_eq!(Head::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Head::parse(b"3.1\xff"), None);
    }
}
