//! The lanes of the endpoints, and the fan-out that fills them, worked side by side and each a batch at a time.
//!
//! No lane waits for another one. A wake ends with its slowest lane, which may take a minute; so when its time is up
//! the others go on, and only what is about as slow as the slowest claims no more. Then a lane never waits for the end
//! of the wake longer than about twice as long as a batch of its own took. And the wake does end: each lane that it
//! waits for is at least twice as slow as the ones that are still claiming.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use queue::Runtime;

/// A batch that takes less is over before anybody is held up by it.
const SLOW: Duration = Duration::from_millis(50);

/// The lanes, by index. `F` works one batch of a lane, and ends with the lane's index and a result.
pub(crate) struct Lanes<'a, R, F> {
    runtime: &'a R,
    budget: Duration,
    lanes: Vec<Lane>,
    running: FuturesUnordered<F>,
}

#[derive(Clone, Default)]
struct Lane {
    wanted: bool,
    busy_since: Option<Duration>,
    /// Its slowest batch so far. It never falls, so that the end of the wake can't be put off for ever.
    slowest: Duration,
}

/// What came of a wait for the lanes.
pub(crate) enum Next<T> {
    /// A batch of this lane is worked off.
    Done(usize, T),
    /// No lane is being worked.
    NoneRuns,
    /// The time is up, and every lane that is being worked goes on.
    StillBusy,
}

impl<'a, R: Runtime, T, F: Future<Output = (usize, T)>> Lanes<'a, R, F> {
    /// So many lanes at rest. When `budget` is over the wake comes to its end.
    pub(crate) fn new(runtime: &'a R, budget: Duration, count: usize) -> Self {
        Self { runtime, budget, lanes: vec![Lane::default(); count], running: FuturesUnordered::new() }
    }

    /// Has lanes worked, once more if they are being worked already: such a lane may have seen its queue empty just
    /// before the message came.
    pub(crate) fn want(&mut self, lanes: impl IntoIterator<Item = usize>) {
        for lane in lanes {
            self.lanes[lane].wanted = true;
        }
    }

    /// Whether there are lanes that are still to be worked.
    pub(crate) fn are_wanted(&self) -> bool {
        self.lanes.iter().any(|lane| lane.wanted)
    }

    /// Whether one of these is being worked.
    pub(crate) fn are_busy(&self, lanes: impl IntoIterator<Item = usize>) -> bool {
        lanes.into_iter().any(|lane| self.lanes[lane].busy_since.is_some())
    }

    /// Starts the wanted lanes that nobody works and that may go on.
    pub(crate) fn start_those_at_rest(&mut self, work: impl Fn(usize) -> F) {
        let now = self.runtime.elapsed();
        for at in 0..self.lanes.len() {
            let lane = &self.lanes[at];
            if lane.wanted && lane.busy_since.is_none() && (now < self.budget || self.is_held_up(lane, now)) {
                self.lanes[at].wanted = false;
                self.lanes[at].busy_since = Some(now);
                self.running.push(work(at));
            }
        }
    }

    /// Whether a lane that is at least twice as slow is being worked, and so the wake can't end yet.
    fn is_held_up(&self, lane: &Lane, now: Duration) -> bool {
        let slow = (lane.slowest * 2).max(SLOW);
        self.lanes.iter().filter_map(|other| Some(other.slowest.max(now - other.busy_since?))).any(|took| took >= slow)
    }

    /// Waits until a batch is worked off, but no longer than `limit`.
    pub(crate) async fn next_within(&mut self, limit: Duration) -> Next<T> {
        match select(self.running.next(), pin!(self.runtime.sleep(limit))).await {
            Either::Left((Some((at, result)), _)) => {
                let lane = &mut self.lanes[at];
                let took = lane.busy_since.take().map(|since| self.runtime.elapsed() - since);
                lane.slowest = lane.slowest.max(took.unwrap_or_default());
                Next::Done(at, result)
            }
            Either::Left((None, _)) => Next::NoneRuns,
            Either::Right(_) => Next::StillBusy,
        }
    }
}
