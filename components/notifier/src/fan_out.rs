//! A change becomes one message for each endpoint that wants it, in one step with its own end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use guest::Endpoint;
use order::{event, queues};
use queue::{Class, Effects, Emit, Message, Outcome};

/// Copies changes to the lanes of the endpoints.
pub(crate) struct FanOut<'a> {
    pub(crate) endpoints: &'a [Endpoint],
    /// Endpoints, by index, whose lanes were written to since this was last taken.
    pub(crate) touched: &'a RefCell<BTreeSet<usize>>,
}

impl FanOut<'_> {
    pub(crate) fn handle(&self, message: &Message) -> Outcome {
        let event_type = match event::read(&message.payload) {
            Ok(envelope) => envelope.event_type,
            Err(error) => return Outcome::Bury { class: Class::Undecodable, reason: error.to_string() },
        };
        let wanting = self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.wants(event_type));
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
        Outcome::Done(Effects { emits: emits.collect(), ..Effects::default() })
    }
}
