//! The operator's key. A request that carries it may do what operators do.

use subtle::ConstantTimeEq;

use crate::request::Request;
use crate::settings::{SettingError, Settings};

/// Why a request may not act as operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOperator {
    /// No key is configured, so nobody may.
    Closed,
    /// The request carries no key, or a wrong one.
    Unauthorized,
    /// The variable is wrong.
    Misconfigured(SettingError),
}

/// Shorter keys can be guessed.
const LEAST_KEY_BYTES: usize = 16;

impl Settings {
    /// The operator's key; `None` while none is configured, and nobody may act as operator.
    pub async fn operator_key(&self) -> Result<Option<String>, SettingError> {
        let key = self.text("operator_key").await?;
        if !key.is_empty() && key.len() < LEAST_KEY_BYTES {
            return Err(self.error("operator_key", format!("must have at least {LEAST_KEY_BYTES} characters")));
        }
        // No other key can be sent in a header.
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.error("operator_key", "must be visible ASCII characters without spaces".to_owned()));
        }
        Ok(Some(key).filter(|key| !key.is_empty()))
    }

    /// Checks that the request carries the operator's key, as `Authorization: Bearer`. If no key is configured, every
    /// request is refused.
    pub async fn check_operator(&self, request: &Request) -> Result<(), NoOperator> {
        let key = self.operator_key().await.map_err(NoOperator::Misconfigured)?.ok_or(NoOperator::Closed)?;
        let sent = request.header("authorization");
        let (scheme, sent) = sent.and_then(|value| value.split_once(' ')).unwrap_or_default();
        // The comparison takes as long wherever the first wrong character is. The scheme's case means nothing (RFC
        // 9110, section 11.1).
        let is_right = scheme.eq_ignore_ascii_case("bearer") && bool::from(sent.as_bytes().ct_eq(key.as_bytes()));
        if is_right { Ok(()) } else { Err(NoOperator::Unauthorized) }
    }
}
