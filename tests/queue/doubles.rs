//! What the worker's tests put around it: a handler, a clock that stands still, and a connection that fails.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use queue::{Arg, Class, Connection, Effects, Emit, Error, Failure, Handler, Message, Places, Reply, Runtime, Tasks};
use tokio::sync::{Notify, oneshot};

/// Handles by a closure, and remembers what it was told.
pub(crate) struct Handling<F> {
    pub(crate) handle: F,
    /// The ids handled, in order.
    pub(crate) handled: RefCell<Vec<String>>,
    /// Ids, classes and reasons of what was buried.
    pub(crate) buried: RefCell<Vec<(String, Class, String)>>,
    /// The lines that it was to write to the log.
    pub(crate) log: RefCell<Vec<String>>,
    /// How often it was told that deliveries were settled.
    pub(crate) settled: Cell<usize>,
    /// Whether it emits a message for each delivery that comes again.
    pub(crate) emits: bool,
    /// Those at the partner whom it asks.
    pub(crate) places: Option<Rc<Places>>,
}

impl<F: AsyncFn(&Message) -> Result<Effects, Failure>> Handling<F> {
    pub(crate) fn by(handle: F) -> Self {
        Self {
            handle,
            handled: RefCell::default(),
            buried: RefCell::default(),
            log: RefCell::default(),
            settled: Cell::default(),
            emits: false,
            places: None,
        }
    }
}

impl<F: AsyncFn(&Message) -> Result<Effects, Failure>> Handler for Handling<F> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        self.handled.borrow_mut().push(name(message));
        (self.handle)(message).await
    }

    async fn buried(&self, message: &Message, class: Class, reason: &str) -> Effects {
        self.buried.borrow_mut().push((name(message), class, reason.to_owned()));
        Effects { counter: Some("buried".to_owned()), ..Effects::default() }
    }

    fn comes_again(&self, message: &Message) -> Vec<Emit> {
        if !self.emits {
            return Vec::new();
        }
        let id = format!("{}.{}", name(message), message.delivery);
        let payload = id.as_str().into();
        vec![Emit { queue: "jobs.left".to_owned(), id: id.into(), payload, log: false, after: Duration::ZERO }]
    }

    fn places(&self) -> Option<&Places> {
        self.places.as_deref()
    }

    fn log(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }

    async fn settled(&self) {
        self.settled.set(self.settled.get() + 1);
    }
}

pub(crate) fn name(message: &Message) -> String {
    String::from_utf8_lossy(&message.id).into_owned()
}

/// Time that passes only when the test says so.
#[derive(Default)]
pub(crate) struct StandingClock {
    /// What the clock shows.
    pub(crate) elapsed: Cell<Duration>,
    tick: Notify,
}

impl StandingClock {
    /// Has so much time pass, and ends every sleep that has begun.
    pub(crate) fn pass(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
        self.tick.notify_waiters();
    }
}

impl Runtime for StandingClock {
    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    async fn sleep(&self, _: Duration) {
        self.tick.notified().await;
    }

    fn random(&self) -> u64 {
        0
    }
}

impl Runtime for &StandingClock {
    fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    async fn sleep(&self, duration: Duration) {
        StandingClock::sleep(self, duration).await;
    }

    fn random(&self) -> u64 {
        0
    }
}

impl Tasks for &StandingClock {
    type Signal = oneshot::Sender<()>;
    type Awaited = oneshot::Receiver<()>;

    fn signal(&self) -> (Self::Signal, Self::Awaited) {
        oneshot::channel()
    }

    async fn wait(&self, signal: Self::Awaited) {
        signal.await.expect_err("it is dropped");
    }
}

/// What befalls a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Redis does not run it.
    Refused,
    /// Redis runs it, and its answer never arrives.
    AnswerLost,
}

/// A connection whose next commands meet the faults that are given to it.
pub(crate) struct Failing<C> {
    inner: C,
    faults: RefCell<VecDeque<Fault>>,
    /// Commands that were sent, the failed ones included.
    pub(crate) sent: Cell<usize>,
}

impl<C> Failing<C> {
    pub(crate) fn around(inner: C) -> Self {
        Self { inner, faults: RefCell::default(), sent: Cell::default() }
    }

    /// The next commands meet these, one each.
    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.faults.borrow_mut().extend(faults);
    }

    /// Whether every fault has met its command.
    pub(crate) fn has_failed(&self) -> bool {
        self.faults.borrow().is_empty()
    }
}

impl<C: Connection> Connection for Failing<C> {
    async fn execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        self.sent.set(self.sent.get() + 1);
        let fault = self.faults.borrow_mut().pop_front();
        match fault {
            None => self.inner.execute(command, arguments).await,
            Some(Fault::Refused) => Err(Error::Failed("LOADING Redis is loading the dataset in memory".to_owned())),
            Some(Fault::AnswerLost) => match self.inner.execute(command, arguments).await {
                Ok(_) => Err(Error::TimedOut(Duration::from_secs(5))),
                // Nothing was run; the answer to be lost is that of the next try.
                error => {
                    self.fail(&[Fault::AnswerLost]);
                    error
                }
            },
        }
    }
}

/// A connection on which something happens after the first command.
pub(crate) struct AfterFirst<C, F> {
    inner: C,
    happens: RefCell<Option<F>>,
}

impl<C, F> AfterFirst<C, F> {
    pub(crate) fn around(inner: C, happens: F) -> Self {
        Self { inner, happens: RefCell::new(Some(happens)) }
    }
}

impl<C: Connection, F: AsyncFnOnce()> Connection for AfterFirst<C, F> {
    async fn execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        let reply = self.inner.execute(command, arguments).await?;
        if let Some(happens) = self.happens.take() {
            happens().await;
        }
        Ok(reply)
    }
}
