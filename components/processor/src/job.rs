//! The jobs of the processor's workers. One type for all of them, so that the worker's loop is compiled once.

use queue::{Class, Effects, Failure, Handler, Message};

use crate::commands::Commands;
use crate::records::Records;

/// The work on the queue or on its lane.
pub(crate) enum ProcessorJob<'a> {
    /// Carry out commands.
    Commands(Commands<'a>),
    /// Remove superseded records.
    RemoveSuperseded(&'a Records),
}

impl Handler for ProcessorJob<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match self {
            Self::Commands(commands) => commands.handle(message).await,
            Self::RemoveSuperseded(records) => {
                let key = String::from_utf8_lossy(&message.payload);
                records.remove(&key).await?;
                Ok(Effects::default())
            }
        }
    }

    async fn buried(&self, message: &Message, _class: Class, reason: &str) -> Effects {
        match self {
            Self::Commands(commands) => commands.buried(message, reason).await,
            Self::RemoveSuperseded(_) => Effects::default(),
        }
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }

    async fn settled(&self) {
        if let Self::Commands(commands) = self {
            commands.settled().await;
        }
    }
}
