//! What a fault is: which calls it means, and what becomes of them.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::watch::calls::{Call, HttpError, KeyValueError, Kind, Operation, RedisError, Refusal, VariableError};

/// The error that a component gets if a fault makes its call fail.
const ORDERED: &str = "a fault, as ordered";

/// What goes wrong with some calls of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The component whose calls are meant. `None` means every component.
    pub component: Option<String>,
    /// The calls that are meant, and counted.
    pub target: Target,
    /// Which of them it strikes.
    pub occurrence: Occurrence,
    /// What it does to them.
    pub effect: Effect,
}

/// Which calls of a component a fault means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Each call.
    Any,
    /// The calls of a kind.
    Kind(Kind),
    /// The calls of a kind to one function, named as by [`Operation::function`]. Upper and lower case are the same.
    Function(Kind, String),
}

/// Which calls a fault strikes, among those that it means. The calls of each component are counted separately.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Occurrence {
    /// This one, counted from 1.
    Nth(NonZeroU64),
    /// Every n-th: the n-th first, then the 2n-th, and so on.
    Every(NonZeroU64),
    /// By chance, with this probability: above 0, at most 1.
    Chance(f64),
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The instance is dropped in place of the call.
    CrashBefore,
    /// The instance is dropped once the call has been carried out.
    CrashAfter,
    /// The component gets an error in place of the call.
    Fail,
    /// The component gets an error once the call has been carried out, as if the connection broke before the answer.
    LoseAnswer,
    /// The call is carried out after a while.
    Delay(Duration),
    /// The process of the host is killed in place of the call, as by SIGKILL.
    KillBefore,
    /// The process of the host is killed once the call has been carried out.
    KillAfter,
}

impl Fault {
    /// Whether a call is one of those that the fault means, and so counts.
    pub(super) fn means(&self, call: &Call) -> bool {
        self.component.as_deref().is_none_or(|component| component == &*call.component)
            && self.target.includes(&call.operation)
    }
}

impl Target {
    fn includes(&self, operation: &Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Kind(kind) => *kind == operation.kind(),
            Self::Function(kind, function) => {
                let called = operation.function();
                *kind == operation.kind() && called.is_some_and(|called| called.eq_ignore_ascii_case(function))
            }
        }
    }
}

/// The error of a call that a fault makes fail.
pub(super) fn refusal(kind: Kind) -> Refusal {
    let text = ORDERED.to_owned();
    match kind {
        Kind::RedisOpen | Kind::Redis => Refusal::Redis(RedisError::Other(text)),
        Kind::KeyValue => Refusal::KeyValue(KeyValueError::Other(text)),
        Kind::Variable => Refusal::Variable(VariableError::Provider(text)),
        Kind::Http => Refusal::Http(HttpError::InternalError(Some(text))),
    }
}
