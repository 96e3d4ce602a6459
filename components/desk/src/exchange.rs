//! JSON in and out, the same for every route of the desk.

use std::str::FromStr;

use guest::{Problem, Request, Response, read_body};
use http::StatusCode;
use order::NotJson;
use serde::{Deserialize, Serialize};

/// Bytes in the body of a request.
const BODY_BYTES: usize = 64 * 1024;

/// Reads the body of a request.
pub(crate) async fn read<T: for<'de> Deserialize<'de>>(request: Request) -> Result<T, Problem> {
    let body = read_body(request, BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let NotJson { line, column, detail } = NotJson::new(&body, &error);
        malformed(&format!("The body can't be used: {detail} (line {line}, column {column})"))
    })
}

/// Reads the one parameter that a query may have.
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

/// A response that no cache may keep, because it changes with time.
pub(crate) fn answer(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("strings and numbers always serialise");
    Response::json(StatusCode::OK, body).with("cache-control", "no-store")
}

/// A request that asks for nothing that can be done.
pub(crate) fn malformed(why: &str) -> Problem {
    Problem::MalformedRequest { why: why.to_owned() }
}
