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

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection, secured or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Whether the server has said that it wants no more of the request. Then no write waits for it.
#[derive(Clone, Default)]
pub(super) struct Enough(Arc<AtomicBool>);

impl Enough {
    pub(super) fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose writes never fail.
pub(super) struct Outlet {
    stream: Box<dyn Stream>,
    enough: Enough,
    /// A write failed, or would have to wait for a server that wants no more. Whatever comes later is dropped too.
    is_shut: bool,
}

impl Outlet {
    pub(super) fn new(stream: Box<dyn Stream>, enough: Enough) -> Self {
        Self { stream, enough, is_shut: false }
    }

    /// Writes, unless that is over. `dropped` is the result of what isn't written.
    fn attempt<T>(
        &mut self,
        dropped: T,
        write: impl FnOnce(Pin<&mut dyn Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.is_shut {
            match write(Pin::new(&mut *self.stream)) {
                Poll::Ready(Ok(written)) => return Poll::Ready(Ok(written)),
                Poll::Pending if !self.enough.is_said() => return Poll::Pending,
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
        self.attempt(buf.len(), |stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        self.attempt(all, |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attempt((), |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.attempt((), |stream| stream.poll_shutdown(cx))
    }
}
