//! The requests to a component that no instance has taken yet, and the instances that could take them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use http::{Request, Response};
use wasmtime_wasi_http::WasiBody;

/// How long a request waits for an instance of the pool while none takes any. It is less than the turn after which an
/// instance that computes lets others on (`engine::TURN`).
const PATIENCE: Duration = Duration::from_millis(5);

/// A request, and who waits for its answer.
pub(super) struct Arrival {
    pub(super) request: Request<WasiBody>,
    pub(super) answer: oneshot::Sender<wasmtime::Result<Response<WasiBody>>>,
    since: Instant,
}

impl Arrival {
    pub(super) fn new(
        request: Request<WasiBody>,
        answer: oneshot::Sender<wasmtime::Result<Response<WasiBody>>>,
    ) -> Self {
        Self { request, answer, since: Instant::now() }
    }
}

/// What the queue needs after a request has its place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Another instance of the pool, which counts already.
    pub(super) instance: bool,
    /// Somebody who sees to it that no request waits for too long.
    pub(super) watch: bool,
}

pub(super) struct HttpQueue {
    state: Mutex<QueueState>,
    /// How many instances may be open at the same time.
    most_open: usize,
}

struct QueueState {
    arrivals: VecDeque<Arrival>,
    /// The instances that do nothing but wait, with their numbers. The last one began to wait last.
    waiting: Vec<(u64, Waker)>,
    /// How many instances of the pool take requests, now or once they have computed.
    open: usize,
    /// When an instance took a request last, or was called to do so.
    last_taken: Instant,
    is_watched: bool,
    instances_begun: u64,
}

impl HttpQueue {
    pub(super) fn new(most_open: usize) -> Self {
        let state = QueueState {
            arrivals: VecDeque::new(),
            waiting: Vec::new(),
            open: 0,
            last_taken: Instant::now(),
            is_watched: false,
            instances_begun: 0,
        };
        Self { state: Mutex::new(state), most_open }
    }

    /// A number for a new instance.
    pub(super) fn next_number(&self) -> u64 {
        let mut state = self.state();
        state.instances_begun += 1;
        state.instances_begun
    }

    /// Calls the instance that began to wait last. If none waits, a new one is needed, unless there are enough.
    pub(super) fn place(&self, arrival: Arrival) -> Needs {
        let mut state = self.state();
        state.arrivals.push_back(arrival);
        let waiting = state.waiting.pop();
        let instance = waiting.is_none() && state.open < self.most_open;
        state.open += usize::from(instance);
        let watch = !std::mem::replace(&mut state.is_watched, true);
        drop(state);
        if let Some((_, waker)) = waiting {
            waker.wake();
        }
        Needs { instance, watch }
    }

    /// Takes the next request. If there is none, the instance is called when one comes.
    pub(super) fn take_or_wait(&self, number: u64, cx: &Context<'_>) -> Option<Arrival> {
        let mut state = self.state();
        let arrival = state.take();
        if arrival.is_none() {
            state.waiting.retain(|(other, _)| *other != number);
            state.waiting.push((number, cx.waker().clone()));
        }
        arrival
    }

    /// Takes the next request.
    pub(super) fn take(&self) -> Option<Arrival> {
        self.state().take()
    }

    /// Says that an instance may be about to compute. So it isn't called.
    pub(super) fn is_busy(&self, number: u64) {
        self.state().waiting.retain(|(other, _)| *other != number);
    }

    /// Says that an instance takes requests again.
    pub(super) fn open(&self) {
        self.state().open += 1;
    }

