//! Order ids.

use crate::fault::Malformed;
use crate::limits;
use crate::timestamp::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use uuid::{Builder, Uuid, Variant, Version};

/// A UUIDv7 (RFC 9562): the millisecond of acceptance, then random bits. Ids sort by that time. Written with hyphens
/// and small letters, and read in this form only, so that an order has one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(Uuid);

impl OrderId {
    /// Makes the id of an order accepted at a time. Six of the random bits give way to the UUID's version and variant.
    #[must_use]
    pub fn new(accepted_at: Timestamp, random: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(accepted_at.ms(), &random).into_uuid())
    }

    /// The time in the id.
    #[must_use]
    pub fn accepted_at(self) -> Timestamp {
        Timestamp::from_ms(unix_ms(self.0))
    }

    /// The compact form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the compact form; `None` for bytes that are no UUIDv7.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Self::from_uuid(Uuid::from_slice(bytes).ok()?)
    }

    fn from_uuid(uuid: Uuid) -> Option<Self> {
        let is_v7 = uuid.get_version() == Some(Version::SortRand) && uuid.get_variant() == Variant::RFC4122;
        (is_v7 && unix_ms(uuid) <= limits::TIMESTAMP_MS).then_some(Self(uuid))
    }
}

/// The first 48 bits.
fn unix_ms(uuid: Uuid) -> u64 {
    uuid.as_u64_pair().0 >> 16
}

fn malformed() -> Malformed {
    Malformed::new("must be an order id: a UUIDv7 in small letters with hyphens")
}

impl FromStr for OrderId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let uuid = Uuid::try_parse(text).map_err(|_| malformed())?;
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        Self::from_uuid(uuid).filter(|_| canonical).ok_or_else(malformed)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for OrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(OrderId, crate::scalar_schema::formatted("uuid"));

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9562, appendix A.6.
    const EXAMPLE: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

    #[test]
    fn an_id_is_made_of_its_time_and_the_random_bytes() {
        let time: Timestamp = "2022-02-22T19:22:22.000Z".parse().unwrap();
        let random = [0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
        let id = OrderId::new(time, random);
        assert_eq!(id.to_string(), EXAMPLE);
        assert_eq!(id.accepted_at(), time);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{EXAMPLE}\""));
    }

    #[test]
    fn an_id_has_one_written_form() {
        assert!(EXAMPLE.parse::<OrderId>().is_ok());
        let no_time = "ffffffff-ffff-7fff-bfff-ffffffffffff";
        for bad in [
            "",
            "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
            "017f22e279b07cc398c4dc0c0c07398f",
            "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
            "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
            "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
            "00000000-0000-0000-0000-000000000000",
            no_time,
        ] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn other_bytes_are_no_id() {
        let id: OrderId = EXAMPLE.parse().unwrap();
        assert_eq!(OrderId::from_slice(id.as_bytes()), Some(id));
        assert_eq!(OrderId::from_slice(&id.as_bytes()[1..]), None);
        assert_eq!(OrderId::from_slice(&[0; 16]), None);
        assert_eq!(OrderId::from_slice(&[0xff; 16]), None);
    }
}
