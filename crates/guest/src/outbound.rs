//! Posting JSON to a partner's server. It uses WASI's own types: with those of the `http` crate, which serve any
//! request, it would be a tenth of a component.

use std::time::Duration;

use futures::future::join;
use http::{StatusCode, Uri};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, HeaderError, Method, Request, Response, Scheme};
use spin_sdk::wasip3::wit_future;

use crate::body::{BodyError, collect, fields, outgoing};

/// A request, ready to be sent.
pub struct Post<'a> {
    /// The server, and a path on it.
    pub url: &'a Uri,
    /// Goes behind the URL's own path. Empty, or begins with a slash.
    pub path: &'a str,
    /// Its headers. The length and the name of our program are added.
    pub headers: Vec<(&'static str, String)>,
    /// Its body: JSON.
    pub body: Vec<u8>,
}

/// The partner's answer.
pub struct PartnerReply {
    /// Its status.
    pub status: StatusCode,
    /// How long it asks us to wait, in its header Retry-After.
    pub retry_after: Option<Duration>,
    response: Response,
}

/// The longest wait that a partner can ask for.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Post<'_> {
    /// Sends it, and waits for the head of the answer. It sets no limit of time: see [`within`](crate::within).
    pub async fn send(self) -> Result<PartnerReply, ErrorCode> {
        let length = ("content-length", self.body.len().to_string());
        let agent = ("user-agent", concat!("Sluice/", env!("CARGO_PKG_VERSION")).to_owned());
        let headers = self.headers.into_iter().chain([length, agent]);
        let headers = fields(headers).map_err(|error| invalid(&error))?;
        let (contents, no_trailers, write) = outgoing(self.body);
        let (request, _sent) = Request::new(headers, Some(contents), no_trailers, None);
        let url = self.url;
        let scheme = if url.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let own = url.path_and_query().map_or("/", |path| path.as_str());
        let path = match self.path {
            "" => own.to_owned(),
            below => format!("{}{below}", own.trim_end_matches('/')),
        };
        let set = [
            request.set_method(&Method::Post),
            request.set_scheme(Some(&scheme)),
            request.set_authority(url.authority().map(|authority| authority.as_str())),
            request.set_path_with_query(Some(&path)),
        ];
        if set.contains(&Err(())) {
            return Err(ErrorCode::HttpRequestUriInvalid);
        }
        let (response, ()) = join(client::send(request), write).await;
        response.map(PartnerReply::new)
    }
}

fn invalid(error: &HeaderError) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("a header can't be sent: {error:?}")))
}

impl PartnerReply {
    fn new(response: Response) -> Self {
        let status = StatusCode::from_u16(response.get_status_code()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, retry_after: retry_after(&response), response }
    }

    /// Reads the body, unless it has more than `most` bytes.
    pub async fn read(self, most: usize) -> Result<Vec<u8>, BodyError> {
        let (_read, done) = wit_future::new(|| Ok(()));
        let (contents, trailers) = Response::consume_body(self.response, done);
        collect(contents, trailers, None, most).await
    }
}

/// Reads Retry-After in seconds. Its other form, a date, is ignored, and our own backoff decides.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.get_headers().get("retry-after").into_iter().next()?;
    let seconds = str::from_utf8(&value).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MOST_RETRY_AFTER))
}

/// The name of a failure that needs no sentence. To write any failure in full would take 8 KB of a component.
fn name(error: &ErrorCode) -> &str {
    match error {
        ErrorCode::InternalError(Some(words)) => words,
        ErrorCode::HttpProtocolError => "HttpProtocolError",
        ErrorCode::HttpResponseIncomplete => "HttpResponseIncomplete",
        ErrorCode::HttpResponseTimeout => "HttpResponseTimeout",
        ErrorCode::HttpRequestUriInvalid => "HttpRequestUriInvalid",
        ErrorCode::ConnectionReadTimeout => "ConnectionReadTimeout",
        ErrorCode::ConnectionWriteTimeout => "ConnectionWriteTimeout",
        ErrorCode::ConnectionLimitReached => "ConnectionLimitReached",
        ErrorCode::ConfigurationError => "ConfigurationError",
        _ => "the request failed",
    }
}

/// Says why no answer came from `whom`. `origin` names the variable that says where requests may go.
pub fn describe_failure(error: &ErrorCode, whom: &str, origin: &str) -> String {
    let what = match error {
        ErrorCode::HttpRequestDenied => {
            return format!("the application may not send there; set the variable {origin} to allow it");
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => "its name was not found",
        ErrorCode::ConnectionRefused => "it refused the connection",
        ErrorCode::ConnectionTerminated => "it closed the connection without an answer",
        ErrorCode::ConnectionTimeout => "the connection timed out",
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => "there is no way to its address",
        ErrorCode::TlsCertificateError => "its certificate is not valid",
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => "no secure connection could be agreed on",
        other => name(other),
    };
    format!("{whom} can't be reached: {what}")
}
