//! Answers, before they are HTTP.

use http::StatusCode;
use serde::Serialize;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::{wit_bindgen, wit_future, wit_stream};

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
        let mut headers = vec![
            ("content-type".to_owned(), self.content_type.as_bytes().to_vec()),
            ("content-length".to_owned(), self.body.len().to_string().into_bytes()),
        ];
        headers.extend(self.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())));
        let headers = types::Fields::from_list(&headers).expect("our header values are visible ASCII");
        let (mut body, body_reader) = wit_stream::new();
        let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
        let (response, _sent) = types::Response::new(headers, Some(body_reader), trailers_reader);
        response.set_status_code(self.status.as_u16()).expect("a status");
        wit_bindgen::spawn(async move {
            body.write_all(self.body).await;
            drop((body, trailers));
        });
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
