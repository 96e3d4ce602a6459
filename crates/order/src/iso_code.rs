//! Codes of ISO standards.

use crate::fault::Malformed;
use std::fmt;
use std::str::FromStr;

// `COUNTRIES`, `CURRENCIES` and `OTHER_CURRENCIES`: codes, one behind the other.
include!(concat!(env!("OUT_DIR"), "/iso_codes.rs"));

/// A code of `N` ASCII characters. Keeping it costs nothing; the tables by which an enum of all codes finds its names
/// would add 8 KB to every component.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Code<const N: usize>([u8; N]);

impl<const N: usize> Code<N> {
    /// Takes a code that was found in the standard's list.
    fn listed(code: &str) -> Self {
        Self(code.as_bytes().try_into().expect("the standard's codes have this length"))
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the standard's codes are ASCII")
    }
}

impl<const N: usize> fmt::Debug for Code<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares a code and how it is looked up.
macro_rules! code_type {
    ($(#[$doc:meta])* $name:ident, $length:literal, $check:expr, $codes:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(Code<$length>);

        impl $name {
            /// The code.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(code: &str) -> Result<Self, Malformed> {
                let check: fn(&str) -> Result<(), Malformed> = $check;
                check(code)?;
                Ok(Self(Code::listed(code)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "schema")]
        crate::scalar_schema::named!($name, crate::scalar_schema::words($codes.as_bytes().chunks($length)));
    };
}

code_type!(
    /// A currency that people pay with, by its ISO 4217 code in capitals. Funds, metals and codes for testing are
    /// refused. A currency that was replaced lately is taken, because stored orders have it.
    Currency, 3, check_currency, CURRENCIES
);
code_type!(
    /// A country by its ISO 3166-1 alpha-2 code, in capitals.
    Country, 2, check_country, [COUNTRIES, KOSOVO].concat()
);

fn check_currency(code: &str) -> Result<(), Malformed> {
    if is_listed(code, 3, CURRENCIES) {
        return Ok(());
    }
    if is_listed(code, 3, OTHER_CURRENCIES) {
        return Err(Malformed::new("must be a currency that people pay with, not a fund, a metal or a test code"));
    }
    Err(no_code(code, 3, "an ISO 4217 currency code", "EUR"))
}

/// ISO leaves this code to its users, and carriers, banks and the EU use it.
const KOSOVO: &str = "XK";

fn check_country(code: &str) -> Result<(), Malformed> {
    if code == KOSOVO || is_listed(code, 2, COUNTRIES) {
        return Ok(());
    }
    Err(no_code(code, 2, "an ISO 3166-1 country code", "DE"))
}

fn is_listed(code: &str, length: usize, codes: &str) -> bool {
    codes.as_bytes().chunks_exact(length).any(|listed| listed == code.as_bytes())
}

/// What is said of a code that isn't in the list: that it is none, if it looks like one.
fn no_code(code: &str, length: usize, what: &str, example: &str) -> Malformed {
    if code.len() == length && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Malformed::new(format!("must be {what}, such as {example}; {code} is none"));
    }
    Malformed::new(format!("must be {what} of {length} capitals, such as {example}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(length: usize) -> Vec<String> {
        (1..length).fold(('A'..='Z').map(String::from).collect(), |shorter: Vec<String>, _| {
            shorter.iter().flat_map(|code| ('A'..='Z').map(move |letter| format!("{code}{letter}"))).collect()
        })
    }

    #[test]
    fn every_country_that_iso_lists_and_kosovo_are_known_by_their_codes() {
        let known: Vec<_> = codes(2).iter().filter_map(|code| code.parse::<Country>().ok()).collect();
        assert_eq!(known.len(), 250);
        assert!(known.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    }

    #[test]
    fn every_currency_that_is_taken_is_kept_by_its_code() {
        let taken = codes(3).into_iter().filter(|code| code.parse::<Currency>().is_ok_and(|c| c.as_str() == code));
        assert!(taken.count() > 150);
    }
}
