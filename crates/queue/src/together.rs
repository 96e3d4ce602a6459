//! Group commit: the senders of one program share the calls that accept their messages.
//!
//! Whoever finds few messages under way sends their own at once, alone. Whoever finds more waits for the next call.
//! That begins when one under way ends, and the first of those who wait leads it for all of them. So under load there
//! is one call at a time, with many messages. Nobody's task works for others longer than its own call takes, and each
//! is told their own verdict.
//!
//! A sender may go away at any time, because its client did. If it leads a call, the next one leads a call for those
//! who were in it, and says that they are sent again.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::accept::Accept;
use crate::connection::{Error, Runtime};
use crate::limits::{TOGETHER, TOGETHER_BYTES};

/// What tasks of one program have to do with each other, given from outside.
#[expect(async_fn_in_trait, reason = "components are single-threaded, so no Send bound is wanted")]
pub trait Tasks: Runtime {
    /// Wakes the task that waits for it when it is dropped, and may be dropped by any task.
    type Signal;
    /// The other end of a [`Signal`](Self::Signal).
    type Awaited;
    /// A new signal.
    fn signal(&self) -> (Self::Signal, Self::Awaited);
    /// Waits until the signal is dropped.
    async fn wait(&self, signal: Self::Awaited);
}

/// Senders that share calls, of which each is told a `V`.
pub struct Together<T: Tasks, V> {
    tasks: T,
    few: usize,
    patience: Duration,
    /// The messages of the calls that are under way, and those of the ones who were told to lead a call.
    under_way: Cell<usize>,
    /// In the order of their coming.
    waiting: RefCell<VecDeque<Waiter<T, V>>>,
}

struct Waiter<T: Tasks, V> {
    message: Accept,
    place: Rc<Place<T, V>>,
}

/// Where a sender that waits is told how it goes on.
struct Place<T: Tasks, V> {
    came: Duration,
    told: Cell<Option<Word<V>>>,
    signal: Cell<Option<T::Signal>>,
    is_left: Cell<bool>,
}

enum Word<V> {
    /// This message is the first of the next call.
    Lead(Accept),
    Verdict(Result<V, Error>),
}

impl<T: Tasks, V> Together<T, V> {
    /// Nobody waits yet. While fewer than `few` messages are under way, the next one needn't wait. Whoever has waited
    /// as long as `patience` when a call could begin isn't sent any more.
    pub fn new(tasks: T, few: usize, patience: Duration) -> Self {
        Self { tasks, few, patience, under_way: Cell::new(0), waiting: RefCell::default() }
    }

    /// Sends a message by `call`, alone or together with others. All senders give the same `call`. It gives a verdict
    /// for each message, or an error for all.
    pub async fn accept(
        &self,
        message: Accept,
        call: impl AsyncFnOnce(&[Accept]) -> Result<Vec<V>, Error>,
    ) -> Result<V, Error> {
        let own = if self.waiting.borrow().is_empty() && self.under_way.get() < self.few {
            self.under_way.update(|messages| messages + 1);
            message
        } else {
            match self.wait(message).await {
                Word::Lead(message) => message,
                Word::Verdict(verdict) => return verdict,
            }
        };
        let shared = self.shared(own);
        let verdicts = call(&shared.messages).await;
        shared.tell(verdicts)
    }

    async fn wait(&self, message: Accept) -> Word<V> {
        let (signal, awaited) = self.tasks.signal();
        let place = Rc::new(Place {
            came: self.tasks.elapsed(),
            told: Cell::default(),
            signal: Cell::new(Some(signal)),
            is_left: Cell::new(false),
        });
        self.waiting.borrow_mut().push_back(Waiter { message, place: place.clone() });
        let sender = Sender { together: self, place };
        self.tasks.wait(awaited).await;
        sender.place.told.take().expect("who is woken was told why")
    }

