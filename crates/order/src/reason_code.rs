//! Why an order stands where it does, for programs: a code beside the words for people.

use crate::fault::Malformed;
use crate::limits;
use crate::reader::Value;
use serde::{Serialize, Serializer};
use std::str::FromStr;

/// What a reason says, in one word that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonCode {
    /// The stock has too little of an article. The shortages say of which.
    OutOfStock,
    /// The payment provider declined.
    PaymentDeclined,
    /// The payment was begun, and not completed in time.
    PaymentExpired,
    /// Whoever cancelled it gave these words.
    Requested,
    /// It was given up.
    ProcessingFailed,
    /// An operator discarded its dead letter.
    Discarded,
}

/// An article that the stock has too little of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shortage {
    /// The article.
    pub sku: String,
    /// Pieces ordered.
    pub wanted: u64,
    /// Pieces left.
    pub left: u64,
}

impl ReasonCode {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OutOfStock,
        Self::PaymentDeclined,
        Self::PaymentExpired,
        Self::Requested,
        Self::ProcessingFailed,
        Self::Discarded,
    ];

    /// The code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::PaymentDeclined => "payment_declined",
            Self::PaymentExpired => "payment_expired",
            Self::Requested => "requested",
            Self::ProcessingFailed => "processing_failed",
            Self::Discarded => "discarded",
        }
    }
}

impl FromStr for ReasonCode {
    type Err = Malformed;

    fn from_str(code: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == code);
        found.ok_or_else(|| Malformed::new("must be the code of a reason"))
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Shortage {
    /// Reads a record's list of them.
    pub(crate) fn read_all(value: &Value<'_>) -> Option<Vec<Self>> {
        let all: Vec<Option<Self>> = value.elements()?.map(|element| Self::read(&element)).collect();
        all.into_iter().collect()
    }

    fn read(value: &Value<'_>) -> Option<Self> {
        let [sku, wanted, left] = value.fields(["sku", "wanted", "left"])?;
        let sku = sku.required(|value| value.words(limits::SKU));
        let pieces = |value: &Value<'_>| value.integer(0..=limits::PIECES);
        let (wanted, left) = (wanted.required(pieces), left.required(pieces));
        Some(Self { sku: sku?, wanted: wanted?, left: left? })
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(ReasonCode, crate::scalar_schema::words(ReasonCode::ALL.map(ReasonCode::as_str)));
