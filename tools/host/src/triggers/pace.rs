//! How a client's connection keeps pace: what it waits for, since when, and when that has taken too long.
//!
//! ```text
//!            first byte                  head is complete              answer is handed over
//!  Kept ─────────────────► Head ────────────────────────────► Busy ─────────────────────────► Kept
//!  idle time               head time                           │ ▲
//!                          (a new connection begins here)      ▼ │ the client takes bytes again
//!                                                            Stalled
//!                                                            idle time
//! ```
//!
//! While a connection is busy, the component has its own limits. One timer serves a connection for its whole life: it
//! is only set when a deadline moves forward, and looks again when it rings too early. So a request sets no timer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::triggers::client_bounds::ClientBounds;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Busy,
    Stalled,
    Kept,
}

#[derive(Clone, Copy)]
struct PaceState {
    phase: Phase,
    since: Instant,
    /// Whether the client has ever had an answer.
    is_known: bool,
}

/// Which silent connections make room first: those of clients that have had no answer yet, the longest silent ones
/// before the others.
pub(super) type Silence = (bool, Instant);

/// What a connection shows to its timer, and to the host when the host needs room.
pub(super) struct Pace {
    state: Mutex<PaceState>,
    /// Told when this connection must make room for another.
    pub(super) evicted: Notify,
}

impl Pace {
    pub(super) fn new() -> Self {
        let state = PaceState { phase: Phase::Head, since: Instant::now(), is_known: false };
        Self { state: Mutex::new(state), evicted: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, PaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub(super) fn request(&self) {
        self.state().phase = Phase::Busy;
    }

    /// The answer is handed over to the connection, as a whole.
    pub(super) fn answered(&self) {
        *self.state() = PaceState { phase: Phase::Kept, since: Instant::now(), is_known: true };
    }

    /// Bytes have come.
    fn heard(&self) {
        let mut state = self.state();
        if state.phase == Phase::Kept {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// The client takes bytes, or doesn't.
    fn wrote<T>(&self, written: &Poll<T>) {
        let mut state = self.state();
        match (state.phase, written.is_pending()) {
            (Phase::Busy, true) => (state.phase, state.since) = (Phase::Stalled, Instant::now()),
            (Phase::Stalled, false) => state.phase = Phase::Busy,
            _ => {}
        }
    }

    /// Since when nothing is under way on the connection. `None` if a request is.
    pub(super) fn silence(&self) -> Option<Silence> {
        let state = self.state();
        matches!(state.phase, Phase::Head | Phase::Kept).then_some((state.is_known, state.since))
    }

    fn deadline(&self, bounds: &ClientBounds) -> Option<Instant> {
        let state = self.state();
        let time: Duration = match state.phase {
            Phase::Head => bounds.head_time,
            Phase::Stalled | Phase::Kept => bounds.idle_time,
            Phase::Busy => return None,
        };
        Some(state.since + time)
    }
}

/// Rings when a connection has taken too long.
pub(super) struct PaceTimer {
    sleep: Pin<Box<Sleep>>,
}

impl PaceTimer {
    pub(super) fn new(bounds: &ClientBounds) -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now() + bounds.head_time)) }
    }

    /// To be polled after the connection, since a deadline moves when the connection makes progress.
    pub(super) fn poll_overdue(&mut self, pace: &Pace, bounds: &ClientBounds, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = pace.deadline(bounds) else { return Poll::Pending };
            if deadline < self.sleep.deadline() {
                self.sleep.as_mut().reset(deadline);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
    }
}

/// A client's connection that notes how it keeps pace.
pub(super) struct Paced<P> {
    pub(super) stream: TcpStream,
    pub(super) pace: P,
}

impl<P: AsRef<Pace> + Unpin> AsyncRead for Paced<P> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.as_ref().heard();
        }
        read
    }
}

impl<P: AsRef<Pace> + Unpin> AsyncWrite for Paced<P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.as_ref().wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.pace.as_ref().wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
