//! What is sent back. The one place of the intake that knows status codes.

use guest::Answer;
use http::StatusCode;
use order::{Move, OrderId};

use crate::problem::Problem;

/// The order is kept and will be worked off.
pub(crate) fn accepted(id: &OrderId, body: Vec<u8>, replayed: bool) -> Answer {
    let answer = Answer::json(StatusCode::ACCEPTED, body).with("location", format!("/orders/{id}"));
    if replayed { answer.with("idempotency-replayed", "true") } else { answer }
}

/// What is wanted of an order is kept and will be carried out, unless the order moves on otherwise before.
pub(crate) fn change_accepted(id: &OrderId, status: &str, wanted: Move) -> Answer {
    let body = order::change_answer(*id, status, wanted);
    Answer::json(StatusCode::ACCEPTED, body).with("location", format!("/orders/{id}"))
}

/// What was asked for. It changes with time, so no one may keep it.
pub(crate) fn found(body: Vec<u8>) -> Answer {
    Answer::json(StatusCode::OK, body).with("cache-control", "no-store")
}

/// The status of a problem.
pub(crate) fn status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::NotJson { .. } | Problem::UnreadableBody | Problem::MalformedKey => StatusCode::BAD_REQUEST,
        Problem::Unauthorized => StatusCode::UNAUTHORIZED,
        Problem::Closed => StatusCode::FORBIDDEN,
        Problem::NotFound => StatusCode::NOT_FOUND,
        Problem::SlowBody => StatusCode::REQUEST_TIMEOUT,
        Problem::IllegalMove { .. } | Problem::Discarded | Problem::ChangeGivenUp { .. } | Problem::CancelPending => {
            StatusCode::CONFLICT
        }
        Problem::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::InvalidOrder(_) | Problem::KeyReused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Problem::Full | Problem::Unavailable { .. } | Problem::Misconfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
