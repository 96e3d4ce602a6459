//! The messages that a worker has in flight: a sliding window. Places that come free are filled again while the slow
//! messages go on, and what is finished is settled together, soon.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::claim::Side;
use crate::connection::Runtime;
use crate::message::{Message, MessageId};
use crate::settle::{Contact, Settlement};

/// What is finished waits so long for more to be settled with it.
const SETTLED_WITH: Duration = Duration::from_millis(2);

/// Where more comes it waits again, but so many times at most: its effects wait too.
const SETTLED_AFTER: usize = 12;

/// How soon a message is seen that comes while others are slow.
const POLL: Duration = Duration::from_millis(20);

/// A delivery that was handled.
pub(crate) struct Handled {
    pub(crate) settlement: Settlement,
    /// Why it is given back, if the log is to be told.
    pub(crate) news: Option<String>,
}

/// A delivery that is being handled.
struct Open {
    id: MessageId,
    delivery: u64,
    contact: Contact,
}

/// What was handled and is to be settled.
#[derive(Default)]
pub(crate) struct Finished {
    pub(crate) settlements: Vec<Settlement>,
    /// Why one of them is given back, if that is to be logged.
    pub(crate) news: Option<String>,
    /// Lost if it was lost while one of them was handled.
    pub(crate) contact: Contact,
}

/// How long what is finished waits for more to be settled with it, while something is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// As long as more comes: what all needs about the same time is settled by one call.
    WhileMoreComes,
    /// A moment. Somebody else is asked, and a place that is free is worth more than a call that is saved.
    Briefly,
}

/// The deliveries in flight, and what came of them. `F` handles one.
pub(crate) struct Window<'a, R, F> {
    runtime: &'a R,
    most: usize,
    linger: Linger,
    running: FuturesUnordered<F>,
    open: Vec<Open>,
    finished: Finished,
    has_suspects: bool,
    renewal: Duration,
}

impl<'a, R: Runtime, F: Future<Output = Handled>> Window<'a, R, F> {
    /// A window for so many at the same time.
    pub(crate) fn new(runtime: &'a R, most: usize, linger: Linger) -> Self {
        Self {
            runtime,
            most,
            linger,
            running: FuturesUnordered::new(),
            open: Vec::new(),
            finished: Finished::default(),
            has_suspects: false,
            renewal: Duration::MAX,
        }
    }

    /// Begins to handle what was claimed. Leases are to be renewed at the latest after `renewal` from now.
    pub(crate) fn begin(&mut self, messages: Vec<Message>, renewal: Duration, handle: impl Fn(Message) -> F) {
        if self.open.is_empty() {
            self.renew_after(renewal);
        }
        self.has_suspects |= messages.iter().any(|message| message.suspect);
        for message in messages {
            self.open.push(Open { id: message.id.clone(), delivery: message.delivery, contact: Contact::Kept });
            self.running.push(handle(message));
        }
    }

    /// What more would be handled beside.
    pub(crate) fn side(&self) -> Side {
        if self.open.is_empty() { Side::Alone } else { Side::Beside }
    }

    /// Nothing is being handled, and nothing is to be settled.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.finished.settlements.is_empty()
    }

    /// How many more may be handled beside these. Beside suspects nothing may be.
    pub(crate) fn room(&self) -> usize {
        if self.has_suspects { 0 } else { self.most - self.open.len() }
    }

    /// Goes on handling while something else is done.
    pub(crate) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            match select(work.as_mut(), self.running.next()).await {
                Either::Left((done, _)) => return done,
                Either::Right((Some(handled), _)) => self.finish(handled),
                Either::Right((None, work)) => return work.await,
            }
        }
    }

    /// Handles until there is something to do: to settle what is finished, to renew, to `look` after those that wait
    /// for a place, or, if there is `room`, to look for more.
    pub(crate) async fn handle(&mut self, room: usize, look: Option<Duration>) {
        let until = match room {
            0 => self.renewal,
            _ => self.renewal.min(self.runtime.elapsed() + POLL),
        };
        let until = look.map_or(until, |look| until.min(look));
        let mut waits = 0;
        while !self.running.is_empty() {
            let known = self.finished.settlements.len();
            let wait = match known {
                0 => until.saturating_sub(self.runtime.elapsed()),
                _ => SETTLED_WITH,
            };
            let mut tick = pin!(self.runtime.sleep(wait));
            loop {
                match select(self.running.next(), tick.as_mut()).await {
                    Either::Left((Some(handled), _)) => self.finish(handled),
                    Either::Left((None, _)) => return,
                    Either::Right(_) => break,
                }
                if known == 0 {
                    break;
                }
            }
            waits += 1;
            let finished = self.finished.settlements.len();
            let waits_for_more = match self.linger {
                Linger::WhileMoreComes => waits <= SETTLED_AFTER,
                Linger::Briefly => known == 0,
            };
            if finished == known || !waits_for_more {
                return;
            }
        }
    }

    fn finish(&mut self, Handled { settlement, news }: Handled) {
        let at = self.open.iter().position(|open| open.id == settlement.id && open.delivery == settlement.delivery);
        if let Some(Open { contact: Contact::Lost, .. }) = at.map(|at| self.open.swap_remove(at)) {
            self.finished.contact = Contact::Lost;
        }
        if self.open.is_empty() {
            self.has_suspects = false;
        }
        self.finished.settlements.push(settlement);
        self.finished.news = self.finished.news.take().or(news);
    }

    /// Takes what is to be settled.
    pub(crate) fn take_finished(&mut self) -> Finished {
        std::mem::take(&mut self.finished)
    }

    /// The deliveries whose leases are to be renewed now. Empty: not yet.
    pub(crate) fn to_renew(&self) -> Vec<(MessageId, u64)> {
        if self.runtime.elapsed() < self.renewal {
            return Vec::new();
        }
        self.open.iter().map(|open| (open.id.clone(), open.delivery)).collect()
    }

    /// When leases are to be renewed next.
    pub(crate) fn renew_after(&mut self, wait: Duration) {
        self.renewal = self.runtime.elapsed().saturating_add(wait);
    }

    /// Redis was missed while these were in work.
    pub(crate) fn lose_contact(&mut self) {
        self.open.iter_mut().for_each(|open| open.contact = Contact::Lost);
        if !self.finished.settlements.is_empty() {
            self.finished.contact = Contact::Lost;
        }
    }
}
