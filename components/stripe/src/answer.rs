//! The good answers of docs/payments.md.

use guest::Response;
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct GoodAnswer<'a> {
    id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<&'a str>,
}

/// The money was moved: Stripe's id.
pub(crate) fn done(id: &str) -> Response {
    good(StatusCode::OK, GoodAnswer { id, status: "succeeded", next_action: None })
}

/// The money is set aside, and not taken: Stripe's id.
pub(crate) fn authorized(id: &str) -> Response {
    good(StatusCode::OK, GoodAnswer { id, status: "authorized", next_action: None })
}

/// The money may still be moved: Stripe's id, and what Stripe calls this.
pub(crate) fn not_yet(id: &str, status: &str) -> Response {
    good(StatusCode::ACCEPTED, GoodAnswer { id, status, next_action: None })
}

/// The customer has to act: Stripe's id, and the page to go to.
pub(crate) fn waits(id: &str, page: &str) -> Response {
    good(StatusCode::ACCEPTED, GoodAnswer { id, status: "requires_action", next_action: Some(page) })
}

fn good(status: StatusCode, answer: GoodAnswer<'_>) -> Response {
    Response::json(status, serde_json::to_vec(&answer).expect("plain strings are JSON"))
}
