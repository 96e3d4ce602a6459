//! A record's JSON: what a shop reads with GET and what an event carries.

use super::{Record, RecordError, Standing, Version};
use crate::id::OrderId;
use crate::json::Node;
use crate::limits;
use crate::new_order::NewOrder;
use crate::payment::Payment;
use crate::reader::{self, Value, text};
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
    /// See [`RecordError`]. An unknown field is a fault: to go on without it and write the next version would lose it.
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        if json.len() > limits::STORED_BYTES {
            return Err(RecordError::TooLarge);
        }
        let tree = Node::parse(json)?;
        reader::read(&tree, record).map_err(RecordError::Invalid)
    }
}

impl Standing {
    /// Reads of a record that [`Record::to_json`] wrote only where its order stands.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn from_json(json: &[u8]) -> Result<Self, RecordError> {
        let tree = Node::parse(json)?;
        reader::read(&tree, standing).map_err(RecordError::Invalid)
    }
}

fn standing(record: &Value<'_>) -> Option<Standing> {
    let status = record.field("status")?.required(text);
    let tracking = record.field("tracking")?.optional(text);
    // It is an object, or else the word "none".
    let payment = record.field("payment")?.optional(|payment| Some(!payment.is_string()));
    Some(Standing { status: status?, tracking: tracking?, is_paid: payment? == Some(true) })
}

fn record(value: &Value<'_>) -> Option<Record> {
    let [id, status, version, reason, payment, tracking, created_at, updated_at, total, order @ ..] =
        value.fields(FIELDS)?;
    let id = id.required(text::<OrderId>);
    let status = status.required(text);
    let version = version.required(self::version);
    let reason = reason.optional(text);
    let payment = payment.optional(Payment::read);
    let tracking = tracking.optional(text);
    created_at.required(|value| value.equal(text(value)?, id?.accepted_at()));
    let updated_at = updated_at.required(text);
    let order = NewOrder::from_fields(order);
    total.required(|value| value.equal(value.integer(0..=limits::TOTAL)?, order.as_ref()?.total().minor_units()));
    Some(Record {
        id: id?,
        status: status?,
        version: version?,
        reason: reason?,
        payment: payment?,
        tracking: tracking?,
        updated_at: updated_at?,
        order: order?,
    })
}

/// A record's own fields, then those of its order.
const FIELDS: [&str; 16] = {
    let [reference, customer, currency, lines, shipping_address, note, metadata] = NewOrder::FIELDS;
    [
        "id",
        "status",
        "version",
        "reason",
        "payment",
        "tracking",
        "created_at",
        "updated_at",
        "total",
        reference,
        customer,
        currency,
        lines,
        shipping_address,
        note,
        metadata,
    ]
};

fn version(value: &Value<'_>) -> Option<Version> {
    let number = value.integer(1..=limits::VERSION)?;
    value.checked(Version::try_from(number))
}
