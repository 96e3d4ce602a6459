//! The times that depend on the lease. Each is computed from it, so that their relations hold for every lease. The
//! picture is that of a lease from 0.8 to 20 s.
//!
//! ```text
//! 0       1/4    1/3        1/2               3/4               lease
//! ├────────┼──────┼──────────┼─────────────────┼──────────────────┤
//!   the longest   │          no failed call    the last call      another worker
//!   call ends     renewal    is repeated       has ended          may claim it
//! ```

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::backoff::part;

/// The lease of a queue, and how long its log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a worker has a message for itself; also how soon a lost doorbell is made good. SQS calls it the
    /// visibility timeout.
    pub lease: Duration,
    /// How long entries of the log are kept.
    pub log_retention: Duration,
}

/// The leases that can be set. A shorter one would be over before Redis answered.
pub const LEASES: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(12 * 3600);

/// The longest time for which a doorbell keeps the next one from being rung. A live worker starts far sooner.
const LONGEST_BELL: Duration = Duration::from_secs(1);

/// The longest time that a worker waits for an answer of Redis.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// The shortest such time. A busy machine needs it, or attempts are spent on calls that would have been answered.
const SHORTEST_CALL: Duration = Duration::from_millis(200);

/// A host may take so long from its start to its first work, however short the lease is.
const SHORTEST_LOOK_BACK: Duration = Duration::from_secs(10);

/// The longest pause between two tries of a call.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries in a long outage.
const LONGEST_LONG_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait of the first message that is given back.
const FIRST_GIVEN_BACK: Duration = Duration::from_secs(1);

/// The longest wait of all: so soon after an outage everything goes on.
const LONGEST_GIVEN_BACK: Duration = Duration::from_secs(30);

const _: () = assert!(
    LONGEST_PAUSE.as_millis() * 10 <= LONGEST_CALL.as_millis(),
    "a worker must spend its time on calls, not on pauses between them"
);

impl Timing {
    /// How long a doorbell that nobody hears keeps the next one from being rung. The timer that makes a lost doorbell
    /// good comes after a whole lease, so the bell is over well before.
    pub fn bell(&self) -> Duration {
        (self.lease / 4).min(LONGEST_BELL)
    }

    /// How long a worker waits for one answer of Redis. A call that began before [`give_up`](Self::give_up) so ends
    /// within the lease, unless the lease is below 0.8 s. Then the fence alone refuses a late verdict.
    pub fn call_deadline(&self) -> Duration {
        (self.lease / 4).clamp(SHORTEST_CALL, LONGEST_CALL)
    }

    /// How long a worker goes on repeating a call that fails for what it is about; and how long it is quiet about one
    /// that fails because Redis is in trouble. A call that timed out is tried once more at least.
    pub fn give_up(&self) -> Duration {
        (self.lease / 2).max(self.call_deadline() + self.pause())
    }

    /// The pause before a failed call is repeated.
    pub fn pause(&self) -> Duration {
        (self.lease / 6).min(LONGEST_PAUSE)
    }

    /// The pause between two tries when Redis has been in trouble for some time.
    pub fn long_pause(&self) -> Duration {
        (self.lease / 6).min(LONGEST_LONG_PAUSE)
    }

    /// How often a worker renews the leases of messages that take long. When one renewal fails, the next one still
    /// comes in time.
    pub fn renewal(&self) -> Duration {
        self.lease / 3
    }

    /// How long a message stays invisible that was given back, after so many `times` before. It doubles up to a lease,
    /// or 30 s. Half of it is chance, so that a whole batch doesn't come back at once.
    pub fn given_back(&self, times: u64, random: u64) -> Duration {
        let first = (self.lease / 32).min(FIRST_GIVEN_BACK);
        let longest = (first * 2_u32.pow(times.min(5) as u32)).min(LONGEST_GIVEN_BACK);
        longest / 2 + part(longest / 2, random)
    }

    /// What a new subscriber is given of the time before it came. An instance that knows it may find its first work
    /// only when another one has done some: after a lost wake-up that takes a lease.
    pub fn look_back(&self) -> Duration {
        (self.lease * 2).max(SHORTEST_LOOK_BACK)
    }

    /// How long a superseded record is kept: a worker that lost its lease gives up long before.
    pub fn grace(&self) -> Duration {
        (self.lease * 4).max((self.give_up() + self.call_deadline()) * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_waits_longer_each_time_but_never_long() {
        let timing = Timing { lease: Duration::from_secs(30), log_retention: Duration::ZERO };
        let waits = |random| [0, 1, 2, 3, 4, 5, 9999].map(|times| timing.given_back(times, random).as_millis());
        assert_eq!(waits(0), [468, 937, 1875, 3750, 7500, 15_000, 15_000]);
        assert_eq!(waits(u64::MAX), [935, 1873, 3749, 7499, 14_999, 29_999, 29_999]);
    }

    #[test]
    fn the_relations_hold_for_every_lease_that_can_be_set() {
        let leases = std::iter::successors(Some(*LEASES.start()), |lease| Some(*lease * 3 / 2));
        for lease in leases.take_while(|lease| lease < LEASES.end()).chain([*LEASES.end()]) {
            let timing = Timing { lease, log_retention: Duration::ZERO };
            assert!(timing.bell() * 2 < lease, "a bell of {lease:?} is over well before the timer comes");
            assert!(timing.call_deadline() + timing.pause() <= timing.give_up(), "a call of {lease:?} is tried twice");
            assert!(timing.given_back(u64::MAX, u64::MAX) <= lease, "what {lease:?} gave back is not forgotten");
            let late = timing.give_up() + timing.call_deadline();
            assert!(late < timing.grace(), "a late worker of {lease:?} gives up before its record is removed");
            if lease < SHORTEST_CALL * 4 {
                continue;
            }
            assert!(late < lease, "the last try of {lease:?} ends within the lease");
            assert!(timing.renewal() * 2 + timing.call_deadline() <= lease, "{lease:?} survives a renewal that fails");
        }
    }
}
