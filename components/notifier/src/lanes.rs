//! The lanes of the endpoints, and the fan-out that fills them, worked side by side.
//!
//! No lane waits for another one. A wake ends with its slowest request, which may take a minute; so when its time is up
//! the others go on, and only what is about as slow as the slowest claims no more. Then a lane never waits for the end
//! of the wake longer than about twice as long as a request of its own took. And the wake does end: each lane that it
//! waits for is at least twice as slow as the ones that are still claiming.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use queue::Runtime;

/// What takes less is over before anybody is held up by it.
const SLOW: Duration = Duration::from_millis(50);

/// How slow the lanes are, by index.
pub(crate) struct Paces<'a, R> {
    runtime: &'a R,
    lanes: RefCell<Vec<LanePace>>,
}

#[derive(Clone, Default)]
struct LanePace {
    /// When each piece of work in hand began.
    begun: Vec<Duration>,
    /// The slowest so far. It never falls, so that the end of the wake can't be put off for ever.
    slowest: Duration,
}

impl<'a, R: Runtime> Paces<'a, R> {
    /// So many lanes, of which nothing is known.
    pub(crate) fn new(runtime: &'a R, count: usize) -> Self {
        Self { runtime, lanes: RefCell::new(vec![LanePace::default(); count]) }
    }

    /// Does a piece of a lane's work, and notes how long it takes.
    pub(crate) async fn note<T>(&self, lane: usize, work: impl Future<Output = T>) -> T {
        let since = self.runtime.elapsed();
        self.lanes.borrow_mut()[lane].begun.push(since);
        let done = work.await;
        let took = self.runtime.elapsed() - since;
        let lane = &mut self.lanes.borrow_mut()[lane];
        if let Some(at) = lane.begun.iter().position(|begun| *begun == since) {
            lane.begun.swap_remove(at);
        }
        lane.slowest = lane.slowest.max(took);
        done
    }

    /// Whether another lane that is at least twice as slow is being worked, and so the wake can't end yet.
    pub(crate) fn is_held_up(&self, lane: usize) -> bool {
        let (now, lanes) = (self.runtime.elapsed(), self.lanes.borrow());
        let slow = (lanes[lane].slowest * 2).max(SLOW);
        lanes.iter().enumerate().filter(|(at, _)| *at != lane).any(|(_, other)| {
            let oldest = other.begun.iter().min().map(|begun| now - *begun);
            oldest.is_some_and(|oldest| other.slowest.max(oldest) >= slow)
        })
    }
}

/// The lanes, by index. `F` works a lane, and ends with the lane's index and a result.
pub(crate) struct Lanes<'a, R, F> {
    paces: &'a Paces<'a, R>,
    budget: Duration,
    lanes: Vec<Lane>,
    running: FuturesUnordered<F>,
}

#[derive(Clone, Default)]
struct Lane {
    wanted: bool,
    busy: bool,
}

/// What came of a wait for the lanes.
pub(crate) enum Next<T> {
    /// This lane is worked off.
    Done(usize, T),
    /// No lane is being worked.
    NoneRuns,
    /// The time is up, and every lane that is being worked goes on.
    StillBusy,
}

impl<'a, R: Runtime, T, F: Future<Output = (usize, T)>> Lanes<'a, R, F> {
    /// All lanes at rest. When `budget` is over the wake comes to its end.
    pub(crate) fn new(paces: &'a Paces<'a, R>, budget: Duration) -> Self {
        let lanes = vec![Lane::default(); paces.lanes.borrow().len()];
        Self { paces, budget, lanes, running: FuturesUnordered::new() }
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
        lanes.into_iter().any(|lane| self.lanes[lane].busy)
    }

    /// Starts the wanted lanes that nobody works and that may go on.
    pub(crate) fn start_those_at_rest(&mut self, work: impl Fn(usize) -> F) {
        let is_in_time = self.paces.runtime.elapsed() < self.budget;
        for at in 0..self.lanes.len() {
            let lane = &mut self.lanes[at];
            if lane.wanted && !lane.busy && (is_in_time || self.paces.is_held_up(at)) {
                *lane = Lane { wanted: false, busy: true };
                self.running.push(work(at));
            }
        }
    }

    /// Waits until a lane is worked off, but no longer than `limit`.
    pub(crate) async fn next_within(&mut self, limit: Duration) -> Next<T> {
        match select(self.running.next(), pin!(self.paces.runtime.sleep(limit))).await {
            Either::Left((Some((at, result)), _)) => {
                self.lanes[at].busy = false;
                Next::Done(at, result)
            }
            Either::Left((None, _)) => Next::NoneRuns,
            Either::Right(_) => Next::StillBusy,
        }
    }
}
