//! The lanes of the endpoints, worked side by side. No lane is worked twice at the same time.

use std::collections::BTreeSet;
use std::pin::pin;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};

/// The lanes, by index. `F` works one lane, and ends with its index and a result.
pub(crate) struct Lanes<F> {
    /// Lanes that are to be worked.
    wanted: BTreeSet<usize>,
    /// Lanes that are being worked.
    busy: BTreeSet<usize>,
    running: FuturesUnordered<F>,
}

/// What came of a wait for the lanes.
pub(crate) enum Next<T> {
    /// A lane is worked off.
    Done(T),
    /// No lane is being worked.
    NoneRuns,
    /// The time is up, and every lane that is being worked goes on.
    StillBusy,
}

impl<F> Default for Lanes<F> {
    fn default() -> Self {
        Self { wanted: BTreeSet::new(), busy: BTreeSet::new(), running: FuturesUnordered::new() }
    }
}

impl<T, F: Future<Output = (usize, T)>> Lanes<F> {
    /// Has lanes worked, once more if they are being worked already: such a lane may have seen its queue empty just
    /// before the message came.
    pub(crate) fn want(&mut self, lanes: impl IntoIterator<Item = usize>) {
        self.wanted.extend(lanes);
    }

    /// Starts the wanted lanes that nobody works.
    pub(crate) fn start_those_at_rest(&mut self, work: impl Fn(usize) -> F) {
        let at_rest: Vec<usize> = self.wanted.difference(&self.busy).copied().collect();
        for lane in at_rest {
            self.wanted.remove(&lane);
            self.busy.insert(lane);
            self.running.push(work(lane));
        }
    }

    /// Waits until a lane is worked off, but no longer than until `limit` is over.
    pub(crate) async fn next_within(&mut self, limit: impl Future<Output = ()>) -> Next<T> {
        match select(self.running.next(), pin!(limit)).await {
            Either::Left((Some((lane, result)), _)) => {
                self.busy.remove(&lane);
                Next::Done(result)
            }
            Either::Left((None, _)) => Next::NoneRuns,
            Either::Right(_) => Next::StillBusy,
        }
    }
}
