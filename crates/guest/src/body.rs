//! Bodies: those that come, which may be too long, from a client or a server that may lie about it, and those that go.

use std::time::Duration;

use spin_sdk::wasip3::http::types::{self, ErrorCode, Fields, HeaderError, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::request::Request;
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

/// What comes after a body: trailers, or that it failed.
type WhatFollows = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// Bytes that there is room for where the length is not known.
const CHUNK: usize = 4096;

/// The whole body. Refuses one of more than `most` bytes as soon as that is known, without reading the rest.
pub async fn read_body(request: Request, most: usize) -> Result<Vec<u8>, BodyError> {
    let declared = request.header("content-length").and_then(|length| length.parse().ok());
    let read = async {
        let (_read, done) = wit_future::new(|| Ok(()));
        let (contents, trailers) = types::Request::consume_body(request.raw, done);
        collect(contents, trailers, declared, most).await
    };
    within(DEADLINE, read).await.unwrap_or(Err(BodyError::TooSlow))
}

/// A body to be sent, without trailers: what its message is made of, and what sends it meanwhile.
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

/// All of a body that may have a `declared` length, unless it has more than `most` bytes.
pub(crate) async fn collect(
    mut contents: StreamReader<u8>,
    trailers: WhatFollows,
    declared: Option<u64>,
    most: usize,
) -> Result<Vec<u8>, BodyError> {
    if declared.is_some_and(|declared| declared > most as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::with_capacity(declared.map_or(CHUNK, |declared| declared as usize));
    // Asking on for the end that is known, and for trailers, would be two more calls to the host.
    while declared != Some(body.len() as u64) {
        if body.len() == body.capacity() {
            body.reserve(CHUNK);
        }
        let result;
        (result, body) = contents.read(body).await;
        if body.len() > most {
            return Err(BodyError::TooLarge);
        }
        if !matches!(result, StreamResult::Complete(_)) {
            return trailers.await.map(|_| body).map_err(|_| BodyError::Interrupted);
        }
    }
    Ok(body)
}