    /// Says that an instance takes no more requests, for now or for ever. Whether another one is needed in its place,
    /// which counts already.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state();
        state.open -= 1;
        let is_needed = !state.arrivals.is_empty() && state.open < self.most_open;
        state.open += usize::from(is_needed);
        is_needed
    }

    /// Says that an instance that counted as open never began.
    pub(super) fn withdraw(&self) {
        self.state().open -= 1;
    }

    /// When to look for requests that wait too long. `None`: none waits, and nobody watches from now on.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let mut state = self.state();
        let next = state.due();
        state.is_watched = next.is_some();
        next
    }

    /// Takes the requests that wait too long.
    pub(super) fn overdue(&self) -> Vec<Arrival> {
        let (mut state, now) = (self.state(), Instant::now());
        if state.due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        if !state.waiting.is_empty() {
            // Another instance was called, and computes instead.
            state.last_taken = now;
            state.waiting.drain(..).for_each(|(_, waker)| waker.wake());
            return Vec::new();
        }
        let count = state.arrivals.partition_point(|arrival| arrival.since + PATIENCE <= now);
        state.arrivals.drain(..count).collect()
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    fn take(&mut self) -> Option<Arrival> {
        let arrival = self.arrivals.pop_front()?;
        self.last_taken = Instant::now();
        Some(arrival)
    }

    /// When the first request has waited too long, if no instance takes any until then. As long as they do, it gets
    /// its turn.
    fn due(&self) -> Option<Instant> {
        Some(self.arrivals.front()?.since.max(self.last_taken) + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::run::body::whole;

    #[derive(Default)]
    struct Called(AtomicBool);

    impl Wake for Called {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    impl Called {
        fn take(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    /// A request that came so long ago.
    fn arrival(ago: Duration) -> Arrival {
        let mut arrival = Arrival::new(Request::new(whole("".into())), oneshot::channel().0);
        arrival.since -= ago;
        arrival
    }

    fn place(queue: &HttpQueue) -> Needs {
        queue.place(arrival(Duration::ZERO))
    }

    const NOTHING: Needs = Needs { instance: false, watch: false };

    /// An instance that waits.
    fn wait(queue: &HttpQueue, number: u64) -> Arc<Called> {
        let called = Arc::new(Called::default());
        let waker = Waker::from(called.clone());
        assert!(queue.take_or_wait(number, &Context::from_waker(&waker)).is_none());
        called
    }

    #[test]
    fn a_request_goes_to_whoever_waits_else_to_a_new_instance_else_it_waits() {
        let queue = HttpQueue::new(2);
        assert_eq!(place(&queue), Needs { instance: true, watch: true });
        assert!(queue.take().is_some());
        let first = wait(&queue, 1);
        assert_eq!((place(&queue), first.take()), (NOTHING, true));
        let called_already = (Needs { instance: true, ..NOTHING }, false);
        assert_eq!((place(&queue), first.take()), called_already);
        assert_eq!((place(&queue), first.take()), (NOTHING, false));
    }

    #[test]
    fn the_instance_that_began_to_wait_last_is_called_unless_it_computes() {
        let queue = HttpQueue::new(0);
        let (first, second) = (wait(&queue, 1), wait(&queue, 2));
        queue.is_busy(2);
        place(&queue);
        assert_eq!((first.take(), second.take()), (true, false));
        place(&queue);
        assert_eq!((first.take(), second.take()), (false, false));
        while queue.take().is_some() {}
        let (first, second) = (wait(&queue, 1), wait(&queue, 2));
        place(&queue);
        assert_eq!((first.take(), second.take()), (false, true));
    }

    #[test]
    fn another_instance_is_needed_where_one_takes_no_more_and_a_request_waits() {
        let queue = HttpQueue::new(1);
        assert_eq!([place(&queue).instance, place(&queue).instance], [true, false]);
        assert!(queue.close());
        queue.open();
        assert!(!queue.close(), "another one is open");
        while queue.take().is_some() {}
        assert!(!queue.close(), "none waits");
        assert!(place(&queue).instance);
    }

    #[test]
    fn a_request_waits_its_turn_while_others_are_taken_and_not_much_longer() {
        let queue = HttpQueue::new(0);
        queue.place(arrival(PATIENCE * 3));
        queue.place(arrival(PATIENCE * 2));
        queue.place(arrival(Duration::ZERO));
        assert!(queue.take().is_some());
        assert!(queue.overdue().is_empty(), "one was taken just now");
        queue.state().last_taken -= PATIENCE * 2;
        assert!(queue.next_look().is_some_and(|next| next <= Instant::now()));
        assert_eq!(queue.overdue().len(), 1, "the last one has only come");
        assert!(queue.overdue().is_empty());
        assert!(queue.next_look().is_some_and(|next| next > Instant::now()));
    }

    #[test]
    fn an_instance_that_waits_is_called_before_others_start() {
        let queue = HttpQueue::new(0);
        let other = wait(&queue, 1);
        queue.state().arrivals.push_back(arrival(PATIENCE * 2));
        queue.state().last_taken -= PATIENCE * 2;
        assert!(queue.overdue().is_empty() && other.take());
        queue.state().last_taken -= PATIENCE * 2;
        assert_eq!(queue.overdue().len(), 1, "it didn't come");
    }

    #[test]
    fn nobody_watches_a_queue_in_which_none_waits() {
        let queue = HttpQueue::new(0);
        assert!(place(&queue).watch);
        assert!(queue.next_look().is_some());
        assert!(queue.take().is_some());
        assert!(queue.next_look().is_none());
        assert!(place(&queue).watch);
    }
}
