//! What an order is worth: from the amounts that the shop sends to the total that is charged. All are minor units, so
//! it makes no difference how many decimals a currency has. Nothing is rounded, because nothing is divided.

use super::{Line, NewOrder};
use crate::limits;
use crate::money::Money;
use crate::text::{DiscountCode, Label, TaxRate};
use serde::Serialize;
use std::fmt;

/// What it costs to send an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shipping {
    /// How it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Label>,
    /// What that costs.
    pub amount: Money,
}

/// What is taken off an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Discount {
    /// What the customer typed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<DiscountCode>,
    /// The name that the customer sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// How much it takes off.
    pub amount: Money,
}

/// A tax on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tax {
    /// The name that the customer sees.
    pub name: Label,
    /// Its rate. It is only shown: the shop has worked out the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<TaxRate>,
    /// How much it is.
    pub amount: Money,
}

/// The parts of an order's total, each summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// Quantity × unit price over all lines.
    pub subtotal: Money,
    /// All that is taken off, from lines and from the order.
    pub discount: Money,
    /// What it costs to send it.
    pub shipping: Money,
    /// All tax, each cent of it once.
    pub tax: Money,
    /// Whether the tax is in the prices already.
    pub includes_tax: bool,
    /// What the customer pays.
    pub total: Money,
}

/// Amounts that don't fit together: the field that is at fault, and what it must be.
pub(super) enum Flaw {
    Lines(String),
    Shipping(String),
    Discounts(String),
    Taxes(String),
}

impl Worth {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        subtotal: Money::ZERO,
        discount: Money::ZERO,
        shipping: Money::ZERO,
        tax: Money::ZERO,
        includes_tax: false,
        total: Money::ZERO,
    };

    /// Adds up an order. The discounts of its lines are taken off those; its own off what is left, shipping and all.
    pub(super) fn of(order: &NewOrder) -> Result<Self, Flaw> {
        let price = |sum: Money, line: &Line| sum.checked_add(line.price()?);
        let subtotal = order.lines.iter().try_fold(Money::ZERO, price);
        let subtotal =
            subtotal.ok_or_else(|| Flaw::Lines(format!("must total at most {} minor units", limits::TOTAL)))?;
        let shipping = order.shipping.as_ref().map_or(Money::ZERO, |shipping| shipping.amount);
        let gross = subtotal.checked_add(shipping).ok_or_else(|| Flaw::Shipping(beyond()))?;

        // No line's discount is above its price, so this is never above the subtotal.
        let off_lines = sum(order.lines.iter().filter_map(|line| line.discount));
        let left = off_lines.and_then(|off| gross.checked_sub(off)).unwrap_or(Money::ZERO);
        let too_much =
            || Flaw::Discounts(format!("must be at most {left} in all, which is what lines and shipping cost"));
        let off_order = sum(order.discounts.iter().map(|discount| discount.amount));
        let net = off_order.and_then(|off| left.checked_sub(off)).ok_or_else(too_much)?;
        let discount = gross.checked_sub(net).unwrap_or(Money::ZERO);

        let (tax, includes_tax) = (tax(order)?, order.prices_include_tax);
        let flaw = if order.taxes.is_empty() { Flaw::Lines } else { Flaw::Taxes };
        let total = match includes_tax {
            true if tax > net => {
                return Err(flaw(format!("must come to at most {net} of tax, because the prices include it")));
            }
            true => net,
            false => net.checked_add(tax).ok_or_else(|| flaw(beyond()))?,
        };
        Ok(Self { subtotal, discount, shipping, tax, includes_tax, total })
    }
}

/// The tax of an order. Taxes of its own are all of it, so those of its lines are a part of them.
fn tax(order: &NewOrder) -> Result<Money, Flaw> {
    let of_lines = sum(order.lines.iter().filter_map(|line| line.tax)).ok_or_else(|| Flaw::Lines(beyond()))?;
    if order.taxes.is_empty() {
        return Ok(of_lines);
    }
    let of_order = sum(order.taxes.iter().map(|tax| tax.amount)).ok_or_else(|| Flaw::Taxes(beyond()))?;
    if of_order < of_lines {
        return Err(Flaw::Taxes(format!("must come to at least {of_lines}: the tax of the lines is a part of it")));
    }
    Ok(of_order)
}

fn sum(mut amounts: impl Iterator<Item = Money>) -> Option<Money> {
    amounts.try_fold(Money::ZERO, Money::checked_add)
}

fn beyond() -> String {
    format!("must not take the total above {} minor units", limits::TOTAL)
}

/// How the total is made, without the parts that are nothing.
impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for the lines", self.subtotal)?;
        let added = if self.includes_tax { Money::ZERO } else { self.tax };
        for (sign, amount, what) in
            [('-', self.discount, "discount"), ('+', self.shipping, "shipping"), ('+', added, "tax")]
        {
            if amount != Money::ZERO {
                write!(f, " {sign} {amount} {what}")?;
            }
        }
        if self.includes_tax && self.tax != Money::ZERO {
            write!(f, "; the prices include {} tax, which is not added", self.tax)?;
        }
        Ok(())
    }
}
