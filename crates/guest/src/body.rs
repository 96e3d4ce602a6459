//! Request and response bodies. Incoming ones are bounded, because their declared length can't be trusted.

use std::time::Duration;

use spin_sdk::wasip3::http::types::{self, ErrorCode, Fields, HeaderError, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::foreign_encoding::ForeignEncoding;
use crate::request::Request;
use crate::runtime::within;

/// Why a body can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed.
    TooLarge {
        /// The most bytes that are allowed.
        most: usize,
    },
    /// The connection ended before the body did.
    Interrupted,
    /// It did not arrive in time.
    TooSlow,
    /// It is declared to be something else than plain UTF-8.
    Encoded(ForeignEncoding),
}

/// How long a body may take to arrive. Waiting for one takes up one of the requests that an instance can serve at the
/// same time, so the client must not decide how long.
const DEADLINE: Duration = Duration::from_secs(10);

/// The end of a body: trailers, or an error.
pub(crate) type WhatFollows = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// Room for a body of unknown length, in bytes, to begin with and each time that it is full.
const CHUNK: usize = 4096;

/// Reads the whole body, which must be in UTF-8 as far as its headers tell. A body of more than `most` bytes is refused
/// as soon as that is known, and its rest isn't read.
pub async fn read_body(request: Request, most: usize) -> Result<Vec<u8>, BodyError> {
    let declared = request.header("content-length").and_then(|length| length.parse().ok());
    let foreign = request.foreign_encoding();
    let read = async {
        let (_read, done) = wit_future::new(|| Ok(()));
        let (contents, trailers) = types::Request::consume_body(request.raw, done);
        collect(contents, trailers, declared, most).await
    };
    let body = within(DEADLINE, read).await.unwrap_or(Err(BodyError::TooSlow))?;
    match foreign {
        // Some clients declare what they don't send.
        Some(foreign) if !body.is_empty() => Err(BodyError::Encoded(foreign)),
        _ => Ok(body),
    }
}

/// Prepares a body without trailers: its content, its end, and the future that sends it.
pub(crate) fn outgoing(bytes: Vec<u8>) -> (StreamReader<u8>, WhatFollows, impl Future<Output = ()> + 'static) {
    let (mut body, contents) = wit_stream::new();
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    let write = async move {
        body.write_all(bytes).await;
        drop((body, trailers));
    };
    (contents, no_trailers, write)
}

/// The headers of a message to be sent.
pub(crate) fn fields(headers: impl Iterator<Item = (&'static str, String)>) -> Result<Fields, HeaderError> {
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    Fields::from_list(&headers)
}

/// Collects a body that may have a `declared` length, unless it has more than `most` bytes.
pub(crate) async fn collect(
    mut contents: StreamReader<u8>,
    trailers: WhatFollows,
    declared: Option<u64>,
    most: usize,
) -> Result<Vec<u8>, BodyError> {
    if declared.is_some_and(|declared| declared > most as u64) {
        return Err(BodyError::TooLarge { most });
    }
    let mut body = Vec::with_capacity(declared.map_or(CHUNK, |declared| declared as usize));
    // To ask for the end, which is known, and for trailers would be two more calls to the host.
    while declared != Some(body.len() as u64) {
        if body.len() == body.capacity() {
            body.reserve(CHUNK);
        }
        let result;
        (result, body) = contents.read(body).await;
        if body.len() > most {
            return Err(BodyError::TooLarge { most });
        }
        if !matches!(result, StreamResult::Complete(_)) {
            return trailers.await.map(|_| body).map_err(|_| BodyError::Interrupted);
        }
    }
    Ok(body)
}
