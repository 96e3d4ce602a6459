//! Responses.

use http::StatusCode;
use spin_sdk::wasip3::http::types;
use spin_sdk::wasip3::wit_bindgen;

use crate::body::{fields, outgoing};

/// A response with a body, which is mostly JSON.
pub struct Response {
    status: StatusCode,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Response {
    /// A status and a JSON body.
    pub fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body }
    }

    /// A status and a body of any type.
    pub fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { content_type, ..Self::json(status, body) }
    }

    /// The same with a header. Values are visible ASCII.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The response as WASI has it. It always declares its length: without it Spin answers in chunks, and a keep-alive
    /// client waits 40 ms for each.
    pub fn into_wasi(self) -> types::Response {
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
