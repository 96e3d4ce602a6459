//! Reads an order and its parts.

use super::{Address, Customer, Line, NewOrder};
use crate::email::Email;
use crate::fault::Malformed;
use crate::limits;
use crate::means::Means;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::reader::{Field, Value, seen_text, text, text_by, word};
use crate::text::{MetadataKey, MetadataValue, Reference, Sku};
use std::collections::BTreeMap;

/// Reads the names in an order by which people and programs find a thing again. A new order's are read strictly; those
/// of one that was accepted before, as they are.
#[derive(Clone, Copy)]
struct NameReaders {
    reference: fn(&Value<'_>) -> Option<Reference>,
    email: fn(&Value<'_>) -> Option<Email>,
    sku: fn(&Value<'_>) -> Option<Sku>,
}

impl NameReaders {
    const NEW: Self = Self { reference: seen_text, email: seen_text, sku: |value| text_by(value, Sku::named) };
    const KEPT: Self = Self { reference: text, email: text, sku: text };
}

impl NewOrder {
    /// Reads an order from a request's body.
    pub(super) fn read_new(value: &Value<'_>) -> Option<Self> {
        Self::with_means(value, NameReaders::NEW)
    }

    /// Reads an order from a queued message.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        Self::with_means(value, NameReaders::KEPT)
    }

    fn with_means(value: &Value<'_>, names: NameReaders) -> Option<Self> {
        let [reference, customer, currency, lines, shipping_address, note, metadata] = Self::FIELDS;
        let [means, fields @ ..] =
            value.fields(["payment", reference, customer, currency, lines, shipping_address, note, metadata])?;
        let means = means.optional(Means::read);
        let order = Self::with_names(fields, names)?;
        Some(Self { means: means?, ..order })
    }

    /// The names of an order's fields, as [`from_fields`](Self::from_fields) takes them.
    pub(crate) const FIELDS: [&'static str; 7] =
        ["reference", "customer", "currency", "lines", "shipping_address", "note", "metadata"];

    /// Reads an order that was accepted before, whose fields were found in an object: its own, or a record's.
    pub(crate) fn from_fields(fields: [Field<'_>; 7]) -> Option<Self> {
        Self::with_names(fields, NameReaders::KEPT)
    }

    #[inline(never)]
    fn with_names(fields: [Field<'_>; 7], names: NameReaders) -> Option<Self> {
        let [reference, customer, currency, lines, shipping_address, note, metadata] = fields;
        let reference = reference.optional(names.reference);
        let customer = customer.required(|value| self::customer(value, names));
        let currency = currency.required(word);
        let lines = lines.required(|value| self::lines(value, names));
        let shipping_address = shipping_address.optional(address);
        let note = note.optional(text);
        let metadata = metadata.optional(self::metadata);
        let (lines, total) = lines?;
        Some(Self {
            reference: reference?,
            customer: customer?,
            currency: currency?,
            lines,
            shipping_address: shipping_address?,
            note: note?,
            metadata: metadata?.unwrap_or_default(),
            means: None,
            total,
        })
    }
}

fn customer(value: &Value<'_>, names: NameReaders) -> Option<Customer> {
    let [email, name, phone] = value.fields(["email", "name", "phone"])?;
    let email = email.required(names.email);
    let name = name.optional(text);
    let phone = phone.optional(text);
    Some(Customer { email: email?, name: name?, phone: phone? })
}

/// Reads all lines, and their total.
fn lines(value: &Value<'_>, names: NameReaders) -> Option<(Vec<Line>, Money)> {
    let elements = value.elements()?;
    if !(1..=limits::LINES).contains(&elements.len()) {
        value.fault(format!("must have 1 to {} lines, not {}", limits::LINES, elements.len()));
        return None;
    }
    let lines: Vec<Option<Line>> = elements.map(|element| line(&element, names)).collect();
    let lines: Vec<Line> = lines.into_iter().collect::<Option<_>>()?;
    let total = value.checked(total(&lines))?;
    Some((lines, total))
}

fn line(value: &Value<'_>, names: NameReaders) -> Option<Line> {
    let [sku, name, quantity, unit_price] = value.fields(["sku", "name", "quantity", "unit_price"])?;
    let sku = sku.required(names.sku);
    let name = name.optional(text);
    let quantity = quantity.required(self::quantity);
    let unit_price = unit_price.required(|value| amount(value, limits::UNIT_PRICE));
    Some(Line { sku: sku?, name: name?, quantity: quantity?, unit_price: unit_price? })
}

fn quantity(value: &Value<'_>) -> Option<Quantity> {
    let pieces = value.integer(1..=limits::QUANTITY.into())?;
    value.checked(Quantity::try_from(pieces))
}

fn amount(value: &Value<'_>, max: u64) -> Option<Money> {
    let minor_units = value.integer_of("an integer in minor units, such as 450 for 4.50", 0..=max)?;
    value.checked(Money::try_from(minor_units))
}

fn total(lines: &[Line]) -> Result<Money, Malformed> {
    let sum = |sum: Money, line: &Line| sum.checked_add(line.unit_price.checked_mul(line.quantity)?);
    let too_much = || Malformed::new(format!("must total at most {} minor units", limits::TOTAL));
    lines.iter().try_fold(Money::ZERO, sum).ok_or_else(too_much)
}

fn address(value: &Value<'_>) -> Option<Address> {
    let [name, line1, line2, city, region, postal_code, country] =
        value.fields(["name", "line1", "line2", "city", "region", "postal_code", "country"])?;
    let name = name.optional(text);
    let line1 = line1.required(text);
    let line2 = line2.optional(text);
    let city = city.optional(text);
    let region = region.optional(text);
    let postal_code = postal_code.optional(text);
    let country = country.required(word);
    Some(Address {
        name: name?,
        line1: line1?,
        line2: line2?,
        city: city?,
        region: region?,
        postal_code: postal_code?,
        country: country?,
    })
}

fn metadata(value: &Value<'_>) -> Option<BTreeMap<MetadataKey, MetadataValue>> {
    let members = value.members()?;
    if members.len() > limits::METADATA_ENTRIES {
        value.fault(format!("must have at most {} entries, not {}", limits::METADATA_ENTRIES, members.len()));
        return None;
    }
    let mut metadata = BTreeMap::new();
    for (name, value) in members {
        let key: Option<MetadataKey> = value.checked(name.parse().map_err(misnamed));
        let text = text(&value);
        if let (Some(key), Some(text)) = (key, text)
            && metadata.insert(key, text).is_some()
        {
            value.fault("is there more than once");
        }
    }
    Some(metadata)
}

fn misnamed(Malformed(detail): Malformed) -> Malformed {
    Malformed::new(format!("has a name that {detail}"))
}
