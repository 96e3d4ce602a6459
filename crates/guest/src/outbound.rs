//! What comes back from somebody else's server, in words.

use std::time::Duration;

use http::header;
use spin_sdk::http::Response;
use spin_sdk::wasip3::http::types::ErrorCode;

/// The longest wait that somebody else can ask for.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Retry-After in seconds. Its other form, a date, is left to our own plan.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MOST_RETRY_AFTER))
}

/// Why no answer came from `whom`. `origin` is the variable that says where requests may go.
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
        other => return format!("{whom} can't be reached: {other}").replace("ErrorCode::", ""),
    };
    format!("{whom} can't be reached: {what}")
}
