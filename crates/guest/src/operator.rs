//! Who may do what operators do: whoever knows the operator's key.

use subtle::ConstantTimeEq;

use crate::request::Request;
use crate::settings::{SettingError, Settings};

/// Why somebody may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOperator {
    /// The operator's key is not set, so nobody may.
    Closed,
    /// The key was not sent, or another.
    Unauthorized,
    /// The variable is wrong.
    Misconfigured(SettingError),
}

/// Shorter keys can be guessed.
const LEAST_KEY_BYTES: usize = 16;

impl Settings {
    /// The key that opens what operators may do; `None` while it is empty, and nobody may.
    pub async fn operator_key(&self) -> Result<Option<String>, SettingError> {
        let key = self.text("operator_key").await?;
        if !key.is_empty() && key.len() < LEAST_KEY_BYTES {
            return Err(self.error("operator_key", format!("must have at least {LEAST_KEY_BYTES} characters")));
        }
        Ok(Some(key).filter(|key| !key.is_empty()))
    }

    /// Lets pass who sends `Authorization: Bearer` with the variable `operator_key`. While that is empty nobody passes.
    pub async fn check_operator(&self, request: &Request) -> Result<(), NoOperator> {
        let key = self.operator_key().await.map_err(NoOperator::Misconfigured)?.ok_or(NoOperator::Closed)?;
        let sent = request.header("authorization");
        let (scheme, sent) = sent.and_then(|value| value.split_once(' ')).unwrap_or_default();
        // Takes as long wherever the first wrong character is. The scheme's case means nothing (RFC 9110, section 11.1).
        let is_right = scheme.eq_ignore_ascii_case("bearer") && bool::from(sent.as_bytes().ct_eq(key.as_bytes()));
        if is_right { Ok(()) } else { Err(NoOperator::Unauthorized) }
    }
}
