//! How the values of options are read. An error says what is wrong with the value, then what to write.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::uri::PathAndQuery;

type Read<T> = Result<T, &'static str>;

pub(super) fn address(text: &str) -> Read<SocketAddr> {
    text.parse().map_err(|_| "this is not an address: write it like 127.0.0.1:3000, with port 0 for a free one")
}

pub(super) fn path(text: &str) -> Read<PathAndQuery> {
    let path = text.starts_with('/').then(|| text.parse().ok()).flatten();
    path.ok_or("this is not a path: write it like /health, with %20 for a blank")
}

pub(super) fn seed(text: &str) -> Read<u64> {
    text.parse().map_err(|_| "this is not a seed: write a whole number, like 42")
}

/// The longest time that an end may take.
const LONGEST_GRACE: u64 = 24 * 3600;

pub(super) fn grace(text: &str) -> Read<Duration> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_GRACE);
    let seconds = seconds.ok_or("this is not a time to end in: write whole seconds from 0 to 86400, like 25");
    seconds.map(Duration::from_secs)
}

pub(super) fn seconds(text: &str) -> Read<i64> {
    text.parse().map_err(|_| "this is not a number of seconds: write a whole one, like 90 or -90")
}

/// The longest time that a client may be waited for.
const LONGEST_WAIT: u64 = 3600;

pub(super) fn wait(text: &str) -> Read<Duration> {
    let seconds = text.parse().ok().filter(|seconds| (1..=LONGEST_WAIT).contains(seconds));
    let seconds = seconds.ok_or("this is not a time to wait for: write whole seconds from 1 to 3600, like 10");
    seconds.map(Duration::from_secs)
}

/// The smallest and the largest head. The largest is what the server can buffer.
const HEADS: RangeInclusive<usize> = 1024..=256 * 1024;

pub(super) fn head(text: &str) -> Read<usize> {
    let bytes = text.parse().ok().filter(|bytes| HEADS.contains(bytes));
    bytes.ok_or("this is not a size of a head: write whole bytes from 1024 to 262144, like 32768")
}

pub(super) fn connections(text: &str) -> Read<usize> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("this is not a number of connections: write a whole one from 1, like 1000")
}
