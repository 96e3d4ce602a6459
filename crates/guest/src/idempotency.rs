//! The header Idempotency-Key.

use order::IdempotencyKey;

use crate::problem::Problem;
use crate::request::Request;

/// The Idempotency-Key of a request, if it has one.
///
/// # Errors
/// If there are several, or one that is malformed.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.and_then(|value| value.parse().ok());
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(Problem::MalformedKey),
    }
}
