//! What the notifier's workers do. One type for all of them, so that the worker's loop is compiled once.

use queue::{Class, Effects, Failure, Handler, Message};

use crate::deliver::Delivery;
use crate::fan_out::FanOut;

/// The work of one queue or lane.
pub(crate) enum Job<'a> {
    /// Copy changes to the lanes.
    FanOut(FanOut<'a>),
    /// Send a lane's messages to its endpoint.
    Deliver(Delivery<'a>),
    /// Bury the messages of an endpoint that there is no more.
    Orphaned,
}

impl Handler for Job<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match self {
            Self::FanOut(fan_out) => fan_out.handle(message),
            Self::Deliver(delivery) => delivery.handle(message).await,
            Self::Orphaned => Err(Failure::permanent("the variable webhooks no longer names this endpoint")),
        }
    }

    fn buried(&self, _message: &Message, _class: Class, _reason: &str) -> Effects {
        match self {
            Self::FanOut(_) => Effects::counted("changes:buried"),
            Self::Deliver(_) | Self::Orphaned => Effects::counted("webhooks:buried"),
        }
    }

    async fn settled(&self) {}
}
