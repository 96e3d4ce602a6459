//! The host's clocks and randomness.

use std::time::Duration;

use futures::future::{Either, select};
use queue::{Runtime, Tasks};
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::random::random;
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamWriter};
use spin_sdk::wasip3::wit_stream;

/// WASI's clock and randomness. Its time starts when it is made.
pub struct Wasi {
    start: u64,
}

impl Default for Wasi {
    fn default() -> Self {
        Self { start: monotonic_clock::now() }
    }
}

impl Runtime for Wasi {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(monotonic_clock::now() - self.start)
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }
}

/// Each request is a task of its own to the host, and what wakes a future of Rust's can't reach another task. What can
/// is a stream on which nothing is ever sent: the one who reads it learns that its other end was dropped.
impl Tasks for Wasi {
    type Signal = StreamWriter<u8>;
    type Awaited = StreamReader<u8>;

    fn signal(&self) -> (Self::Signal, Self::Awaited) {
        wit_stream::new()
    }

    async fn wait(&self, mut signal: Self::Awaited) {
        signal.read(Vec::with_capacity(1)).await;
    }
}

/// The time of day, in ms since the epoch. A clock set before 1970 counts as 1970.
pub fn now_ms() -> u64 {
    let now = system_clock::now();
    u64::try_from(now.seconds).unwrap_or(0) * 1000 + u64::from(now.nanoseconds / 1_000_000)
}

/// `N` random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let bytes = random::get_random_bytes(N as u64);
    bytes.try_into().expect("the host gives as many bytes as asked for")
}

/// Waits for `work`, but no longer than `deadline`: then it is dropped, and the answer is `None`.
pub async fn within<T>(deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
    let (work, timer) = (std::pin::pin!(work), std::pin::pin!(spin_sdk::time::sleep(deadline)));
    match select(work, timer).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(((), _)) => None,
    }
}
