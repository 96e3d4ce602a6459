//! The names of callers.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// Who calls: 1 to 32 lower-case letters, digits or hyphens. Orders belong to the shop of this name that brought them.
/// It is no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CallerName(Box<str>);

/// A text that is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to 32 lower-case letters, digits or hyphens, like webshop")]
pub struct BadName;

const MOST: usize = 32;

impl CallerName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CallerName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_plain && (1..=MOST).contains(&text.len()) { Ok(Self(text.into())) } else { Err(BadName) }
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::CallerName;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["webshop", "shop-2", "0", &"a".repeat(32)] {
            assert_eq!(good.parse::<CallerName>().map(|name| name.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "Webshop", "web shop", "web_shop", "café", "a\n", &"a".repeat(33)] {
            assert!(bad.parse::<CallerName>().is_err(), "{bad:?}");
        }
    }
}
