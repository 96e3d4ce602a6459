//! A record's JSON: what a shop reads with GET and what an event carries.
//!
//! Records outlive the build that wrote them. While a rollout lasts, or after it was taken back, an older build finds
//! those of a newer one. So a record says the version of its format in the field `v`. Format 1, which this build
//! writes, has no such field, as release 0.1 knows none. A release that only adds a field or a word keeps format 1: an
//! older build sees that it doesn't know it. Where an older build would misread a record, the record gets the next
//! format. Either way the older build leaves the order alone: see [`RecordError::is_later`]. So that no order waits, a
//! release first learns to read what only the release after it writes.

use super::{Record, RecordError, Standing, Version};
use crate::id::OrderId;
use crate::json::Node;
use crate::limits;
use crate::money::Money;
use crate::new_order::{NewOrder, Worth};
use crate::payment::Payment;
use crate::reader::{self, Value, caller, text, word};
use crate::reason_code::Shortage;
use crate::timestamp::Timestamp;
use crate::view::View;

impl Record {
    /// Writes the record as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        View::of(self).to_json()
    }

    /// Reads a record that [`to_json`](Self::to_json) wrote, and checks that it agrees with itself.
    ///
    /// # Errors
    /// See [`RecordError`]. An unknown field is one: to go on without it and write the next version would lose it.
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        if json.len() > limits::STORED_BYTES {
            return Err(RecordError::TooLarge);
        }
        Ok(reader::read(&known_format(json)?, record)?)
    }
}

impl Standing {
    /// Reads of a record that [`Record::to_json`] wrote only where its order stands.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        Ok(reader::read(&known_format(json)?, standing)?)
    }
}

/// Parses a record, unless its format is a later one.
pub(crate) fn known_format(json: &[u8]) -> Result<Node<'_>, RecordError> {
    let tree = Node::parse(json)?;
    let format = reader::read(&tree, |record| record.field("v")?.optional(|value| value.integer(1..=limits::VERSION)))?;
    match format {
        None | Some(1) => Ok(tree),
        Some(format) => Err(RecordError::UnknownFormat { format }),
    }
}

fn standing(record: &Value<'_>) -> Option<Standing> {
    let status = record.field("status")?.required(word);
    let tracking = record.field("tracking")?.optional(text);
    // It is an object, or else the word "none".
    let payment = record.field("payment")?.optional(|payment| Some(!payment.is_string()));
    let shop = record.field("shop")?.optional(caller);
    let erased_at = record.field("erased_at")?.optional(text::<Timestamp>);
    Some(Standing {
        status: status?,
        tracking: tracking?,
        is_paid: payment? == Some(true),
        shop: shop?,
        is_erased: erased_at?.is_some(),
    })
}

fn record(value: &Value<'_>) -> Option<Record> {
    let [_format, id, status, version, reason, reason_code, shortages, payment, action, rest @ ..] =
        value.fields(FIELDS)?;
    let [tracking, created_at, updated_at, erased_at, shop, subtotal, discount, tax, total, order @ ..] = rest;
    let id = id.required(text::<OrderId>);
    let status = status.required(word);
    let version = version.required(self::version);
    let reason = reason.optional(text);
    let reason_code = reason_code.optional(word);
    let shortages = shortages.optional(Shortage::read_all);
    let payment = payment.optional(Payment::read);
    let next_action = action.optional(text);
    let tracking = tracking.optional(text);
    created_at.required(|value| value.equal(text(value)?, id?.accepted_at()));
    let updated_at = updated_at.required(text);
    let erased_at = erased_at.optional(text);
    let shop = shop.optional(caller);
    let order = match erased_at {
        Some(Some(_)) => NewOrder::from_erased_fields(order),
        _ => NewOrder::from_fields(order),
    };
    let worth = order.as_ref().map(NewOrder::worth);
    let amount = |value: &Value<'_>, of: fn(&Worth) -> Money| {
        value.equal(value.integer(0..=limits::TOTAL)?, of(worth?).minor_units())
    };
    subtotal.optional(|value| amount(value, |worth| worth.subtotal));
    discount.optional(|value| amount(value, |worth| worth.discount));
    tax.optional(|value| amount(value, |worth| worth.tax));
    total.required(|value| amount(value, |worth| worth.total));
    Some(Record {
        id: id?,
        status: status?,
        version: version?,
        reason: reason?,
        reason_code: reason_code?,
        shortages: shortages?.unwrap_or_default(),
        payment: payment?,
        next_action: next_action?,
        tracking: tracking?,
        updated_at: updated_at?,
        erased_at: erased_at?,
        shop: shop?,
        order: Box::new(order?),
    })
}

/// A record's own fields, then those of its order.
const FIELDS: [&str; 29] = NewOrder::with_fields([
    "v",
    "id",
    "status",
    "version",
    "reason",
    "reason_code",
    "shortages",
    "payment",
    "next_action",
    "tracking",
    "created_at",
    "updated_at",
    "erased_at",
    "shop",
    "subtotal",
    "discount",
    "tax",
    "total",
]);

fn version(value: &Value<'_>) -> Option<Version> {
    let number = value.integer(1..=limits::VERSION)?;
    value.checked(Version::try_from(number))
}
