//! Reads an order and its parts.

use super::worth::Flaw;
use super::{Address, Customer, Discount, Line, NewOrder, Shipping, Tax, Worth};
use crate::email::Email;
use crate::fault::Malformed;
use crate::limits;
use crate::means::Means;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::reader::{Field, Value, boolean, seen_text, text, text_by, word};
use crate::text::{MetadataKey, MetadataValue, Reference, Sku};
use std::collections::BTreeMap;

/// Reads the names in an order by which people and programs find a thing again, and its customer. A new order's names
/// are read strictly; those of one that was accepted before, as they are.
#[derive(Clone, Copy)]
struct NameReaders {
    customer: fn(&Field<'_>, Self) -> Option<Option<Customer>>,
    reference: fn(&Value<'_>) -> Option<Reference>,
    email: fn(&Value<'_>) -> Option<Email>,
    sku: fn(&Value<'_>) -> Option<Sku>,
}

impl NameReaders {
    const NEW: Self =
        Self { customer: there, reference: seen_text, email: seen_text, sku: |value| text_by(value, Sku::named) };
    const KEPT: Self = Self { customer: there, reference: text, email: text, sku: text };
    const ERASED: Self = Self { customer: gone, ..Self::KEPT };
}

impl NewOrder {
    /// Reads an order from a request's body.
    pub(crate) fn read_new(value: &Value<'_>) -> Option<Self> {
        let [total, fields @ ..]: [Field<'_>; 13] = value.fields(const { Self::with_fields(["total", "payment"]) })?;
        let order = Self::with_means(fields, NameReaders::NEW);
        let told = total.optional(part);
        let (order, told) = (order?, told?);
        match told {
            Some(told) if told != order.total() => {
                total.fault(format!("must be {}, not {told}: {}", order.total(), order.worth));
            }
            // A shop that means the one to be added to the other would charge too little, and not know it.
            None if order.has_both_taxes() => {
                total.fault(
                    "is required where lines and order both have taxes: those of the lines are a part of the order's",
                );
            }
            _ => return Some(order),
        }
        None
    }

    /// Whether there are taxes of the lines in the taxes of the order.
    fn has_both_taxes(&self) -> bool {
        let is_taxed = |line: &Line| line.tax.is_some_and(|tax| tax != Money::ZERO);
        !self.taxes.is_empty() && self.lines.iter().any(is_taxed)
    }

    /// Reads an order from a queued message.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        Self::with_means(value.fields(const { Self::with_fields(["payment"]) })?, NameReaders::KEPT)
    }

    fn with_means([means, fields @ ..]: [Field<'_>; 12], names: NameReaders) -> Option<Self> {
        let means = means.optional(Means::read);
        let order = Self::with_names(fields, names)?;
        Some(Self { means: means?, ..order })
    }

    /// The names of an order's fields, as [`from_fields`](Self::from_fields) takes them.
    const FIELDS: [&'static str; 11] = [
        "reference",
        "customer",
        "currency",
        "lines",
        "discounts",
        "shipping",
        "taxes",
        "prices_include_tax",
        "shipping_address",
        "note",
        "metadata",
    ];

    /// Names, and behind them those of an order's fields.
    pub(crate) const fn with_fields<const OWN: usize, const ALL: usize>(
        own: [&'static str; OWN],
    ) -> [&'static str; ALL] {
        assert!(ALL == OWN + Self::FIELDS.len(), "there is a place for each name");
        let mut all = [""; ALL];
        let mut at = 0;
        while at < ALL {
            all[at] = if at < OWN { own[at] } else { Self::FIELDS[at - OWN] };
            at += 1;
        }
        all
    }

    /// Reads an order that was accepted before, whose fields were found in an object: its own, or a record's.
    pub(crate) fn from_fields(fields: [Field<'_>; 11]) -> Option<Self> {
        Self::with_names(fields, NameReaders::KEPT)
    }

    /// Reads an order that was accepted before, and whose customer was taken out since.
    pub(crate) fn from_erased_fields(fields: [Field<'_>; 11]) -> Option<Self> {
        Self::with_names(fields, NameReaders::ERASED)
    }

    #[inline(never)]
    fn with_names(fields: [Field<'_>; 11], names: NameReaders) -> Option<Self> {
        let [reference, customer, currency, lines, amounts @ .., shipping_address, note, metadata] = &fields;
        let [discounts, shipping, taxes, prices_include_tax] = amounts;
        let reference = reference.optional(names.reference);
        let customer = (names.customer)(customer, names);
        let currency = currency.required(word);
        let lines = lines.required(|value| self::lines(value, names));
        let discounts = discounts.optional(|value| list(value, limits::DISCOUNTS, "discounts", discount));
        let shipping = shipping.optional(self::shipping);
        let taxes = taxes.optional(|value| list(value, limits::TAXES, "taxes", tax));
        let prices_include_tax = prices_include_tax.optional(boolean);
        let shipping_address = shipping_address.optional(address);
        let note = note.optional(text);
        let metadata = metadata.optional(self::metadata);
        let order = Self {
            reference: reference?,
            customer: customer?,
            currency: currency?,
            lines: lines?,
            discounts: discounts?.unwrap_or_default(),
            shipping: shipping?,
            taxes: taxes?.unwrap_or_default(),
            prices_include_tax: prices_include_tax?.unwrap_or_default(),
            shipping_address: shipping_address?,
            note: note?,
            metadata: metadata?.unwrap_or_default(),
            means: None,
            worth: Worth::NONE,
        };
        order.weighed(&fields)
    }

    /// The same with what it is worth, or the fault of the field in which its amounts don't fit together.
    fn weighed(self, fields: &[Field<'_>; 11]) -> Option<Self> {
        let [_, _, _, lines, discounts, shipping, taxes, ..] = fields;
        let (field, detail) = match Worth::of(&self) {
            Ok(worth) => return Some(Self { worth, ..self }),
            Err(Flaw::Lines(detail)) => (lines, detail),
            Err(Flaw::Discounts(detail)) => (discounts, detail),
            Err(Flaw::Shipping(detail)) => (shipping, detail),
            Err(Flaw::Taxes(detail)) => (taxes, detail),
        };
        field.fault(detail);
        None
    }
}

fn there(field: &Field<'_>, names: NameReaders) -> Option<Option<Customer>> {
    field.required(|value| customer(value, names)).map(Some)
}

fn gone(field: &Field<'_>, names: NameReaders) -> Option<Option<Customer>> {
    let customer = field.optional(|value| customer(value, names))?;
    if customer.is_some() {
        field.fault("must not be there: the customer was erased");
    }
    Some(None)
}

fn customer(value: &Value<'_>, names: NameReaders) -> Option<Customer> {
    let [email, name, phone] = value.fields(["email", "name", "phone"])?;
    let email = email.required(names.email);
    let name = name.optional(text);
    let phone = phone.optional(text);
    Some(Customer { email: email?, name: name?, phone: phone? })
}

fn lines(value: &Value<'_>, names: NameReaders) -> Option<Vec<Line>> {
    let elements = value.elements()?;
    if !(1..=limits::LINES).contains(&elements.len()) {
        value.fault(format!("must have 1 to {} lines, not {}", limits::LINES, elements.len()));
        return None;
    }
    all(elements.map(|element| line(&element, names)))
}

/// Reads a list that may be empty.
fn list<T>(value: &Value<'_>, most: usize, what: &str, read: impl Fn(&Value<'_>) -> Option<T>) -> Option<Vec<T>> {
    let elements = value.elements()?;
    if elements.len() > most {
        value.fault(format!("must have at most {most} {what}, not {}", elements.len()));
        return None;
    }
    all(elements.map(|element| read(&element)))
}

/// All elements, unless one has a fault. Those behind it are read too, for their own.
fn all<T>(elements: impl ExactSizeIterator<Item = Option<T>>) -> Option<Vec<T>> {
    let count = elements.len();
    let mut good = Vec::with_capacity(count);
    elements.for_each(|element| good.extend(element));
    (good.len() == count).then_some(good)
}

fn line(value: &Value<'_>, names: NameReaders) -> Option<Line> {
    let [sku, name, quantity, unit_price, discount, tax] =
        value.fields(["sku", "name", "quantity", "unit_price", "discount", "tax"])?;
    let sku = sku.required(names.sku);
    let name = name.optional(text);
    let quantity = quantity.required(self::quantity);
    let unit_price = unit_price.required(|value| amount(value, limits::UNIT_PRICE));
    let off = discount.optional(part);
    let tax = tax.optional(part);
    let line = Line { sku: sku?, name: name?, quantity: quantity?, unit_price: unit_price?, discount: off?, tax: tax? };
    if let (Some(off), Some(price)) = (line.discount, line.price())
        && off > price
    {
        discount.fault(format!("must be at most {price}, which is what the line costs"));
        return None;
    }
    Some(line)
}

fn discount(value: &Value<'_>) -> Option<Discount> {
    let [code, name, amount] = value.fields(["code", "name", "amount"])?;
    let (code, name, amount) = (code.optional(text), name.optional(text), amount.required(part));
    Some(Discount { code: code?, name: name?, amount: amount? })
}

fn shipping(value: &Value<'_>) -> Option<Shipping> {
    let [method, amount] = value.fields(["method", "amount"])?;
    let (method, amount) = (method.optional(text), amount.required(part));
    Some(Shipping { method: method?, amount: amount? })
}

fn tax(value: &Value<'_>) -> Option<Tax> {
    let [name, rate, amount] = value.fields(["name", "rate", "amount"])?;
    let (name, rate, amount) = (name.required(text), rate.optional(text), amount.required(part));
    Some(Tax { name: name?, rate: rate?, amount: amount? })
}

fn quantity(value: &Value<'_>) -> Option<Quantity> {
    let pieces = value.integer(1..=limits::QUANTITY.into())?;
    value.checked(Quantity::try_from(pieces))
}

fn amount(value: &Value<'_>, max: u64) -> Option<Money> {
    let minor_units = value.integer_of("an integer in minor units, such as 450 for 4.50", 0..=max)?;
    value.checked(Money::try_from(minor_units))
}

/// An amount that is a part of an order's total. Whether it fits the others shows when they are added up.
#[inline(never)]
fn part(value: &Value<'_>) -> Option<Money> {
    amount(value, limits::TOTAL)
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
