//! Countries.

use crate::fault::Malformed;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A country by its ISO 3166-1 alpha-2 code, in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(iso_currency::Country);

impl FromStr for Country {
    type Err = Malformed;

    fn from_str(code: &str) -> Result<Self, Malformed> {
        match code.parse() {
            Ok(iso_currency::Country::Unspecified) | Err(_) => {
                Err(Malformed::new("must be an ISO 3166-1 country code of two capitals, such as DE"))
            }
            Ok(country) => Ok(Self(country)),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
