//! Answers, before they are HTTP.

use http::StatusCode;
use serde::Serialize;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::wit_bindgen;

use crate::body::{fields, outgoing};

/// An answer with a body, which is mostly JSON.
pub struct Answer {
    status: StatusCode,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Problem details as RFC 9457 has them, before they are JSON.
#[derive(Serialize)]
pub struct ProblemDetails<'a> {
    /// Names the kind of problem for programs; never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// Says the kind of problem to a person.
    pub title: &'a str,
    /// The status code once more.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// Says what is wrong this time, and what to do.
    pub detail: String,
    /// Where the thing stands that was to be changed, if that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'a str>,
    /// Every single fault, as in the first example of the RFC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PointedError<'a>>,
}

/// A fault at one place of the body.
#[derive(Serialize)]
pub struct PointedError<'a> {
    /// The place: a JSON pointer, RFC 6901.
    pub pointer: &'a str,
    /// What is wrong there.
    pub detail: &'a str,
}

impl Answer {
    /// A status and its JSON.
    pub fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body }
    }

    /// A status and a body of any type.
    pub fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { content_type, ..Self::json(status, body) }
    }

    /// A problem.
    pub fn problem(details: &ProblemDetails<'_>) -> Self {
        let body = serde_json::to_vec(details).expect("plain strings are JSON");
        Self::of(details.status, "application/problem+json", body)
    }

    /// The same with a header. Values are visible ASCII.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response. Its length is always given: without it Spin answers in chunks, and a keep-alive client waits 40 ms
    /// for each.
    pub fn into_response(self) -> types::Response {
        let content_type = ("content-type", self.content_type.to_owned());
        let length = ("content-length", self.body.len().to_string());
        let headers = fields([content_type, length].into_iter().chain(self.headers));
        let headers = headers.expect("our header values are visible ASCII");
        let (contents, no_trailers, write) = outgoing(self.body);
        let (response, _sent) = types::Response::new(headers, Some(contents), no_trailers);
        response.set_status_code(self.status.as_u16()).expect("a status");
        wit_bindgen::spawn(write);
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
