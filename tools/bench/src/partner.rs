//! A partner whom Sluice asks: a payment provider, or an endpoint that is told. Most of its answers take a while, and
//! some take long, as real ones do. It counts requests and connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::serve::ListenerExt;
use axum::{Router, body::Bytes};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long its answers take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slowness {
    /// Most of them.
    pub(crate) usual: Duration,
    /// Every so manieth takes a second. 0: none.
    pub(crate) slow_every: u64,
}

const SLOW: Duration = Duration::from_secs(1);

impl Slowness {
    /// It answers at once.
    pub(crate) const NONE: Self = Self { usual: Duration::ZERO, slow_every: 0 };

    /// Most take 30 ms.
    pub(crate) fn every(slow_every: u64) -> Self {
        Self { usual: Duration::from_millis(30), slow_every }
    }
}

/// A partner on a free port. It ends with this guard.
pub(crate) struct Partner {
    address: SocketAddr,
    counts: Arc<Counts>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    answered: AtomicU64,
    connections: AtomicU64,
    /// Time that its answers took, in µs.
    taken: AtomicU64,
}

/// What a partner has seen so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) answered: u64,
    pub(crate) connections: u64,
    /// How long an answer took on average.
    pub(crate) mean: Duration,
}

impl Partner {
    pub(crate) async fn start(slowness: Slowness) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::<Counts>::default();
        let router = Router::new().fallback(answer).with_state((slowness, counts.clone()));
        let connections = counts.clone();
        let listener = listener.tap_io(move |stream| {
            connections.connections.fetch_add(1, Ordering::Relaxed);
            _ = stream.set_nodelay(true);
        });
        Ok(Self { address, counts, server: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seen(&self) -> Seen {
        let answered = self.counts.answered.load(Ordering::Relaxed);
        Seen {
            answered,
            connections: self.counts.connections.load(Ordering::Relaxed),
            mean: Duration::from_micros(self.counts.taken.load(Ordering::Relaxed) / answered.max(1)),
        }
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Fit for a charge, and for an endpoint, which is not asked for a body.
async fn answer(
    State((slowness, counts)): State<(Slowness, Arc<Counts>)>,
    _whole: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let began = Instant::now();
    let number = counts.begun.fetch_add(1, Ordering::Relaxed) + 1;
    let is_slow = slowness.slow_every > 0 && number.is_multiple_of(slowness.slow_every);
    sleep(if is_slow { SLOW } else { slowness.usual }).await;
    counts.taken.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
    counts.answered.fetch_add(1, Ordering::Relaxed);
    (StatusCode::OK, [("content-type", "application/json")], format!(r#"{{"id":"ch_{number}","status":"succeeded"}}"#))
}
