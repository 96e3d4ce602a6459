//! Places at a partner: how many messages of a worker may ask it at the same time. Others go on meanwhile, as far as
//! they ask nobody.
//!
//! Who finds no place waits for a moment, since most partners are quick. Then it is thrown back, and what is visible
//! behind it has its turn. From then on nobody goes before those that were thrown back: whoever comes is thrown back
//! too, until all of them were claimed again, each for a place.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures::channel::oneshot;

use crate::message::{Message, MessageId};
use crate::settle::Settlement;

/// Who waits longer for a place is thrown back.
const MOMENT: Duration = Duration::from_millis(20);

/// Of so many places one is claimed for ahead, so that it is filled at once when it comes free.
const AHEAD: usize = 4;

/// The places at one partner, for the deliveries of one worker.
pub struct Places {
    most: usize,
    now: RefCell<Now>,
}

#[derive(Default)]
struct Now {
    /// Who has a place.
    taken: Vec<MessageId>,
    /// First those that were claimed for a place, then those that wait for a moment.
    line: VecDeque<PlaceSeeker>,
    /// Who had to go back, and isn't settled yet: those that had waited for a moment, and those that came after them.
    going_back: Vec<MessageId>,
    coming_after: Vec<MessageId>,
    /// Some were thrown back, and go first.
    some_go_first: bool,
    /// Nobody waits for a place any more.
    is_closed: bool,
}

struct PlaceSeeker {
    id: MessageId,
    /// It was claimed for a place, or nothing may be handled beside it.
    stays: bool,
    /// When it was first seen waiting.
    since: Option<Duration>,
    tell: oneshot::Sender<bool>,
}

impl Places {
    /// So many places.
    pub fn new(most: usize) -> Self {
        Self { most, now: RefCell::default() }
    }

    /// Waits for a place, which the delivery then has until it was handled. Says whether it got one. Who got none
    /// is to be [thrown back](crate::Failure::Throttle).
    pub async fn enter(&self, message: &Message) -> bool {
        let told = match self.now.borrow_mut().enter(message, self.most) {
            Ok(at_once) => return at_once,
            Err(told) => told,
        };
        told.await.unwrap_or(false)
    }

    /// The next one gets the place of this delivery, which was handled.
    pub(crate) fn leave(&self, id: &MessageId) {
        let mut now = self.now.borrow_mut();
        let Some(at) = now.taken.iter().position(|taken| taken == id) else { return };
        now.taken.swap_remove(at);
        while now.taken.len() < self.most
            && let Some(PlaceSeeker { id, tell, .. }) = now.line.pop_front()
        {
            if tell.send(true).is_ok() {
                now.taken.push(id);
            }
        }
    }

    /// How many may be claimed for a place. Nobody, while some are on their way back that came before all others.
    pub(crate) fn wanted(&self) -> usize {
        let now = self.now.borrow();
        match now.is_closed || !now.going_back.is_empty() {
            true => 0,
            false => (self.most + self.most / AHEAD).saturating_sub(now.taken.len() + now.line.len()),
        }
    }

    /// What was claimed. Where `wanted` could have been given a place, and none of it waited for one, none is left.
    pub(crate) fn claimed(&self, wanted: usize, messages: &[Message]) {
        let mut now = self.now.borrow_mut();
        if messages.iter().any(|message| message.thrown_back) {
            now.some_go_first = true;
        } else if wanted > 0 && now.coming_after.is_empty() {
            now.some_go_first = false;
        }
    }

    /// What was settled: who was thrown back is where a claim finds it, and all have heard of it if the partner failed.
    pub(crate) fn settled(&self, settlements: &[Settlement]) {
        settlements.iter().for_each(|settled| self.leave(&settled.id));
        let mut now = self.now.borrow_mut();
        let is_open = |id: &MessageId| settlements.iter().all(|settled| settled.id != *id);
        now.going_back.retain(is_open);
        now.coming_after.retain(is_open);
    }

    /// Throws back who has waited for too long at the time that it is, and all behind it, since they came later. Gives
    /// the time at which to look again.
    pub(crate) fn look(&self, time: Duration) -> Duration {
        let mut now = self.now.borrow_mut();
        let mut oldest = time;
        for waiter in now.line.iter_mut().filter(|waiter| !waiter.stays) {
            oldest = oldest.min(*waiter.since.get_or_insert(time));
        }
        if time >= oldest + MOMENT {
            now.send_back(|waiter| !waiter.stays);
            oldest = time;
        }
        // Some may begin to wait in the meantime.
        oldest + MOMENT
    }

    /// No more is claimed, so whoever waits is thrown back.
    pub(crate) fn close(&self) {
        let mut now = self.now.borrow_mut();
        now.is_closed = true;
        now.send_back(|_| true);
    }
}

impl Now {
    /// Whether the delivery has a place, or what tells it later.
    fn enter(&mut self, message: &Message, most: usize) -> Result<bool, oneshot::Receiver<bool>> {
        let (id, stays) = (message.id.clone(), message.thrown_back || message.suspect);
        if self.taken.contains(&id) {
            return Ok(true);
        }
        if self.is_closed || (self.some_go_first && !stays) {
            self.coming_after.push(id);
            return Ok(false);
        }
        if self.taken.len() < most {
            self.taken.push(id);
            return Ok(true);
        }
        let (tell, told) = oneshot::channel();
        let behind = self.line.iter().position(|waiter| stays && !waiter.stays).unwrap_or(self.line.len());
        self.line.insert(behind, PlaceSeeker { id, stays, since: None, tell });
        Err(told)
    }

    fn send_back(&mut self, which: impl Fn(&PlaceSeeker) -> bool) {
        for waiter in std::mem::take(&mut self.line) {
            if !which(&waiter) {
                self.line.push_back(waiter);
                continue;
            }
            self.some_go_first = true;
            if waiter.tell.send(false).is_ok() {
                self.going_back.push(waiter.id);
            }
        }
    }
}
