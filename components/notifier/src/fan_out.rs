//! Copies a change to the lane of each endpoint that subscribed to it, in the same step that settles the change.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use guest::Endpoint;
use order::{event, queues};
use queue::{Effects, Emit, Failure, Message};

/// Copies changes to the lanes of the endpoints.
pub(crate) struct FanOut<'a> {
    endpoints: &'a [Endpoint],
    /// Endpoints, by index, whose lanes were written to since they were last taken.
    touched: RefCell<BTreeSet<usize>>,
}

impl<'a> FanOut<'a> {
    pub(crate) fn new(endpoints: &'a [Endpoint]) -> Self {
        Self { endpoints, touched: RefCell::default() }
    }

    /// The lanes that were written to since the last call, by the index of their endpoint.
    pub(crate) fn take_touched(&self) -> BTreeSet<usize> {
        self.touched.take()
    }

    pub(crate) fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        let event = event::read(&message.payload).map_err(|error| Failure::undecodable(error.to_string()))?;
        let subscribed = self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.wants(event.event_type));
        let emits = subscribed.map(|(index, endpoint)| {
            self.touched.borrow_mut().insert(index);
            Emit {
                queue: format!("{}.{}", queues::CHANGES, endpoint.name),
                id: message.id.clone(),
                payload: message.payload.clone(),
                log: false,
                after: Duration::ZERO,
            }
        });
        Ok(Effects { emits: emits.collect(), ..Effects::default() })
    }
}