    /// A call with this message, and with those that wait as far as they fit.
    fn shared(&self, own: Accept) -> Shared<'_, T, V> {
        self.turn_away_late();
        let mut bytes = own.payload.len();
        let (mut messages, mut places) = (vec![own], vec![]);
        let mut waiting = self.waiting.borrow_mut();
        while messages.len() < TOGETHER {
            let fits = |next: &mut Waiter<T, V>| bytes + next.message.payload.len() <= TOGETHER_BYTES;
            let Some(next) = waiting.pop_front_if(fits) else { break };
            if !next.place.is_left.get() {
                bytes += next.message.payload.len();
                messages.push(next.message);
                places.push(next.place);
            }
        }
        self.under_way.update(|others| others + places.len());
        Shared { together: self, messages, places }
    }

    /// Nobody waits longer for a call than one call may take. Who came first waits longest.
    fn turn_away_late(&self) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            return;
        }
        let now = self.tasks.elapsed();
        while let Some(late) = waiting.pop_front_if(|next| now - next.place.came >= self.patience) {
            late.place.tell(Word::Verdict(Err(Error::TimedOut(self.patience))));
        }
    }

    /// So many messages are no longer under way. Has the next one lead a call if anybody waits, unless there is a call
    /// whose end is worth waiting for.
    fn pass_on(&self, done: usize) {
        self.under_way.update(|messages| messages - done);
        while self.under_way.get() < self.few {
            let Some(next) = self.waiting.borrow_mut().pop_front() else { return };
            if !next.place.is_left.get() {
                self.under_way.update(|messages| messages + 1);
                next.place.tell(Word::Lead(next.message));
                return;
            }
        }
    }
}

impl<T: Tasks, V> Place<T, V> {
    fn tell(&self, word: Word<V>) {
        self.told.set(Some(word));
        drop(self.signal.take());
    }
}

/// A sender that waits, while it is there.
struct Sender<'a, T: Tasks, V> {
    together: &'a Together<T, V>,
    place: Rc<Place<T, V>>,
}

impl<T: Tasks, V> Drop for Sender<'_, T, V> {
    fn drop(&mut self) {
        self.place.is_left.set(true);
        if let Some(Word::Lead(_)) = self.place.told.take() {
            self.together.pass_on(1);
        }
    }
}

/// A call that is under way, while its leader is there.
struct Shared<'a, T: Tasks, V> {
    together: &'a Together<T, V>,
    /// The leader's own comes first.
    messages: Vec<Accept>,
    /// Of all but the leader.
    places: Vec<Rc<Place<T, V>>>,
}

impl<T: Tasks, V> Shared<'_, T, V> {
    /// Tells all others their verdicts, and gives the leader's own.
    fn tell(mut self, verdicts: Result<Vec<V>, Error>) -> Result<V, Error> {
        let places = std::mem::take(&mut self.places);
        // Before the others wake, so that the next call begins soon.
        drop(self);
        let mut verdicts = match verdicts {
            Ok(verdicts) => verdicts.into_iter().map(Ok).collect::<Vec<_>>().into_iter(),
            Err(error) => (0..=places.len()).map(|_| Err(error.clone())).collect::<Vec<_>>().into_iter(),
        };
        let own = verdicts.next().expect("a verdict for each message");
        for (place, verdict) in places.into_iter().zip(verdicts) {
            place.tell(Word::Verdict(verdict));
        }
        own
    }
}

impl<T: Tasks, V> Drop for Shared<'_, T, V> {
    fn drop(&mut self) {
        let done = self.messages.len();
        let messages = self.messages.drain(..).skip(1);
        let mut waiting = self.together.waiting.borrow_mut();
        // Those who weren't told: the call may have gone through.
        for (message, place) in messages.zip(self.places.drain(..)).rev() {
            waiting.push_front(Waiter { message: Accept { again: true, ..message }, place });
        }
        drop(waiting);
        self.together.pass_on(done);
    }
}
