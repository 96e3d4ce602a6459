//! The time of day that components read: this machine's, or a wrong one for tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::HostWallClock;

/// How far the components' clock is ahead of this machine's. A component can't notice it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSkew {
    seconds: i64,
}

impl ClockSkew {
    /// So many seconds ahead, or behind if the number is negative.
    pub const fn seconds(seconds: i64) -> Self {
        Self { seconds }
    }
}

impl HostWallClock for ClockSkew {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let skew = Duration::from_secs(self.seconds.unsigned_abs());
        // No clock shows a time before the epoch.
        if self.seconds < 0 { now.saturating_sub(skew) } else { now.saturating_add(skew) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skewed_clock_goes_as_far_ahead_or_behind_as_it_is_told() {
        let right = ClockSkew::default().now();
        for (seconds, least, most) in [(90, 90, 91), (-90, -90, -89)] {
            let difference = ClockSkew::seconds(seconds).now().as_secs_f64() - right.as_secs_f64();
            assert!((f64::from(least)..f64::from(most)).contains(&difference), "{seconds}: {difference}");
        }
        assert_eq!(ClockSkew::seconds(i64::MIN).now(), Duration::ZERO);
    }
}
