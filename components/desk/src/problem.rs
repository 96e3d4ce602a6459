//! Everything that can be wrong with a request to the desk: RFC 9457 problem details.

use guest::{Answer, BodyError, NoOperator, ProblemDetails, SettingError};
use http::StatusCode;

/// Why a request was not fulfilled.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No such route or queue.
    NotFound,
    /// The route exists with another method.
    MethodNotAllowed { allow: &'static str },
    /// The operator's key is not set, so nobody may pass.
    Closed,
    /// The operator's key was not sent, or another.
    Unauthorized,
    /// The body says nothing that can be done.
    Malformed { detail: String },
    /// The article has no stock entry that could be adjusted.
    Untracked,
    /// More was to be taken away than is left.
    Short { left: u64 },
    /// Redis is down.
    Unavailable { detail: String },
    /// A variable is wrong.
    Misconfigured(SettingError),
}

impl Problem {
    pub(crate) fn into_answer(self) -> Answer {
        let (status, name, title) = self.kind();
        let answer = Answer::problem(&ProblemDetails {
            kind: format!("urn:sluice:problem:{name}"),
            title,
            status,
            detail: self.detail(),
            state: None,
            errors: Vec::new(),
        });
        match self {
            Self::MethodNotAllowed { allow } => answer.with("allow", allow),
            Self::Unauthorized => answer.with("www-authenticate", "Bearer"),
            Self::Unavailable { .. } | Self::Misconfigured(_) => answer.with("retry-after", "5"),
            _ => answer,
        }
    }

    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is nothing here"),
            Self::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This route has no such method")
            }
            Self::Closed => (StatusCode::FORBIDDEN, "desk-closed", "The desk is closed"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "The operator's key is missing or wrong"),
            Self::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed-request", "The request can't be read"),
            Self::Untracked => (StatusCode::NOT_FOUND, "untracked", "The article has no stock entry"),
            Self::Short { .. } => (StatusCode::CONFLICT, "not-enough-stock", "There is not enough in stock"),
            Self::Unavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The desk can't work right now")
            }
            Self::Misconfigured(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "misconfigured", "The application is not set up correctly")
            }
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotFound => "The desk knows /stock, /stock/{sku} for articles with a stock entry, and \
                               /dead-letters/{queue} for the queues placed and changes and, once anything was \
                               put there, changes.{endpoint} and placed.superseded."
                .to_owned(),
            Self::MethodNotAllowed { allow } => format!("Use {allow}."),
            Self::Closed => "Set the variable operator_key, of 16 characters or more, to open it.".to_owned(),
            Self::Unauthorized => "Send the header Authorization: Bearer with the operator's key.".to_owned(),
            Self::Untracked => "Set one with PUT {\"available\": …} first.".to_owned(),
            Self::Short { left } => format!("Only {left} are left. Nothing was changed."),
            Self::Malformed { detail } | Self::Unavailable { detail } => detail.clone(),
            Self::Misconfigured(error) => format!("{error}."),
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

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Self::Misconfigured(error)
    }
}

impl From<queue::Error> for Problem {
    fn from(error: queue::Error) -> Self {
        Self::Unavailable { detail: format!("{error}.") }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let detail = match error {
            BodyError::TooLarge => "The body is too large.",
            BodyError::Interrupted => "The connection ended before the body did.",
            BodyError::TooSlow => "The body did not arrive in time.",
        };
        Self::Malformed { detail: detail.to_owned() }
    }
}
