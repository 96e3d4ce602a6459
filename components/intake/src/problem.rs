//! Everything that can be wrong with a request, and how it is told: RFC 9457 problem details.

use guest::SettingError;
use order::{Fault, OrderId};
use serde_json::{Map, Value, json};

use crate::answer::{self, Answer};

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
    UnreadableBody { detail: String },
    /// The body is no JSON.
    NotJson { detail: String },
    /// The body is JSON, but no order. Lists every fault.
    InvalidOrder(Vec<Fault>),
    /// The Idempotency-Key is none.
    MalformedKey,
    /// The Idempotency-Key came with another body before.
    KeyReused { id: OrderId },
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
            Self::UnreadableBody { .. } => "unreadable-body",
            Self::NotJson { .. } => "not-json",
            Self::InvalidOrder(_) => "invalid-order",
            Self::MalformedKey => "malformed-idempotency-key",
            Self::KeyReused { .. } => "idempotency-key-reused",
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
            Self::UnreadableBody { .. } => "The body could not be read",
            Self::NotJson { .. } => "The body is not JSON",
            Self::InvalidOrder(_) => "The order has faults",
            Self::MalformedKey => "The Idempotency-Key is malformed",
            Self::KeyReused { .. } => "The Idempotency-Key was used for another order",
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
            Self::TooLarge => format!("An order may have at most {} bytes.", order::limits::BODY_BYTES),
            Self::UnreadableBody { detail } | Self::NotJson { detail } | Self::Unavailable { detail } => detail.clone(),
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
            Self::Misconfigured(error) => format!("{error}."),
        }
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("urn:sluice:problem:{}", self.name()).into());
        body.insert("title".to_owned(), self.title().into());
        body.insert("status".to_owned(), answer::status(&self).as_u16().into());
        body.insert("detail".to_owned(), self.detail().into());
        if let Self::InvalidOrder(faults) = &self {
            let errors = faults.iter().map(|fault| json!({"pointer": fault.pointer, "detail": fault.detail}));
            body.insert("errors".to_owned(), errors.collect());
        }
        let body = Value::Object(body).to_string().into_bytes();
        Answer::problem(&self, body)
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Self::Misconfigured(error)
    }
}
