//! The keys of the store, and the names of records in them.
//!
//! | key | value | written |
//! |---|---|---|
//! | `order/{id}/{version}.{delivery}` | a [`Record`] | once, by that delivery of the order's own message |
//! | `order/{id}/{version}.{change}.{delivery}` | a [`Record`] | once, by that delivery of the change's message |
//! | `orders/latest-change` | a time that means nothing | after each batch, to wake the notifier |
//! | `orders/probe` | chance | by each check of health, which looks for it where the store should be |
//! | `stripe/{id}/…` | notes of the adapter for Stripe | see `components/stripe/src/notes.rs` |

use crate::command_id::ChangeKind;
use crate::id::OrderId;
use crate::record::{Record, Status, Version};
use std::fmt;

/// The key that is set after each batch of changes. Only that it changes means something.
pub const CHANGE_MARKER: &str = "orders/latest-change";

/// The beginning of every record's key.
pub const RECORDS: &str = "order/";

/// The key that health writes, to see that the store works and where it is.
pub const STORE_PROBE: &str = "orders/probe";

/// Names one record of an order: its version, and the delivery whose worker wrote it. A worker that comes back late
/// writes a record under a name of its own. The queue's head of an order is the name of its present record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordName {
    /// The record's version, 1 or more.
    pub version: Version,
    /// The change that the message asked for; `None` for the order's own message. Their deliveries are counted apart.
    pub change: Option<ChangeKind>,
    /// The delivery of the message that made the record. Workers that process the same message write different keys.
    pub delivery: u64,
    /// Its payment is pending. A head says so, since release 0.1 takes an order that has a head for decided. To that
    /// release the head is of a change that it doesn't know, and it leaves the order for a build that does.
    pub is_pending: bool,
}

/// Stands in the head of an order whose payment is pending, where that of a change has the change.
const PENDING: &str = "pending";

impl RecordName {
    /// The name of a record that a delivery makes.
    #[must_use]
    pub fn of(record: &Record, change: Option<ChangeKind>, delivery: u64) -> Self {
        let is_pending = record.status() == Status::PaymentPending;
        Self { version: record.version(), change, delivery, is_pending }
    }

    /// The names under which the last `most` deliveries of one message up to `last` would write this version.
    pub fn of_deliveries(
        version: Version,
        change: Option<ChangeKind>,
        last: u64,
        most: u64,
    ) -> impl Iterator<Item = Self> {
        let first = (last + 1).saturating_sub(most).max(1);
        (first..=last).map(move |delivery| Self { version, change, delivery, is_pending: false })
    }

    /// Reads `version.delivery`, `version.change.delivery` or `version.pending.delivery`, as its `Display` writes it;
    /// `None` for anything else.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        let text = str::from_utf8(name).ok()?;
        let (version, rest) = text.split_once('.')?;
        let version = Version::try_from(version.parse::<u64>().ok()?).ok()?;
        let (change, delivery) = match rest.split_once('.') {
            Some((PENDING, delivery)) => (None, delivery),
            Some((change, delivery)) => (Some(ChangeKind::parse(change)?), delivery),
            None => (None, rest),
        };
        let is_pending = change.is_none() && delivery.len() < rest.len();
        let name = Self { version, change, delivery: delivery.parse().ok()?, is_pending };
        // A number has other forms (`+1`, `01`), which would name another key.
        (version > Version::NONE && name.to_string() == text).then_some(name)
    }

    /// Whether it may be the name of a record that a later release wrote, for a change that this build doesn't know.
    #[must_use]
    pub fn may_be_later(name: &[u8]) -> bool {
        let mut parts = name.split(|byte| *byte == b'.');
        let (Some(version), Some(change), Some(delivery), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let is_word = !change.is_empty() && change.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        is_word && Self::parse(&[version, b".", delivery].concat()).is_some()
    }

    /// The store's key of the record: written once and never changed.
    #[must_use]
    pub fn key(self, order: OrderId) -> String {
        format!("{RECORDS}{order}/{}", Self { is_pending: false, ..self })
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Some(change) => write!(f, "{}.{change}.{}", self.version, self.delivery),
            None if self.is_pending => write!(f, "{}.{PENDING}.{}", self.version, self.delivery),
            None => write!(f, "{}.{}", self.version, self.delivery),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = RecordName::parse(b"3.17").unwrap();
        assert_eq!((head.version.get(), head.change, head.delivery), (3, None, 17));
        assert_eq!(head.to_string(), "3.17");
        let head = RecordName::parse(b"2.cancel.1").unwrap();
        assert_eq!((head.version.get(), head.change, head.delivery), (2, Some(ChangeKind::Cancel), 1));
        assert_eq!(head.to_string(), "2.cancel.1");
        let head = RecordName::parse(b"1.pending.4").unwrap();
        assert_eq!((head.version.get(), head.change, head.delivery, head.is_pending), (1, None, 4, true));
        assert_eq!(head.to_string(), "1.pending.4");
        let order: OrderId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        assert_eq!(head.key(order), format!("order/{order}/1.4"), "only the head tells that it is pending");
    }

    #[test]
    fn the_last_deliveries_are_told_and_not_more_than_there_were() {
        let told = |change, last, most| {
            let version = Version::NONE.next();
            RecordName::of_deliveries(version, change, last, most).map(|it| it.to_string()).collect::<Vec<_>>()
        };
        assert!(told(None, 0, 32).is_empty());
        assert_eq!(told(Some(ChangeKind::Fulfil), 2, 32), ["1.fulfil.1", "1.fulfil.2"]);
        assert_eq!(told(None, 999, 2), ["1.998", "1.999"]);
        assert!(told(None, 999, 0).is_empty());
    }

    #[test]
    fn a_name_for_a_change_that_is_not_known_may_be_of_a_later_release_and_no_other() {
        for (name, may_be) in [
            ("3.return.1", true),
            ("3.part_cancel.17", true),
            // To a build that knows no pending payment.
            ("1.pending.1", true),
            ("latest", false),
            ("3.1.2", false),
            ("3..1", false),
            ("03.return.1", false),
            ("3.return.x", false),
            ("3.return.1.2", false),
        ] {
            assert_eq!(RecordName::may_be_later(name.as_bytes()), may_be, "{name}");
        }
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
            // No message can ask for it.
            "2.confirm.1",
            "2.pending.",
            "2.pending.pending.1",
        ] {
            assert_eq!(RecordName::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(RecordName::parse(b"3.1\xff"), None);
    }
}
