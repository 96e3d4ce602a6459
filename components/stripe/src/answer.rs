//! The good answers of docs/payments.md.

use guest::Response;
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct GoodAnswer<'a> {
    id: &'a str,
    status: &'a str,
}

/// The money was moved: Stripe's id.
pub(crate) fn done(id: &str) -> Response {
    good(StatusCode::OK, id, "succeeded")
}

/// The money may still be moved: Stripe's id, and what Stripe calls this.
pub(crate) fn not_yet(id: &str, status: &str) -> Response {
    good(StatusCode::ACCEPTED, id, status)
}

fn good(status: StatusCode, id: &str, word: &str) -> Response {
    let answer = GoodAnswer { id, status: word };
    Response::json(status, serde_json::to_vec(&answer).expect("plain strings are JSON"))
}
