//! A change becomes one message for each endpoint that wants it, in one step with its own end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use guest::Endpoint;
use order::{event, queues};
use queue::{Effects, Emit, Failure, Message};

/// Copies changes to the lanes of the endpoints.
pub(crate) struct FanOut<'a> {
    pub(crate) endpoints: &'a [Endpoint],
    /// Endpoints, by index, whose lanes were written to since this was last taken.
    pub(crate) touched: &'a RefCell<BTreeSet<usize>>,
}

impl FanOut<'_> {
    pub(crate) fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        let event = event::read(&message.payload).map_err(|error| Failure::undecodable(error.to_string()))?;
        let wanting = self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.wants(event.event_type));
        let emits = wanting.map(|(index, endpoint)| {
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
