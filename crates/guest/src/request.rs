//! A request to a component, and what a component exports to be sent some. On WASI's own types: by way of the `http`
//! crate's, each request would cost a sixth more, and each component be a sixth larger.

use http::Method;
use spin_sdk::wasip3::http::types;

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
    /// Where the method is none.
    pub fn new(raw: types::Request) -> Result<Self, types::ErrorCode> {
        let method = raw.get_method().try_into().map_err(|_| types::ErrorCode::HttpRequestMethodInvalid)?;
        let target = raw.get_path_with_query().unwrap_or_else(|| "/".to_owned());
        Ok(Self { method, target, headers: raw.get_headers().copy_all(), raw })
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Its path, as it was sent.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// What stands behind the question mark, as it was sent; empty if there is none.
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

    /// Whether the body is declared as JSON: `application/json`, with or without parameters.
    pub fn is_json(&self) -> bool {
        let media_type = self.header("content-type").and_then(|value| value.split(';').next());
        media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
    }
}

/// Space and tab count, as for `http::HeaderValue::to_str`.
fn visible(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}

/// Has the component answer requests by an `async fn(Request) -> Answer`. It is spin-sdk's `http_service`, but for the
/// types.
#[macro_export]
macro_rules! http_service {
    ($answer:path) => {
        struct Component;

        ::spin_sdk::wasip3::http::service::export!(Component);

        impl ::spin_sdk::wasip3::exports::http::handler::Guest for Component {
            async fn handle(
                request: ::spin_sdk::wasip3::http::types::Request,
            ) -> Result<::spin_sdk::wasip3::http::types::Response, ::spin_sdk::wasip3::http::types::ErrorCode> {
                Ok($answer($crate::Request::new(request)?).await.into_response())
            }
        }
    };
}
