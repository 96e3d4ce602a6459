//! The body of a request, which tells when it was sent.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

/// Whether hyper needs a body no more: it has all of it, or its connection has ended.
#[derive(Clone, Default)]
pub(super) struct IsSent(Arc<AtomicBool>);

impl IsSent {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body that says so when hyper drops it.
pub(super) struct RequestBody {
    body: WasiBody,
    is_sent: IsSent,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody, is_sent: IsSent) -> Self {
        Self { body, is_sent }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.is_sent.0.store(true, Ordering::Release);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
