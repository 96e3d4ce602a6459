//! Reading a body that may be too long, from a client that may lie about it.

use http::header;
use http_body_util::BodyExt;
use order::limits::BODY_BYTES;
use spin_sdk::http::Request;

use crate::problem::Problem;

/// The whole body. Refuses one that is too long as soon as that is known, without reading the rest.
pub(crate) async fn read(request: Request) -> Result<Vec<u8>, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > BODY_BYTES as u64) {
        return Err(Problem::TooLarge);
    }
    let mut incoming = request.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| Problem::UnreadableBody)?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len() + data.len() > BODY_BYTES {
            return Err(Problem::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(body)
}

/// Whether the body is declared as JSON: `application/json`, with or without parameters.
pub(crate) fn is_json(request: &Request) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
