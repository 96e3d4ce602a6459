//! What is sent back. The one place that knows status codes.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use order::OrderId;
use spin_sdk::http::FullBody;

use crate::problem::Problem;

/// An answer, before it is HTTP.
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

const JSON: &str = "application/json";

impl Answer {
    /// The order is kept and will be worked off.
    pub(crate) fn accepted(id: &OrderId, body: Vec<u8>, replayed: bool) -> Self {
        let mut answer = Self::json(StatusCode::ACCEPTED, body);
        answer.headers.push(("location", format!("/orders/{id}")));
        if replayed {
            answer.headers.push(("idempotency-replayed", "true".to_owned()));
        }
        answer
    }

    /// What was asked for. It changes with time, so no one may keep it.
    pub(crate) fn found(body: Vec<u8>) -> Self {
        let mut answer = Self::json(StatusCode::OK, body);
        answer.headers.push(("cache-control", "no-store".to_owned()));
        answer
    }

    /// How the application is.
    pub(crate) fn health(healthy: bool, body: Vec<u8>) -> Self {
        let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Self { status, ..Self::found(body) }
    }

    /// RFC 9457.
    pub(crate) fn problem(problem: &Problem, body: Vec<u8>) -> Self {
        let mut answer = Self::json(status(problem), body);
        answer.content_type = "application/problem+json";
        match problem {
            Problem::MethodNotAllowed { allow } => answer.headers.push(("allow", (*allow).to_owned())),
            Problem::Unavailable { .. } => answer.headers.push(("retry-after", "1".to_owned())),
            Problem::Misconfigured(_) => answer.headers.push(("retry-after", "30".to_owned())),
            _ => {}
        }
        answer
    }

    fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: body.into() }
    }

    /// The length is always given: without it Spin answers in chunks, and a keep-alive client waits 40 ms for each.
    pub(crate) fn into_response(self) -> Response<FullBody<Bytes>> {
        let mut response = Response::new(FullBody::new(self.body.clone()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_LENGTH, self.body.len().into());
        for (name, value) in self.headers {
            let value = HeaderValue::try_from(value).expect("our header values are visible ASCII");
            headers.insert(name, value);
        }
        response
    }
}

/// The status of a problem.
pub(crate) fn status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::NotJson { .. } | Problem::UnreadableBody | Problem::MalformedKey => StatusCode::BAD_REQUEST,
        Problem::NotFound => StatusCode::NOT_FOUND,
        Problem::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::InvalidOrder(_) | Problem::KeyReused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Problem::Unavailable { .. } | Problem::Misconfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
