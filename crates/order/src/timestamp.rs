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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (1_788_264_000_250, "2026-09-01T12:00:00.250Z"),
            (limits::TIMESTAMP_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_ms(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_ms(ms)));
            assert_eq!(serde_json::to_string(&Timestamp::from_ms(ms)).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn a_time_is_read_in_this_form_only() {
        for bad in [
            "",
            "2026-09-01",
            "2026-09-01T12:00:00Z",
            "2026-09-01T12:00:00.25Z",
            "2026-09-01T12:00:00.250123Z",
            "2026-09-01 12:00:00.250Z",
            "2026-09-01T12:00:00.250",
            "2026-09-01T12:00:00.250+00:00",
            "2026-02-29T12:00:00.250Z",
            "2026-09-01T12:00:60.250Z",
            "1969-12-31T23:59:59.999Z",
            " 2026-09-01T12:00:00.250Z",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_beyond_the_calendar_stops_at_its_end() {
        assert_eq!(Timestamp::from_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
