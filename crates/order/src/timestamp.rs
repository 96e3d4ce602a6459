//! Points in time.

use crate::fault::Malformed;
use crate::limits;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A point in time to the millisecond, from 1970 to 9999. Written as RFC 3339 in UTC with three digits of a second:
/// `2026-09-01T12:00:00.250Z`, and read in this form only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    ms: u64,
}

impl Timestamp {
    /// The point so many milliseconds after 1970 began. A clock beyond the year 9999 is wrong, and counts as the end of
    /// that year.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self { ms: ms.min(limits::TIMESTAMP_MS) }
    }

    /// Milliseconds since 1970 began.
    #[must_use]
    pub fn ms(self) -> u64 {
        self.ms
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(self.ms);
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("must be a time in the form 2026-09-01T12:00:00.250Z");
        let time = humantime::parse_rfc3339(text).map_err(|_| malformed())?;
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| malformed())?;
        let timestamp = Self::from_ms(u64::try_from(since_1970.as_millis()).map_err(|_| malformed())?);
        // One form only, so that reading and writing again changes no byte.
        if timestamp.to_string() == text { Ok(timestamp) } else { Err(malformed()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
