//! The faults of a text that was read, each with its place.

use crate::limits;
use serde::Serialize;
use std::borrow::Cow;
use thiserror::Error;

/// Why a request's body is no order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// The body is longer than [`limits::BODY_BYTES`].
    #[error("the body has more than {} bytes", limits::BODY_BYTES)]
    TooLarge,
    /// The body is not JSON in UTF-8, or nests deeper than 127 levels.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// The body is JSON, and breaks the rules of an order: all its faults, or the first [`limits::FAULTS`] of them.
    #[error("the order has faults: {}", Listed(.0))]
    Invalid(Vec<Fault>),
}

/// Where JSON stops being JSON.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not JSON: {detail} (line {line}, column {column})")]
pub struct NotJson {
    /// Counted from 1.
    pub line: usize,
    /// Counted in bytes, from 1; 0 stands for the line break before.
    pub column: usize,
    /// The fault.
    pub detail: String,
}

impl NotJson {
    /// Why bytes are no JSON: what they are instead, if they tell, or else what the parser says.
    #[must_use]
    pub fn new(bytes: &[u8], error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let said = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        Self { line, column, detail: instead(bytes).unwrap_or(said).to_owned() }
    }
}

/// What bytes are instead of JSON, if they tell.
fn instead(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if bytes.trim_ascii().is_empty() => Some("the body is empty"),
        [0x1f, 0x8b, ..] => Some("this is compressed with gzip, but must be sent uncompressed"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("this is compressed with zstd, but must be sent uncompressed"),
        [0x78, 0x01 | 0x9c | 0xda, ..] => Some("this is compressed with deflate, but must be sent uncompressed"),
        [0xef, 0xbb, 0xbf, ..] => Some("this is a byte order mark (BOM), which must be left out"),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] | [_, 0, 0, 0, ..] => {
            Some("this is UTF-32, but must be UTF-8")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("this is UTF-16, but must be UTF-8"),
        _ if str::from_utf8(bytes).is_err() => Some("this is not UTF-8, but may be ISO 8859-1 or compressed"),
        _ => None,
    }
}

/// One fault, as RFC 9457 problem details list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the value; empty for the whole body. A name of more than
    /// [`limits::POINTER_TOKEN_CHARS`] characters is cut and ends in `…`.
    pub pointer: String,
    /// What to mend, as the rest of a sentence that begins with the value: "must be …".
    pub detail: Cow<'static, str>,
}

/// A value that is not what its type stands for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) Cow<'static, str>);

impl Malformed {
    pub(crate) fn new(detail: impl Into<Cow<'static, str>>) -> Self {
        Self(detail.into())
    }
}

/// Writes the first faults of a list, for a log line or the reason of a dead letter.
pub(crate) struct Listed<'a>(pub(crate) &'a [Fault]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 3;
        for (index, Fault { pointer, detail }) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let pointer = if pointer.is_empty() { "the whole" } else { pointer };
            write!(f, "{separator}{pointer} {detail}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
