//! JSON in and out, alike for everything at the desk.

use std::str::FromStr;

use guest::{Answer, Request, read_body};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Bytes in the body of a request.
const BODY_BYTES: usize = 64 * 1024;

/// The body of a request.
pub(crate) async fn read<T: for<'de> Deserialize<'de>>(request: Request) -> Result<T, Problem> {
    let body = read_body(request, BODY_BYTES).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Problem::Malformed { detail: format!("The body can't be used: {error}.") })
}

/// The value of the one parameter that a query may have.
pub(crate) fn parameter<T: FromStr>(request: &Request, known: &str) -> Result<Option<T>, Problem> {
    let mut value = None;
    for pair in request.query().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((name, text)) if name == known => {
                value = Some(text.parse().map_err(|_| malformed(&format!("{known} must be a whole number")))?);
            }
            _ => return Err(malformed(&format!("{pair} is not known here, only {known}"))),
        }
    }
    Ok(value)
}

/// What was asked for. It changes with time, so no one may keep it.
pub(crate) fn answer(body: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| Problem::Unavailable { detail: error.to_string() })?;
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "no-store"))
}

/// A request that says nothing that can be done.
pub(crate) fn malformed(what: &str) -> Problem {
    Problem::Malformed { detail: format!("The request can't be carried out: {what}.") }
}
