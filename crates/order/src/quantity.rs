//! Quantities.

use crate::fault::Malformed;
use crate::limits;
use serde::Serialize;

/// Pieces of one article: 1 to [`limits::QUANTITY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Quantity(u16);

impl Quantity {
    /// The number of pieces.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u64> for Quantity {
    type Error = Malformed;

    fn try_from(pieces: u64) -> Result<Self, Malformed> {
        match u16::try_from(pieces) {
            Ok(pieces @ 1..=limits::QUANTITY) => Ok(Self(pieces)),
            _ => Err(Malformed::new(format!("must be from 1 to {}", limits::QUANTITY))),
        }
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(Quantity, crate::scalar_schema::integer(1, limits::QUANTITY.into()));
