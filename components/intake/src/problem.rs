//! Everything that can be wrong with a request, and how it is told: RFC 9457 problem details.

use guest::{Answer, BodyError, NoOperator, PointedError, ProblemDetails, SettingError};
use order::{Fault, Move, OrderId};

use crate::answer;

/// Why a request was not fulfilled.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No such route, or no such order.
    NotFound,
    /// The route exists with another method.
    MethodNotAllowed { allow: &'static str },
    /// The body is not declared as JSON.
    NotJsonType,
    /// The body is longer than an order may be.
    TooLarge,
    /// The body ended early.
    UnreadableBody,
    /// The body did not arrive in time.
    SlowBody,
    /// The body is no JSON.
    NotJson { detail: String },
    /// The body is JSON, but no order. Lists every fault.
    InvalidOrder(Vec<Fault>),
    /// The Idempotency-Key is none.
    MalformedKey,
    /// The Idempotency-Key came with another body before.
    KeyReused { id: OrderId },
    /// The operator's key is not set, so nobody may do this.
    Closed,
    /// The operator's key was not sent, or another.
    Unauthorized,
    /// The order's state has no place for what is wanted.
    IllegalMove { present: &'static str, wanted: Move },
    /// A person discarded the order.
    Discarded,
    /// The same was wanted before and given up: a person must look at it.
    ChangeGivenUp { id: OrderId, wanted: Move },
    /// It is to be cancelled, which comes first.
    CancelPending,
    /// Too many orders wait, or one for too long. Nothing was accepted.
    Full,
    /// Redis or the store is down. Nothing was accepted, as far as can be known.
    Unavailable { detail: String },
    /// A variable is wrong. Nothing can be accepted until it is mended.
    Misconfigured(SettingError),
}

impl Problem {
    /// Stable names for programs: the fragment of the problem's type.
    fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::NotJsonType => "unsupported-media-type",
            Self::TooLarge => "too-large",
            Self::UnreadableBody => "unreadable-body",
            Self::SlowBody => "slow-body",
            Self::NotJson { .. } => "not-json",
            Self::InvalidOrder(_) => "invalid-order",
            Self::MalformedKey => "malformed-idempotency-key",
            Self::KeyReused { .. } => "idempotency-key-reused",
            Self::Closed => "desk-closed",
            Self::Unauthorized => "unauthorized",
            Self::IllegalMove { .. } | Self::Discarded => "illegal-move",
            Self::ChangeGivenUp { .. } => "change-given-up",
            Self::CancelPending => "cancel-pending",
            Self::Full => "queue-full",
            Self::Unavailable { .. } => "unavailable",
            Self::Misconfigured(_) => "misconfigured",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed { .. } => "This route has no such method",
            Self::NotJsonType => "The body must be JSON",
            Self::TooLarge => "The body is too large",
            Self::UnreadableBody | Self::SlowBody => "The body could not be read",
            Self::NotJson { .. } => "The body is not JSON",
            Self::InvalidOrder(_) => "The order has faults",
            Self::MalformedKey => "The Idempotency-Key is malformed",
            Self::KeyReused { .. } => "The Idempotency-Key was used for another order",
            Self::Closed => "The desk is closed",
            Self::Unauthorized => "The operator's key is missing or wrong",
            Self::IllegalMove { .. } | Self::Discarded => "The order can't be changed so any more",
            Self::ChangeGivenUp { .. } => "This change was given up before",
            Self::CancelPending => "The order is to be cancelled",
            Self::Full => "Too many orders are waiting",
            Self::Unavailable { .. } => "Orders can't be taken right now",
            Self::Misconfigured(_) => "The application is not set up correctly",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotFound => "No such route or order. Orders are sent to POST /orders and read at the Location \
                               of its answer."
                .to_owned(),
            Self::MethodNotAllowed { allow } => format!("Use {allow}."),
            Self::NotJsonType => "Send the header Content-Type: application/json.".to_owned(),
            Self::TooLarge => {
                format!("An order may have at most {} bytes, and a change of one far fewer.", order::limits::BODY_BYTES)
            }
            Self::SlowBody => "The body did not arrive in time. Send the request again.".to_owned(),
            Self::UnreadableBody => "The connection ended before the body did. Send the order again.".to_owned(),
            Self::NotJson { detail } | Self::Unavailable { detail } => detail.clone(),
            Self::InvalidOrder(faults) => match faults.len() {
                1 => "One thing must be mended; see errors.".to_owned(),
                n => format!("{n} things must be mended; see errors."),
            },
            Self::MalformedKey => {
                format!(
                    "It must have 1 to {} visible ASCII characters and come once.",
                    order::limits::IDEMPOTENCY_KEY_CHARS
                )
            }
            Self::KeyReused { id } => {
                format!("It belongs to the order {id}, which had another body. Use a new key for a new order.")
            }
            Self::Closed => "Set the variable operator_key, of 16 characters or more, to open it.".to_owned(),
            Self::Unauthorized => "Send the header Authorization: Bearer with the operator's key.".to_owned(),
            Self::IllegalMove { present, wanted } => {
                format!("The order is {present}, and has no way to {wanted} from there.")
            }
            Self::Discarded => "The order was discarded. GET shows why.".to_owned(),
            Self::ChangeGivenUp { id, wanted } => {
                format!("It is the dead letter {id}/{wanted} of the queue placed: redrive or discard it there.")
            }
            Self::CancelPending => {
                "Its cancellation was accepted and comes first. GET shows what became of it.".to_owned()
            }
            Self::Full => "Nothing was accepted. Send the order again after the time in Retry-After.".to_owned(),
            Self::Misconfigured(error) => format!("{error}."),
        }
    }

    /// Where the order stands, if that is what stands in the way.
    fn state(&self) -> Option<&'static str> {
        match self {
            Self::IllegalMove { present, .. } => Some(present),
            Self::Discarded => Some("discarded"),
            _ => None,
        }
    }

    pub(crate) fn into_answer(self) -> Answer {
        let state = self.state();
        let faults = match &self {
            Self::InvalidOrder(faults) => faults.as_slice(),
            _ => &[],
        };
        let answer = Answer::problem(&ProblemDetails {
            kind: format!("urn:sluice:problem:{}", self.name()),
            title: self.title(),
            status: answer::status(&self),
            detail: self.detail(),
            state,
            errors: faults.iter().map(|Fault { pointer, detail }| PointedError { pointer, detail }).collect(),
        });
        match self {
            Self::MethodNotAllowed { allow } => answer.with("allow", allow),
            Self::Unauthorized => answer.with("www-authenticate", "Bearer"),
            Self::Full => answer.with("retry-after", "5"),
            Self::Unavailable { .. } => answer.with("retry-after", "1"),
            Self::Misconfigured(_) => answer.with("retry-after", "30"),
            _ => answer,
        }
    }
}

impl From<NoOperator> for Problem {
    fn from(why: NoOperator) -> Self {
        match why {
            NoOperator::Closed => Self::Closed,
            NoOperator::Unauthorized => Self::Unauthorized,
            NoOperator::Misconfigured(error) => Self::Misconfigured(error),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Interrupted => Self::UnreadableBody,
            BodyError::TooSlow => Self::SlowBody,
        }
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Self::Misconfigured(error)
    }
}
