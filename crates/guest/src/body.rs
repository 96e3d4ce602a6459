//! Reading a body that may be too long, from a client that may lie about it.

use std::time::Duration;

use http::header;
use http_body_util::BodyExt;
use spin_sdk::http::Request;

use crate::runtime::within;

/// Why a body can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// The connection ended before it did.
    Interrupted,
    /// It did not end in time.
    TooSlow,
}

/// How long a body may take to arrive. Each one that is waited for takes one of the requests that an instance can have at
/// the same time, so a client must not decide how long.
const DEADLINE: Duration = Duration::from_secs(10);

/// The whole body. Refuses one of more than `most` bytes as soon as that is known, without reading the rest.
pub async fn read_body(request: Request, most: usize) -> Result<Vec<u8>, BodyError> {
    within(DEADLINE, read(request, most)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn read(request: Request, most: usize) -> Result<Vec<u8>, BodyError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > most as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| BodyError::Interrupted)?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len() + data.len() > most {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&data);
        // Asking on for the end that is known, and for trailers, would be two more calls to the host.
        if declared == Some(body.len() as u64) {
            break;
        }
    }
    Ok(body)
}

/// Whether the body is declared as JSON: `application/json`, with or without parameters.
pub fn is_json(request: &Request) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
