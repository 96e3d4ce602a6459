//! Every kind of problem that a request can meet, one line each: status, name, title.

use http::StatusCode;

/// A kind of problem. docs/problems.md lists them all.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The status code of the response.
    pub status: StatusCode,
    /// A stable name for programs: the end of the problem's `type`.
    pub name: &'static str,
    /// The kind of problem, for people.
    pub title: &'static str,
}

/// Declares the kinds, and the list of them.
macro_rules! kinds {
    ($($constant:ident: $status:ident, $name:literal, $title:literal;)*) => {
        $(pub(crate) const $constant: &ProblemKind =
            &ProblemKind { status: StatusCode::$status, name: $name, title: $title };)*

        /// All kinds.
        pub const PROBLEM_KINDS: &[&ProblemKind] = &[$($constant),*];
    };
}

kinds! {
    NOT_FOUND: NOT_FOUND, "not-found", "There is nothing here";
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, "method-not-allowed", "This route has no such method";
    UNSUPPORTED_MEDIA_TYPE: UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON in plain UTF-8";
    TOO_LARGE: PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    UNREADABLE_BODY: BAD_REQUEST, "unreadable-body", "The body could not be read";
    SLOW_BODY: REQUEST_TIMEOUT, "slow-body", "The body did not arrive in time";
    NOT_JSON: BAD_REQUEST, "not-json", "The body is not JSON";
    INVALID_ORDER: UNPROCESSABLE_ENTITY, "invalid-order", "The order has faults";
    INVALID_REQUEST: UNPROCESSABLE_ENTITY, "invalid-request", "The request has faults";
    MALFORMED_KEY: BAD_REQUEST, "malformed-idempotency-key", "The Idempotency-Key is malformed";
    KEY_REUSED: UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used for something else";
    UNAUTHORIZED: UNAUTHORIZED, "unauthorized", "The key is missing or wrong";
    FORBIDDEN: FORBIDDEN, "forbidden", "The key is not for this";
    BAD_SIGNATURE: UNAUTHORIZED, "bad-signature", "The signature is missing or wrong";
    ILLEGAL_MOVE: CONFLICT, "illegal-move", "The order can't be changed so any more";
    CHANGE_GIVEN_UP: CONFLICT, "change-given-up", "This change was given up before";
    CANCEL_PENDING: CONFLICT, "cancel-pending", "The order is about to be cancelled";
    REFUND_UNKNOWN: CONFLICT, "refund-unknown", "The order's money may be given back already";
    ENDPOINT_IN_USE: CONFLICT, "endpoint-in-use", "A host still names the endpoint";
    UNDECIDED: CONFLICT, "undecided", "The order is not decided yet";
    REMOVED: GONE, "removed", "The order was removed";
    NOTHING_TO_SETTLE: CONFLICT, "nothing-to-settle", "Only a payment can be settled";
    RECORD_UNREADABLE: INTERNAL_SERVER_ERROR, "record-unreadable", "The order is damaged";
    MALFORMED_REQUEST: BAD_REQUEST, "malformed-request", "The request can't be carried out";
    UNTRACKED: NOT_FOUND, "untracked", "The article has no stock entry";
    NOT_ENOUGH_STOCK: CONFLICT, "not-enough-stock", "There is not enough in stock";
    TOO_MUCH_STOCK: CONFLICT, "too-much-stock", "There would be too much in stock";
    RATE_LIMITED: TOO_MANY_REQUESTS, "rate-limited", "Too many orders in a short time";
    QUEUE_FULL: SERVICE_UNAVAILABLE, "queue-full", "Too many orders are waiting";
    UNAVAILABLE: SERVICE_UNAVAILABLE, "unavailable", "The request can't be answered right now";
    MISCONFIGURED: SERVICE_UNAVAILABLE, "misconfigured", "The application is not set up correctly";
}
