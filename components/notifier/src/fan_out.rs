//! Copies a change to the lane of each endpoint that subscribed to it, in the same step that settles the change.

use std::cell::Cell;

use guest::Redis;
use order::event;
use queue::{Effects, Failure, Message, Queue};

/// Copies changes to the lanes of all endpoints that Redis knows.
pub(crate) struct FanOut<'a> {
    pub(crate) changes: Queue<'a, Redis>,
    /// Some of them are not of this instance's list. So another instance must be woken.
    pub(crate) for_others: &'a Cell<bool>,
}

impl FanOut<'_> {
    pub(crate) fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        let event = event::read(&message.payload).map_err(|error| Failure::undecodable(error.to_string()))?;
        Ok(Effects { topic: Some(event.event_type.to_owned()), ..Effects::default() })
    }

    /// A bell that fails is made good by the timer.
    pub(crate) async fn settled(&self) {
        if self.for_others.get() {
            drop(self.changes.ring().await);
        }
    }
}
