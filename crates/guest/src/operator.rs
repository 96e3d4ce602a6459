//! Who may do what operators do: whoever knows the operator's key.

use http::header;
use spin_sdk::http::Request;
use subtle::ConstantTimeEq;

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
    /// Lets pass who sends `Authorization: Bearer` with the variable `operator_key`. While that is empty nobody passes.
    pub async fn check_operator(&self, request: &Request) -> Result<(), NoOperator> {
        let key = self.text("operator_key").await.map_err(NoOperator::Misconfigured)?;
        if key.is_empty() {
            return Err(NoOperator::Closed);
        }
        if key.len() < LEAST_KEY_BYTES {
            let fault = format!("must have at least {LEAST_KEY_BYTES} characters");
            return Err(NoOperator::Misconfigured(self.error("operator_key", fault)));
        }
        let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        // Takes as long wherever the first wrong character is.
        if bool::from(sent.as_bytes().ct_eq(key.as_bytes())) { Ok(()) } else { Err(NoOperator::Unauthorized) }
    }
}
