//! When a failed attempt is made again.

use std::time::Duration;

/// A plan of attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The wait doubles from `base` up to `cap`, with full jitter: a random part of it is waited, so that those who
    /// failed together don't come back together. See Brooker, "Exponential Backoff And Jitter", AWS 2015.
    Exponential {
        /// The longest wait after the first failure.
        base: Duration,
        /// The longest wait of all.
        cap: Duration,
        /// Attempts in all, the first included.
        attempts: u32,
    },
    /// The wait before each attempt after the first, give or take a tenth.
    Schedule(Vec<Duration>),
}

impl Backoff {
    /// How long to wait after the attempt that made it `failures` in all; `None` where no attempt is left.
    pub fn after(&self, failures: u32, random: u64) -> Option<Duration> {
        match self {
            Self::Exponential { base, cap, attempts } => {
                let longest = base.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(*cap);
                (failures < *attempts).then(|| part(longest, random))
            }
            Self::Schedule(waits) => {
                let wait = *waits.get(failures.checked_sub(1)? as usize)?;
                Some(wait - wait / 10 + part(wait / 5, random))
            }
        }
    }
}

/// A part of `longest`, as `random` says: 0 gives nothing, `u64::MAX` nearly all.
pub(crate) fn part(longest: Duration, random: u64) -> Duration {
    let millis = (longest.as_millis() * u128::from(random)) >> 64;
    Duration::from_millis(millis as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_exponential_wait_doubles_to_its_cap_and_ends_with_the_attempts() {
        let backoff = Backoff::Exponential { base: ms(1000), cap: ms(5000), attempts: 5 };
        for (failures, longest) in [(1, 999), (2, 1999), (3, 3999), (4, 4999)] {
            assert_eq!(backoff.after(failures, u64::MAX), Some(ms(longest)), "after {failures}");
            assert_eq!(backoff.after(failures, 0), Some(ms(0)), "full jitter after {failures}");
            assert_eq!(backoff.after(failures, u64::MAX / 2), Some(ms(longest / 2)), "half after {failures}");
        }
        assert_eq!(backoff.after(5, 0), None);
        assert_eq!(backoff.after(u32::MAX, 0), None, "no overflow");
    }

    #[test]
    fn a_schedule_is_followed_within_a_tenth() {
        let backoff = Backoff::Schedule(vec![ms(100), ms(1000)]);
        assert_eq!(backoff.after(1, 0), Some(ms(90)));
        assert_eq!(backoff.after(1, u64::MAX), Some(ms(109)));
        assert_eq!(backoff.after(2, u64::MAX / 2), Some(ms(999)));
        assert_eq!(backoff.after(3, 0), None);
    }
}
