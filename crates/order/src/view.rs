//! What is told of an order: to a shop that asks, and in an event. One JSON object for all, with the fields that apply.

use crate::command_id::ChangeKind;
use crate::id::OrderId;
use crate::iso_code::Currency;
use crate::json::written;
use crate::money::Money;
use crate::new_order::{Address, Customer, Discount, Line, NewOrder, Shipping, Tax};
use crate::payment::Payment;
use crate::reason_code::{ReasonCode, Shortage};
use crate::record::{Record, Version};
use crate::state::State;
use crate::text::{MetadataKey, MetadataValue, NextAction, Note, Reference, Tracking};
use crate::timestamp::Timestamp;
use access::CallerName;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Not;

/// What everybody is told of an order whose dead letter was discarded.
const DISCARDED: &str = "an operator gave it up";

/// An order as it is told.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Order", transform = with_pending))]
pub(crate) struct View<'a> {
    id: OrderId,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    /// The change that was given up. Absent if the order itself was.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<ReasonCode>,
    #[serde(skip_serializing_if = "<[Shortage]>::is_empty")]
    shortages: &'a [Shortage],
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'a Payment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<&'a NextAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<&'a Tracking>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
    /// Then there is no customer, no address and no note.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scalar_schema::caller"))]
    shop: Option<&'a CallerName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    // This and the next four are absent if the lines are all that the total is made of. So a release that doesn't know
    // them reads the record of such an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    subtotal: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<&'a Shipping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<Money>,
    #[serde(skip_serializing_if = "Not::not")]
    prices_include_tax: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    #[serde(skip_serializing_if = "<[Line]>::is_empty")]
    lines: &'a [Line],
    #[serde(skip_serializing_if = "<[Discount]>::is_empty")]
    discounts: &'a [Discount],
    #[serde(skip_serializing_if = "<[Tax]>::is_empty")]
    taxes: &'a [Tax],
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a Customer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<&'a Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a BTreeMap<MetadataKey, MetadataValue>>,
}

impl<'a> View<'a> {
    /// What an id tells.
    pub(crate) fn new(id: OrderId, status: State) -> Self {
        Self {
            id,
            status,
            version: None,
            change: None,
            reason: None,
            reason_code: None,
            shortages: &[],
            payment: None,
            next_action: None,
            tracking: None,
            created_at: id.accepted_at(),
            updated_at: None,
            erased_at: None,
            age_ms: None,
            shop: None,
            reference: None,
            currency: None,
            subtotal: None,
            discount: None,
            shipping: None,
            tax: None,
            prices_include_tax: false,
            total: None,
            lines: &[],
            discounts: &[],
            taxes: &[],
            customer: None,
            shipping_address: None,
            note: None,
            metadata: None,
        }
    }

    /// All that a record holds.
    pub(crate) fn of(record: &'a Record) -> Self {
        Self {
            version: Some(record.version()),
            reason: record.reason().map(|reason| reason.as_str()),
            reason_code: record.reason_code(),
            shortages: record.shortages(),
            payment: record.payment(),
            next_action: record.next_action(),
            tracking: record.tracking(),
            updated_at: Some(record.updated_at()),
            erased_at: record.erased_at(),
            shop: record.shop(),
            ..Self::new(record.id(), State::Decided(record.status())).with(record.order())
        }
    }

    /// An order that waits since so many milliseconds.
    pub(crate) fn queued(id: OrderId, age_ms: u64) -> Self {
        Self { age_ms: Some(age_ms), ..Self::new(id, State::Queued) }
    }

    /// An order, or a change to it, that was given up.
    pub(crate) fn given_up(id: OrderId, change: Option<ChangeKind>, reason: &'a str) -> Self {
        Self { change, ..Self::new(id, State::NeedsAttention).because(ReasonCode::ProcessingFailed, reason) }
    }

    /// An order whose dead letter was discarded, and its content with it.
    pub(crate) fn discarded(id: OrderId) -> Self {
        Self::new(id, State::Discarded).because(ReasonCode::Discarded, DISCARDED)
    }

    /// The same with when its customer was taken out.
    pub(crate) fn erased(self, erased_at: Option<Timestamp>) -> Self {
        Self { erased_at, ..self }
    }

    /// The same with a reason.
    pub(crate) fn because(self, code: ReasonCode, reason: &'a str) -> Self {
        Self { reason: Some(reason), reason_code: Some(code), ..self }
    }

    /// The same with whose key brought it.
    pub(crate) fn of_shop(self, shop: Option<&'a CallerName>) -> Self {
        Self { shop, ..self }
    }

    /// The same with how much is paid in what, by which number of the shop.
    pub(crate) fn in_short(self, order: &'a NewOrder) -> Self {
        let parts = order.parts();
        Self {
            reference: order.reference(),
            currency: Some(order.currency()),
            subtotal: parts.map(|parts| parts.subtotal),
            discount: parts.map(|parts| parts.discount),
            shipping: order.shipping(),
            tax: parts.map(|parts| parts.tax),
            prices_include_tax: parts.is_some_and(|parts| parts.includes_tax),
            total: Some(order.total()),
            ..self
        }
    }

    /// The same with the whole order.
    pub(crate) fn with(self, order: &'a NewOrder) -> Self {
        Self {
            lines: order.lines(),
            discounts: order.discounts(),
            taxes: order.taxes(),
            customer: order.customer(),
            shipping_address: order.shipping_address(),
            note: order.note(),
            metadata: Some(order.metadata()).filter(|metadata| !metadata.is_empty()),
            ..self.in_short(order)
        }
    }

    /// The JSON object.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        written(self)
    }
}

/// The changes that wait are added to it as JSON.
#[cfg(feature = "schema")]
fn with_pending(schema: &mut schemars::Schema) {
    let mut generator = schemars::SchemaGenerator::new(
        schemars::generate::SchemaSettings::draft2020_12().for_serialize().with(|it| it.inline_subschemas = true),
    );
    let pending = generator.subschema_for::<Vec<crate::pending::Pending>>();
    if let Some(fields) = schema.get_mut("properties").and_then(|fields| fields.as_object_mut()) {
        fields.insert("pending".to_owned(), pending.to_value());
    }
}
