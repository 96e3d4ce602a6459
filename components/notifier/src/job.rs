//! The jobs of the notifier's workers. One type for all of them, so that the worker's loop is compiled once.

use queue::{Class, Effects, Failure, Handler, Message};

use crate::deliver::Delivery;
use crate::fan_out::FanOut;

/// The work on one queue or lane.
pub(crate) enum NotifierJob<'a> {
    /// Copy changes to the lanes.
    FanOut(FanOut<'a>),
    /// Send a lane's messages to its endpoint.
    Deliver(Delivery<'a>),
}

impl Handler for NotifierJob<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match self {
            Self::FanOut(fan_out) => fan_out.handle(message),
            Self::Deliver(delivery) => delivery.handle(message).await,
        }
    }

    async fn buried(&self, _message: &Message, _class: Class, _reason: &str) -> Effects {
        match self {
            Self::FanOut(_) => Effects::counted("changes:buried"),
            Self::Deliver(_) => Effects::counted("webhooks:buried"),
        }
    }

    fn is_held_up(&self) -> bool {
        match self {
            Self::FanOut(_) => false,
            Self::Deliver(delivery) => delivery.is_held_up(),
        }
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }

    async fn settled(&self) {
        match self {
            Self::FanOut(fan_out) => fan_out.settled().await,
            Self::Deliver(_) => {}
        }
    }
}
