//! Who may use the desk: whoever knows the operator's key.

use guest::Settings;
use http::header;
use spin_sdk::http::Request;
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// Shorter keys can be guessed.
const LEAST_KEY_BYTES: usize = 16;

/// Lets pass who sends `Authorization: Bearer` with the variable `operator_key`. While that is empty nobody passes.
pub(crate) async fn check(request: &Request, settings: &Settings) -> Result<(), Problem> {
    let key = settings.text("operator_key").await?;
    if key.is_empty() {
        return Err(Problem::Closed);
    }
    if key.len() < LEAST_KEY_BYTES {
        let fault = format!("must have at least {LEAST_KEY_BYTES} characters");
        return Err(settings.error("operator_key", fault).into());
    }
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Takes as long wherever the first wrong character is.
    if bool::from(sent.as_bytes().ct_eq(key.as_bytes())) { Ok(()) } else { Err(Problem::Unauthorized) }
}
