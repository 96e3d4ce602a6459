//! The header Retry-After (RFC 9110, section 10.2.3): reading it in both of its forms, and the seconds to write.

use std::time::Duration;

use order::Timestamp;

/// The longest wait that a partner can ask for.
const MOST: Duration = Duration::from_secs(24 * 3600);

/// How long a partner asks us to wait: 0 if the time it names is over, and a day at most. `None`: its words are neither
/// a number of seconds nor a date.
///
/// A date is compared with the answer's own Date, because the partner's clock may be wrong. Without one it is compared
/// with ours, in ms since the epoch.
pub(crate) fn retry_after(value: &[u8], date: Option<&[u8]>, now_ms: u64) -> Option<Duration> {
    let value = str::from_utf8(value).ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for us is still a long wait.
        return Some(value.parse().map_or(MOST, Duration::from_secs).min(MOST));
    }
    let at = http_date(value)?;
    let now = date.and_then(|date| http_date(str::from_utf8(date).ok()?.trim()));
    Some(at.saturating_sub(now.unwrap_or(Duration::from_millis(now_ms))).min(MOST))
}

/// The seconds of a time, as headers have it: a part of a second counts as a whole one.
pub fn in_whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time since the epoch of a date in any of the three forms that RFC 9110 knows. It goes through our own form,
/// whose reader every component has already: a reader of these forms alone would be a sixtieth of a component.
fn http_date(text: &str) -> Option<Duration> {
    let parts: Vec<&str> = text.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
    let (day, month, year, time) = match parts[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let century = match year.len() {
        2 if year < "70" => "20",
        2 => "19",
        _ => "",
    };
    let date: Timestamp = format!("{century}{year}-{month:02}-{day:0>2}T{time}.000Z").parse().ok()?;
    Some(Duration::from_millis(date.ms()))
}

#[cfg(test)]
mod tests {
    use super::retry_after;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW_MS: u64 = 784_111_777_000;

    fn seconds(value: &str, date: Option<&str>) -> Option<u64> {
        retry_after(value.as_bytes(), date.map(str::as_bytes), NOW_MS).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_every_form_of_a_date_are_read() {
        for (value, expected) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("000060", Some(60)),
            ("86401", Some(86_400)),
            ("18446744073709551616", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 21 Oct 2099 07:28:00 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("2099-10-21T07:28:00Z", None),
            ("Sun, 06 Nov 1994 08:50:37 CET", None),
            ("Sun, 06 Foo 1994 08:50:37 GMT", None),
            ("Sun, 31 Feb 1994 08:50:37 GMT", None),
            ("Sun, 06 Nov 1994 25:50:37 GMT", None),
            ("Sun, 06 Nov 99999 08:50:37 GMT", None),
            ("Sun, é6 Nov 1994 08:50:37 GMT", None),
        ] {
            assert_eq!(seconds(value, None), expected, "{value:?}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_answers_own() {
        let at = "Sun, 06 Nov 1994 08:50:37 GMT";
        for (date, expected) in [
            ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
            ("Sun, 06 Nov 1994 09:49:37 GMT", 0),
            ("Sat, 05 Nov 1994 08:49:37 GMT", 86_400),
            ("yesterday", 60),
        ] {
            assert_eq!(seconds(at, Some(date)), Some(expected), "{date}");
        }
        assert_eq!(seconds("5", Some("Sun, 06 Nov 1994 09:49:37 GMT")), Some(5));
    }
}
