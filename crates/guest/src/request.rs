//! Requests to a component. They use WASI's own types: with those of the `http` crate, each request would cost a sixth
//! more, and each component be a sixth larger.

use http::Method;
use spin_sdk::wasip3::http::types;

use crate::foreign_encoding::ForeignEncoding;

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
        let method = if method == Method::HEAD { Method::GET } else { method };
        let target = raw.get_path_with_query().unwrap_or_else(|| "/".to_owned());
        Ok(Self { method, target, headers: raw.get_headers().copy_all(), raw })
    }

    /// Its method. `GET` stands for `HEAD` too: the server leaves out the body of the answer.
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

    /// The texts of all headers of that name, in lower case.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.headers(name).flatten().map(str::to_owned).collect()
    }

    /// Whether the client declares the body as JSON: `application/json`, with or without parameters.
    pub fn is_json(&self) -> bool {
        let media_type = self.header("content-type").and_then(|value| value.split(';').next());
        media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
    }

    /// The path without its empty segments, if it has any: a slash at its end or beside another. No route has one. It
    /// is a path of its own, and to take it for the other would make one order or article reachable by two.
    pub(crate) fn without_empty_segments(&self) -> Option<String> {
        let path = self.path();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let named = format!("/{}", segments.join("/"));
        (path != named).then_some(named)
    }

    /// How the client says that the body is encoded, if not as plain UTF-8: a compression, or a charset.
    pub(crate) fn foreign_encoding(&self) -> Option<ForeignEncoding> {
        let shown = |text: &str| text.chars().take(SHOWN).collect::<String>();
        let codings = self.headers("content-encoding").map(|value| value.unwrap_or("?"));
        let mut codings = codings.flat_map(|value| value.split(',')).map(str::trim);
        if let Some(coding) = codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")) {
            return Some(ForeignEncoding::Coding(shown(coding)));
        }
        let charset = charset(self.header("content-type")?)?;
        let is_utf_8 = ["", "utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
        (!is_utf_8).then(|| ForeignEncoding::Charset(shown(charset)))
    }
}

/// Characters that are shown of a header's value.
const SHOWN: usize = 40;

/// The parameter `charset` of a media type.
fn charset(media_type: &str) -> Option<&str> {
    let mut parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches('"'))
}

/// The text of a header if it is visible ASCII. Spaces and tabs count as visible, as for `http::HeaderValue::to_str`.
fn visible(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}
