//! Money.

use crate::fault::Malformed;
use crate::limits;
use crate::quantity::Quantity;
use serde::Serialize;
use std::fmt;

/// An amount in minor units (cents) of a currency that is known from the context: 0 to [`limits::TOTAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in minor units.
    #[must_use]
    pub fn minor_units(self) -> u64 {
        self.0
    }

    /// The sum, unless it is above [`limits::TOTAL`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= limits::TOTAL).map(Self)
    }

    /// The difference, unless it is below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The price of several pieces, unless it is above [`limits::TOTAL`].
    #[must_use]
    pub fn checked_mul(self, quantity: Quantity) -> Option<Self> {
        self.0.checked_mul(quantity.get().into()).filter(|product| *product <= limits::TOTAL).map(Self)
    }
}

impl TryFrom<u64> for Money {
    type Error = Malformed;

    fn try_from(minor_units: u64) -> Result<Self, Malformed> {
        if minor_units > limits::TOTAL {
            return Err(Malformed::new(format!("must be from 0 to {}", limits::TOTAL)));
        }
        Ok(Self(minor_units))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(Money, crate::scalar_schema::integer(0, limits::TOTAL));
