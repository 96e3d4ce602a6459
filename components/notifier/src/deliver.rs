//! One event to one endpoint: CloudEvents 1.0 in the body, signed as Standard Webhooks says.

use std::time::Duration;

use bytes::Bytes;
use guest::{Endpoint, now_ms, within};
use http::{Request, StatusCode, header};
use queue::{Class, Effects, Message, Outcome};
use spin_sdk::http::{FullBody, Response, send};
use spin_sdk::wasip3::http::types::ErrorCode;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

/// Sends the messages of one lane to its endpoint.
pub(crate) struct Delivery<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) timeout: Duration,
}

/// The longest wait that an endpoint can ask for.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Delivery<'_> {
    pub(crate) async fn handle(&self, message: &Message) -> Outcome {
        let request = match self.request(&message.payload) {
            Ok(request) => request,
            Err(reason) => return Outcome::Bury { class: Class::Undecodable, reason },
        };
        match within(self.timeout, send(request)).await {
            Some(Ok(response)) => judge(&response),
            Some(Err(error)) => retry(describe(&error)),
            None => retry(format!("the endpoint did not answer within {} ms", self.timeout.as_millis())),
        }
    }

    /// The id stays the same in every attempt, the time is the attempt's own.
    fn request(&self, event: &[u8]) -> Result<Request<FullBody<Bytes>>, String> {
        let id = order::event::read(event).map_err(|error| error.to_string())?.id;
        let seconds = now_ms() / 1000;
        let signature = self.endpoint.signer.sign(id, seconds as i64, event).map_err(|error| error.to_string())?;
        Request::post(&self.endpoint.url)
            .header(header::CONTENT_TYPE, "application/cloudevents+json")
            .header(header::CONTENT_LENGTH, event.len())
            .header(header::USER_AGENT, concat!("Sluice/", env!("CARGO_PKG_VERSION")))
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, seconds)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(FullBody::new(Bytes::copy_from_slice(event)))
            .map_err(|error| format!("the request can't be built: {error}"))
    }
}

fn judge(response: &Response) -> Outcome {
    let status = response.status();
    let reason = format!("the endpoint answered {status}");
    match status {
        _ if status.is_success() => {
            Outcome::Done(Effects { counter: Some("webhooks:delivered".to_owned()), ..Effects::default() })
        }
        // Standard Webhooks: the endpoint is gone and wants no more.
        StatusCode::GONE => Outcome::Bury { class: Class::Permanent, reason },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Outcome::Retry { reason, at_least: retry_after(response).unwrap_or_default() }
        }
        // Redirects included: following one would carry the order to where nobody allowed it to go.
        _ => retry(reason),
    }
}

/// Retry-After in seconds. Its other form, a date, is left to our own plan.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MOST_RETRY_AFTER))
}

fn retry(reason: String) -> Outcome {
    Outcome::Retry { reason, at_least: Duration::ZERO }
}

fn describe(error: &ErrorCode) -> String {
    let what = match error {
        ErrorCode::HttpRequestDenied => {
            return "the application may not send there; set the variable webhook_origin to allow it".to_owned();
        }
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => "its name was not found",
        ErrorCode::ConnectionRefused => "it refused the connection",
        ErrorCode::ConnectionTerminated => "it closed the connection without an answer",
        ErrorCode::ConnectionTimeout => "the connection timed out",
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => "there is no way to its address",
        ErrorCode::TlsCertificateError => "its certificate is not valid",
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => "no secure connection could be agreed on",
        other => return format!("the endpoint can't be reached: {other}").replace("ErrorCode::", ""),
    };
    format!("the endpoint can't be reached: {what}")
}
