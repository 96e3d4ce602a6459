//! The jobs of the processor's workers. One type for all of them, so that the worker's loop is compiled once.

use order::{RECORDS, queues};
use queue::{Class, Effects, Emit, Failure, Handler, Message, Places, Report};

use crate::commands::Commands;

/// The work on the queue or on its lane.
pub(crate) enum ProcessorJob<'a> {
    /// Carry out commands.
    Commands(&'a Commands<'a>),
    /// Do what was left for later.
    Later(&'a Commands<'a>),
}

impl Handler for ProcessorJob<'_> {
    async fn handle(&self, message: &Message) -> Result<Effects, Failure> {
        match self {
            Self::Commands(commands) => commands.handle(message).await,
            Self::Later(commands) => match &*String::from_utf8_lossy(&message.payload) {
                queues::REMINDER => commands.remind(message).await,
                queues::EXPIRED => commands.forget(message).await,
                queues::PURGE => commands.purge(message).await,
                key if key.starts_with(RECORDS) => {
                    commands.records.remove(key).await?;
                    Ok(Effects::default())
                }
                key => Err(no_key(key)),
            },
        }
    }

    async fn buried(&self, message: &Message, _class: Class, reason: &str) -> Effects {
        match self {
            Self::Commands(commands) => commands.buried(message, reason).await,
            Self::Later(_) => Effects::default(),
        }
    }

    fn comes_again(&self, message: &Message) -> Vec<Emit> {
        match self {
            Self::Commands(commands) => commands.comes_again(message),
            Self::Later(_) => Vec::new(),
        }
    }

    fn report(&self, message: &Message) -> Option<Report> {
        match self {
            Self::Commands(commands) => commands.payments.as_ref()?.take_report(message),
            Self::Later(_) => None,
        }
    }

    fn places(&self) -> Option<&Places> {
        match self {
            Self::Commands(commands) => commands.payments.as_ref().map(|payments| &payments.places),
            Self::Later(_) => None,
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

/// A later release that wants more removed than a record says so in JSON, and this build leaves it for that one.
fn no_key(payload: &str) -> Failure {
    match payload.starts_with('{') {
        true => Failure::release("it is no key of a record, so a newer build wrote it"),
        false => Failure::undecodable("it is no key of a record"),
    }
}
