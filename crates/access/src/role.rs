//! Roles.

use std::fmt;
use std::str::FromStr;

/// What a caller may do. The [table of routes](crate::ROUTES) says which roles each route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Places orders, and reads and cancels its own.
    Shop,
    /// Reads everything, with e-mail addresses masked.
    Viewer,
    /// Reads everything, and cancels and fulfils orders.
    Support,
    /// May do all.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Shop, Self::Viewer, Self::Support, Self::Operator];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(|| {
            let [first @ .., last] = Self::ALL.map(Self::as_str);
            format!("must be {} or {last}", first.join(", "))
        })
    }
}
