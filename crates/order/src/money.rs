//! Money: amounts and currencies.

use crate::fault::Malformed;
use crate::limits;
use crate::quantity::Quantity;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

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

/// A currency that people pay with, by its ISO 4217 code in capitals. Funds, metals and codes for testing are refused.
/// A currency that was replaced lately is taken, because stored orders have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The code, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl FromStr for Currency {
    type Err = Malformed;

    fn from_str(code: &str) -> Result<Self, Malformed> {
        let currency = iso_currency::Currency::from_code(code)
            .ok_or_else(|| Malformed::new("must be an ISO 4217 currency code of three capitals, such as EUR"))?;
        if currency.is_fund() || currency.is_special() {
            return Err(Malformed::new("must be a currency that people pay with, not a fund, a metal or a test code"));
        }
        Ok(Self(currency))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
