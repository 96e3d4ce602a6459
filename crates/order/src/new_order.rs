//! An order as a shop places it.

mod read;
mod worth;

pub use worth::{Discount, Shipping, Tax, Worth};

use crate::email::Email;
use crate::fault::BodyFault;
use crate::iso_code::{Country, Currency};
use crate::json::written;
use crate::limits;
use crate::means::Means;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::reader;
use crate::text::{AddressLine, Locality, MetadataKey, MetadataValue, Name, Note, Phone, PostalCode, Reference, Sku};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Not;

/// An order that keeps every rule: 1 to [`limits::LINES`] lines, all in one currency, whose total is at most
/// [`limits::TOTAL`]. Nothing takes off more than there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = with_total))]
pub struct NewOrder {
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Customer", required))]
    customer: Option<Customer>,
    currency: Currency,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::LINES)))]
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::DISCOUNTS)))]
    discounts: Vec<Discount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<Shipping>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::TAXES)))]
    taxes: Vec<Tax>,
    #[serde(skip_serializing_if = "Not::not")]
    prices_include_tax: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = limits::METADATA_ENTRIES)))]
    metadata: BTreeMap<MetadataKey, MetadataValue>,
    /// Only a new order and its message have it. A record says what became of it.
    #[serde(rename = "payment", skip_serializing_if = "Option::is_none")]
    means: Option<Means>,
    /// Follows from the amounts above.
    #[serde(skip)]
    worth: Worth,
}

/// Who orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Customer {
    /// Where the shop can reach them.
    pub email: Email,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Their telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

/// One article of an order. The same article may be in several lines, at different prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    /// Which article.
    pub sku: Sku,
    /// The name that the customer knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// How many pieces.
    pub quantity: Quantity,
    /// Price of one piece in minor units of the order's currency, at most [`limits::UNIT_PRICE`].
    #[cfg_attr(feature = "schema", schemars(range(max = limits::UNIT_PRICE)))]
    pub unit_price: Money,
    /// What is taken off the price of all its pieces: at most that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// The tax on all its pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
}

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Address {
    /// Who receives it, if not the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Street and number, as a rule.
    pub line1: AddressLine,
    /// The rest of a street that is longer than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<AddressLine>,
    /// City, town or village. A country that is one city has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Locality>,
    /// State, province or county.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Locality>,
    /// As the country writes it. Some countries have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<PostalCode>,
    /// Country.
    pub country: Country,
}

/// The canonical JSON of a [`NewOrder`]: fields in a fixed order, no white space, metadata sorted, absent fields left
/// out, and the total too, which follows from the rest. Bodies that say the same have the same canonical JSON, so a
/// digest of it tells whether two are the same order.
/// Never longer than [`limits::BODY_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalJson(Vec<u8>);

impl NewOrder {
    /// Reads a request's body. Unknown and repeated fields are faults, at every level; a field that may be left out may
    /// also be `null`, which says the same.
    ///
    /// # Errors
    /// Everything that is wrong with the body, at once: see [`BodyFault`].
    pub fn parse(body: &[u8]) -> Result<Self, BodyFault> {
        if body.len() > limits::BODY_BYTES {
            return Err(BodyFault::TooLarge);
        }
        let order = reader::read_body(body, Self::read_new)?;
        // Only a name in another Unicode form gets longer, and only in a body near the limit does that matter.
        if body.len() > limits::BODY_BYTES / 2 && order.canonical_json().0.len() > limits::BODY_BYTES {
            return Err(BodyFault::TooLarge);
        }
        Ok(order)
    }

    /// The canonical JSON, which [`parse`](Self::parse) reads again, if its total stands with it.
    #[must_use]
    pub fn canonical_json(&self) -> CanonicalJson {
        CanonicalJson(written(self))
    }

    /// The shop's own number of the order.
    #[must_use]
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Who orders. Every new order says it; `None`: that was erased since.
    #[must_use]
    pub fn customer(&self) -> Option<&Customer> {
        self.customer.as_ref()
    }

    /// Takes out who its customer is: the customer, the address and the note.
    pub(crate) fn erase(&mut self) {
        self.customer = None;
        self.shipping_address = None;
        self.note = None;
    }

    /// The currency of all its prices.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Its lines: 1 to [`limits::LINES`].
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What is taken off it, beside the discounts of its lines: up to [`limits::DISCOUNTS`].
    #[must_use]
    pub fn discounts(&self) -> &[Discount] {
        &self.discounts
    }

    /// What it costs to send it.
    #[must_use]
    pub fn shipping(&self) -> Option<&Shipping> {
        self.shipping.as_ref()
    }

    /// Its taxes by name: up to [`limits::TAXES`]. If there are any, the taxes of the lines are a part of them.
    #[must_use]
    pub fn taxes(&self) -> &[Tax] {
        &self.taxes
    }

    /// What its customer pays for all.
    #[must_use]
    pub fn total(&self) -> Money {
        self.worth.total
    }

    /// What its total is made of.
    #[must_use]
    pub fn worth(&self) -> &Worth {
        &self.worth
    }

    /// What its total is made of, if that is more than the price of its lines.
    pub(crate) fn parts(&self) -> Option<&Worth> {
        let is_plain = |line: &Line| line.discount.is_none() && line.tax.is_none();
        let are_lines_all = self.discounts.is_empty()
            && self.shipping.is_none()
            && self.taxes.is_empty()
            && !self.prices_include_tax
            && self.lines.iter().all(is_plain);
        (!are_lines_all).then_some(&self.worth)
    }

    /// Where it goes.
    #[must_use]
    pub fn shipping_address(&self) -> Option<&Address> {
        self.shipping_address.as_ref()
    }

    /// The customer's note to the shop.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// How the shop has it paid for, if it said so. An order from a record doesn't know it any more.
    #[must_use]
    pub fn means(&self) -> Option<&Means> {
        self.means.as_ref()
    }

    /// The shop's own data.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<MetadataKey, MetadataValue> {
        &self.metadata
    }
}

impl Line {
    /// The price of all its pieces. `None`: it is above [`limits::TOTAL`].
    fn price(&self) -> Option<Money> {
        self.unit_price.checked_mul(self.quantity)
    }
}

impl CanonicalJson {
    /// The JSON, in UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The total that the shop shows is compared with ours, and kept by neither.
#[cfg(feature = "schema")]
fn with_total(schema: &mut schemars::Schema) {
    if let Some(fields) = schema.get_mut("properties").and_then(|fields| fields.as_object_mut()) {
        fields.insert("total".to_owned(), crate::scalar_schema::integer(0, limits::TOTAL).to_value());
    }
}
