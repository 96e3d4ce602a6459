//! Responses.

use http::StatusCode;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::wit_bindgen;

use crate::body::{fields, outgoing};

/// A response with a body, which is mostly JSON.
pub struct Response {
    pub(crate) status: StatusCode,
    /// `None`: there is no body.
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A status and a JSON body.
    pub fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, content_type: Some("application/json"), headers: Vec::new(), body }
    }

    /// An answer that says all in its headers.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, content_type: None, headers: Vec::new(), body: Vec::new() }
    }

    /// A status and a body of any type.
    pub fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { content_type: Some(content_type), ..Self::json(status, body) }
    }

    /// The same with a header. Values are visible ASCII.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What says that the client has the body already: all headers but those of the body (RFC 9110, section 15.4.5).
    pub(crate) fn not_modified(self) -> Self {
        Self { status: StatusCode::NOT_MODIFIED, content_type: None, body: Vec::new(), ..self }
    }

    /// The response as WASI has it. It always declares its length: without it Spin answers in chunks, and a keep-alive
    /// client waits 40 ms for each.
    pub fn into_wasi(self) -> types::Response {
        let of_body = self.content_type.map(|content_type| {
            let length = self.body.len().to_string();
            // A browser must not take what a customer wrote for a page (Fetch Standard, section 3.6).
            [
                ("content-type", content_type.to_owned()),
                ("content-length", length),
                ("x-content-type-options", "nosniff".to_owned()),
            ]
        });
        let headers = fields(of_body.into_iter().flatten().chain(self.headers));
        let headers = headers.expect("our header values are visible ASCII");
        let (contents, no_trailers, write) = outgoing(self.body);
        let (response, _sent) = types::Response::new(headers, Some(contents), no_trailers);
        response.set_status_code(self.status.as_u16()).expect("a status");
        wit_bindgen::spawn(write);
        response
    }
}
