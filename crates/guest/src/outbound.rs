//! Requests to a partner's server. It uses WASI's own types: with those of the `http` crate, which serve any
//! request, it would be a tenth of a component.

use std::time::Duration;

use futures::future::join;
use http::{StatusCode, Uri};
use queue::Failure;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Method, Request, Response, Scheme};
use spin_sdk::wasip3::wit_future;

use crate::body::{BodyError, collect, fields, outgoing};
use crate::retry_after::retry_after;
use crate::runtime::now_ms;

/// A request, ready to be sent.
pub struct PartnerRequest<'a> {
    /// The server, and a path on it.
    pub url: &'a Uri,
    /// Goes behind the URL's own path. Empty, or begins with a slash.
    pub path: &'a str,
    /// Its headers. The length and the name of our program are added.
    pub headers: Vec<(&'static str, String)>,
    /// Posts this body. `None`: a GET.
    pub body: Option<Vec<u8>>,
}

/// The partner's answer.
pub struct PartnerReply {
    /// Its status.
    pub status: StatusCode,
    /// How long it asks us to wait, in its header Retry-After.
    pub retry_after: Option<Duration>,
    response: Response,
}

impl PartnerRequest<'_> {
    /// Sends it, and waits for the head of the answer. It sets no limit of time: see [`within`](crate::within).
    pub async fn send(self) -> Result<PartnerReply, ErrorCode> {
        let mut headers = self.headers;
        headers.push(("user-agent", concat!("Sluice/", env!("CARGO_PKG_VERSION")).to_owned()));
        headers.extend(self.body.as_ref().map(|body| ("content-length", body.len().to_string())));
        let headers = fields(headers.into_iter()).map_err(|_| invalid())?;
        let has_body = self.body.is_some();
        let method = if has_body { Method::Post } else { Method::Get };
        let (contents, no_trailers, write) = outgoing(self.body.unwrap_or_default());
        let (request, _sent) = Request::new(headers, has_body.then_some(contents), no_trailers, None);
        let url = self.url;
        let scheme = if url.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let own = url.path_and_query().map_or("/", |path| path.as_str());
        let path = match self.path {
            "" => own.to_owned(),
            below => format!("{}{below}", own.trim_end_matches('/')),
        };
        let set = [
            request.set_method(&method),
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

fn invalid() -> ErrorCode {
    ErrorCode::InternalError(Some("the host refuses one of its headers".to_owned()))
}

impl PartnerReply {
    fn new(response: Response) -> Self {
        let status = StatusCode::from_u16(response.get_status_code()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, retry_after: asked_wait(&response), response }
    }

    /// Reads the body, unless it has more than `most` bytes.
    pub async fn read(self, most: usize) -> Result<Vec<u8>, BodyError> {
        let (_read, done) = wit_future::new(|| Ok(()));
        let (contents, trailers) = Response::consume_body(self.response, done);
        collect(contents, trailers, None, most).await
    }
}

fn asked_wait(response: &Response) -> Option<Duration> {
    let headers = response.get_headers();
    let first = |name: &str| headers.get(name).into_iter().next();
    retry_after(&first("retry-after")?, first("date").as_deref(), now_ms())
}

/// Whether nothing of a request was sent: it was refused here, or no connection came about.
pub fn is_unsent(error: &ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::HttpRequestDenied
            | ErrorCode::DestinationIpProhibited
            | ErrorCode::HttpRequestUriInvalid
            | ErrorCode::ConnectionLimitReached
            | ErrorCode::ConfigurationError
            | ErrorCode::DnsError(_)
            | ErrorCode::DnsTimeout
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationUnavailable
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::ConnectionRefused
            | ErrorCode::TlsCertificateError
    )
}

/// What it means for a message that no answer came from `whom`. `origin` names the variable that says where requests
/// may go. What was refused here, before anything was sent, is no attempt.
pub fn unreached(error: &ErrorCode, whom: &str, origin: &str) -> Failure {
    let what = match error {
        ErrorCode::HttpRequestDenied => {
            let reason = format!("the application may not send there; set the variable {origin} to allow it");
            return Failure::release(reason);
        }
        ErrorCode::DestinationIpProhibited => {
            return Failure::release(format!("{whom} can't be reached: the host forbids its address"));
        }
        ErrorCode::HttpRequestUriInvalid | ErrorCode::ConnectionLimitReached | ErrorCode::ConfigurationError => {
            return Failure::release(format!("{whom} can't be reached: the host refuses the request"));
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => "its name was not found",
        ErrorCode::ConnectionRefused => "it refused the connection",
        ErrorCode::ConnectionTerminated => "it closed the connection without an answer",
        ErrorCode::ConnectionTimeout => "the connection timed out",
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => "there is no way to its address",
        ErrorCode::TlsCertificateError => "its certificate is not valid",
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => "no secure connection could be agreed on",
        ErrorCode::HttpResponseIncomplete => "its answer broke off",
        ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout => {
            "it took too long"
        }
        ErrorCode::HttpProtocolError => "it doesn't speak HTTP as it should (HttpProtocolError)",
        ErrorCode::InternalError(Some(words)) => words,
        // To name each of the many that are left would be a sixtieth of a component.
        _ => "the host says no more",
    };
    Failure::retry(format!("{whom} can't be reached: {what}"))
}
