//! Requests to a component, and the export by which the host sends them. They use WASI's own types: with those of the
//! `http` crate, each request would cost a sixth more, and each component be a sixth larger.

use http::Method;
use order::IdempotencyKey;
use spin_sdk::wasip3::http::types;

use crate::problem::Problem;

/// A request to this component.
pub struct Request {
    method: Method,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) raw: types::Request,
}

impl Request {
    /// Reads all but the body.
    ///
    /// # Errors
    /// If the method is not valid.
    pub fn new(raw: types::Request) -> Result<Self, types::ErrorCode> {
        let method = raw.get_method().try_into().map_err(|_| types::ErrorCode::HttpRequestMethodInvalid)?;
        let target = raw.get_path_with_query().unwrap_or_else(|| "/".to_owned());
        Ok(Self { method, target, headers: raw.get_headers().copy_all(), raw })
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Its path, as the client sent it.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// Its query, as the client sent it, without the question mark. Empty if it has none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of that name, in lower case, if it is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()?
    }

    /// All headers of that name, in lower case; `None` for one that is not visible ASCII.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = Option<&str>> {
        self.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| visible(value))
    }

    /// The Idempotency-Key, if there is one.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let mut values = self.headers("idempotency-key");
        let Some(value) = values.next() else { return Ok(None) };
        let key = value.and_then(|value| value.parse().ok());
        match (key, values.next()) {
            (Some(key), None) => Ok(Some(key)),
            _ => Err(Problem::MalformedKey),
        }
    }

    /// Whether the client declares the body as JSON: `application/json`, with or without parameters.
    pub fn is_json(&self) -> bool {
        let media_type = self.header("content-type").and_then(|value| value.split(';').next());
        media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
    }
}

/// The text of a header if it is visible ASCII. Spaces and tabs count as visible, as for `http::HeaderValue::to_str`.
fn visible(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}

/// Makes the component answer requests by an `async fn(Request) -> Response`. It is spin-sdk's `http_service` with
/// other types.
#[macro_export]
macro_rules! http_service {
    ($answer:path) => {
        struct Component;

        ::spin_sdk::wasip3::http::service::export!(Component);

        impl ::spin_sdk::wasip3::exports::http::handler::Guest for Component {
            async fn handle(
                request: ::spin_sdk::wasip3::http::types::Request,
            ) -> Result<::spin_sdk::wasip3::http::types::Response, ::spin_sdk::wasip3::http::types::ErrorCode> {
                Ok($answer($crate::Request::new(request)?).await.into_wasi())
            }
        }
    };
}
