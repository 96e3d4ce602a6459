//! What Sluice is told when no money was moved, or when that isn't known: problem details (RFC 9457) under the statuses
//! of docs/payments.md.

use std::time::Duration;

use guest::{BodyError, Response, SettingError};
use http::StatusCode;
use serde::Serialize;

/// A status of the contract, and a sentence for people.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: String,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct RefusalDetails<'a> {
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after: None }
    }

    /// The order was not charged, and never will be.
    pub(crate) fn closed() -> Self {
        Self::new(StatusCode::GONE, "This order was closed by a refund: nothing is taken for it any more.")
    }

    /// Nothing was taken, and nothing can be taken any more: the authorization was given up.
    pub(crate) fn voided() -> Self {
        Self::new(StatusCode::GONE, "The authorization was voided: nothing is taken by it any more.")
    }

    /// The customer's bank, or Stripe, won't pay. Whoever reads the order sees the words.
    pub(crate) fn declined(words: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, words)
    }

    /// The set-up is wrong. Sluice gives the order back, and spends no attempt.
    pub(crate) fn misconfigured(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// Asking for the same again gets no further. The order becomes a dead letter.
    pub(crate) fn for_good(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Something else is under way. The next try sees what came of it.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail).after(Some(Duration::from_secs(1)))
    }

    /// The same with the time after which to ask again.
    #[must_use]
    pub(crate) fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// The same with one more sentence.
    #[must_use]
    pub(crate) fn adding(self, sentence: &str) -> Self {
        Self { detail: [&self.detail, " ", sentence].concat(), ..self }
    }

    /// The response that tells it.
    pub(crate) fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let details = RefusalDetails { title, status: self.status.as_u16(), detail: &self.detail };
        let body = serde_json::to_vec(&details).expect("plain strings are JSON");
        let response = Response::of(self.status, "application/problem+json", body);
        match self.retry_after {
            Some(after) => response.with("retry-after", after.as_secs().to_string()),
            None => response,
        }
    }
}

impl From<SettingError> for Refusal {
    fn from(error: SettingError) -> Self {
        Self::misconfigured(format!("{error}."))
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { most } => Self::for_good(format!("The body has more than {most} bytes.")),
            BodyError::Encoded(_) => Self::for_good("The body is not in plain UTF-8."),
            BodyError::Interrupted | BodyError::TooSlow => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive. Send the request again.")
            }
        }
    }
}
