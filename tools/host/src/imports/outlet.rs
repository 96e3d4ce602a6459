//! The stream below a request, which goes on reading where nothing can be written any more.
//!
//! A server may answer before it has read the request, and close its end: the next write fails, while the answer lies
//! there to be read. hyper gives up at the first failed write. So this stream takes what can't be written and drops it.
//! Reading then tells what came of the request: an answer, or the end of the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection, secured or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How the writes of a connection are getting on, and whether they may be dropped.
#[derive(Clone, Default)]
pub(super) struct Writes(Arc<WriteState>);

#[derive(Default)]
struct WriteState {
    /// The last write waits: the server has yet to read what came before it.
    are_waiting: AtomicBool,
    /// The server has said that it wants no more of the request. Then no write waits for it.
    are_enough: AtomicBool,
    waiting: AtomicWaker,
}

impl Writes {
    /// From now on drops what can't be written at once. So the connection can serve no other request.
    pub(super) fn wait_no_more(&self) {
        self.0.are_enough.store(true, Ordering::Release);
        self.0.waiting.wake();
    }

    /// Whether the server has yet to read what was written last.
    pub(super) fn are_waiting(&self) -> bool {
        self.0.are_waiting.load(Ordering::Acquire)
    }

    /// Whether a write that would have to wait is to be dropped.
    fn may_drop(&self, cx: &Context<'_>) -> bool {
        // The waker comes first. So the write is woken if the word comes after the question.
        self.0.waiting.register(cx.waker());
        self.0.are_enough.load(Ordering::Acquire)
    }
}

/// A stream whose writes never fail.
pub(super) struct Outlet {
    stream: Box<dyn Stream>,
    writes: Writes,
    /// A write failed, or would have to wait for a server that wants no more. Whatever comes later is dropped too.
    is_shut: bool,
}

impl Outlet {
    pub(super) fn new(stream: Box<dyn Stream>, writes: Writes) -> Self {
        Self { stream, writes, is_shut: false }
    }

    /// Writes, unless that is over. `dropped` is the result of what isn't written.
    fn attempt<T>(
        &mut self,
        cx: &mut Context<'_>,
        dropped: T,
        write: impl FnOnce(Pin<&mut dyn Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.is_shut {
            let attempted = write(Pin::new(&mut *self.stream), cx);
            self.writes.0.are_waiting.store(attempted.is_pending(), Ordering::Release);
            match attempted {
                Poll::Ready(Ok(written)) => return Poll::Ready(Ok(written)),
                Poll::Pending if !self.writes.may_drop(cx) => return Poll::Pending,
                Poll::Pending => {}
                Poll::Ready(Err(error)) => tracing::debug!("a request could not be written to its end: {error}"),
            }
            self.is_shut = true;
        }
        Poll::Ready(Ok(dropped))
    }
}

impl AsyncRead for Outlet {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Outlet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.attempt(cx, buf.len(), |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        self.attempt(cx, all, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attempt(cx, (), |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attempt(cx, (), |stream, cx| stream.poll_shutdown(cx))
    }
}
