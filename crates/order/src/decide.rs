//! What becomes of an order: the one place where that is decided.

use crate::envelope::Placed;
use crate::record::{Record, Status, Version};
use crate::timestamp::Timestamp;

/// Decides a placed order: it is confirmed, since one that arrives here whole has nothing against it.
///
/// `present` is the version of the order's latest record ([`Version::NONE`] when it has none), and `now` the time of the
/// decision. The same arguments give the same record, so that a repeated delivery decides alike.
#[must_use]
pub fn decide(placed: Placed, present: Version, now: Timestamp) -> Record {
    Record {
        id: placed.id,
        status: Status::Confirmed,
        version: present.next(),
        reason: None,
        // The clock of the host that accepted it may be ahead of ours, and no order changes before it exists.
        updated_at: now.max(placed.accepted_at()),
        order: placed.order,
    }
}
