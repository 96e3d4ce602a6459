//! Points in time.

use crate::fault::Malformed;
use crate::limits;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

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
        let (year, month, day) = civil(self.ms / DAY_MS);
        let ms = self.ms % DAY_MS;
        let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl FromStr for Timestamp {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        // One form only, so that reading and writing again changes no byte. That also finds days that are in no month.
        let timestamp = read(text).filter(|timestamp| timestamp.to_string() == text);
        timestamp.ok_or_else(|| Malformed::new("must be a time in the form 2026-09-01T12:00:00.250Z"))
    }
}

const DAY_MS: u64 = 86_400_000;

/// The numbers of a time in our form, as they stand there.
fn read(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    Some(Timestamp::from_ms(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + number(20, 23)?))
}

// The two below are Howard Hinnant's (https://howardhinnant.github.io/date_algorithms.html). A crate for them was a
// hundredth of each component. They count from 0000-03-01, so that a leap day is the last day of its year; and in eras
// of 400 years, which are all alike.
const DAYS_TO_1970: u64 = 719_468;
const DAYS_OF_ERA: u64 = 146_097;

/// Year, month and day, so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let day_of_era = days % DAYS_OF_ERA;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year_of_era, month + 3) } else { (year_of_era + 1, month - 9) };
    (days / DAYS_OF_ERA * 400 + year, month, day)
}

/// The days from 1970-01-01 to that day. `None`: it is before.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let year_of_era = year % 400;
    let day_of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (year / 400 * DAYS_OF_ERA + day_of_era).checked_sub(DAYS_TO_1970)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schema")]
crate::scalar_schema::inlined!(Timestamp, crate::scalar_schema::formatted("date-time"));

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
    fn every_day_is_written_as_another_calendar_writes_it() {
        for day in 0..=limits::TIMESTAMP_MS / DAY_MS {
            let ms = day * DAY_MS + day % DAY_MS;
            let written = Timestamp::from_ms(ms).to_string();
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms);
            assert_eq!(written, humantime::format_rfc3339_millis(time).to_string());
            assert_eq!(written.parse(), Ok(Timestamp::from_ms(ms)), "{written}");
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
