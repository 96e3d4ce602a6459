//! What a fault is: which calls it means, and what becomes of them.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::watch::calls::{Call, HttpError, KeyValueError, Kind, Operation, RedisError, Refusal, VariableError};

/// What a component reads in the error of a call that failed by a fault.
const ORDERED: &str = "a fault, as ordered";

/// What becomes of some of an application's calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The component whose calls are meant; `None` for each component's.
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
    /// Those of a kind.
    Kind(Kind),
    /// Those of a kind to one of its functions, as [`Operation::function`] tells it, in whatever case.
    Function(Kind, String),
}

/// Which of the calls that a fault means it strikes. Each component's are counted by themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Occurrence {
    /// This one, counted from 1.
    Nth(NonZeroU64),
    /// One in so many, the first time that one itself.
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

/// The error that a call ends with that fails by a fault.
pub(super) fn refusal(kind: Kind) -> Refusal {
    let text = ORDERED.to_owned();
    match kind {
        Kind::RedisOpen | Kind::Redis => Refusal::Redis(RedisError::Other(text)),
        Kind::KeyValue => Refusal::KeyValue(KeyValueError::Other(text)),
        Kind::Variable => Refusal::Variable(VariableError::Provider(text)),
        Kind::Http => Refusal::Http(HttpError::InternalError(Some(text))),
    }
}
