//! A limit of time for many calls in one task.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, LocalBoxFuture, Shared, select};
use spin_sdk::wasip3::clocks::monotonic_clock;

/// Ends each wait that takes longer than this limit, up to an eighth later. Waits that begin at about the same time
/// share a timer, because each timer costs as much as a small call.
///
/// All waits must be in one task, because a timer belongs to the task that first waits for it. So don't use it in a
/// component that serves several requests at once.
pub struct Deadline {
    length: Duration,
    latest: RefCell<Option<Timer>>,
}

struct Timer {
    /// On the monotonic clock, in ns.
    began: u64,
    over: Shared<LocalBoxFuture<'static, ()>>,
}

impl Deadline {
    /// A limit of this length.
    pub fn new(length: Duration) -> Self {
        Self { length, latest: RefCell::default() }
    }

    /// The limit.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Waits for `work`, but no longer than the limit: then it is dropped, and the answer is `None`.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match select(pin!(work), self.timer()).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(((), _)) => None,
        }
    }

    fn timer(&self) -> Shared<LocalBoxFuture<'static, ()>> {
        let (now, slack) = (monotonic_clock::now(), self.length / 8);
        let mut latest = self.latest.borrow_mut();
        if let Some(Timer { began, over }) = &*latest
            && now - began <= slack.as_nanos() as u64
        {
            return over.clone();
        }
        let over = spin_sdk::time::sleep(self.length + slack).boxed_local().shared();
        latest.insert(Timer { began: now, over }).over.clone()
    }
}
