//! A webhook endpoint: it says at once that all is well, and notes when each event came.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// What takes longer will never come.
const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint on a free port. It ends with this guard.
pub(crate) struct Sink {
    address: SocketAddr,
    told: UnboundedReceiver<Told>,
    server: JoinHandle<std::io::Result<()>>,
}

/// One event, and when it had come.
struct Told {
    subject: String,
    at: Instant,
}

#[derive(Deserialize)]
struct Event {
    subject: String,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, told) = unbounded_channel();
        let router = Router::new().route("/", post(receive)).with_state(tell);
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        Ok(Self { address, told, server: tokio::spawn(async move { axum::serve(listener, router).await }) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// When the event of this order came. Those of others, which may come twice, are passed over.
    pub(crate) async fn told(&mut self, order: &str) -> anyhow::Result<Instant> {
        let coming = async {
            loop {
                let told = self.told.recv().await.context("the endpoint has ended")?;
                if told.subject == order {
                    return Ok(told.at);
                }
            }
        };
        timeout(PATIENCE, coming).await.with_context(|| format!("no webhook came for the order {order}"))?
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(tell): State<UnboundedSender<Told>>, body: Bytes) -> StatusCode {
    let at = Instant::now();
    match serde_json::from_slice::<Event>(&body) {
        Ok(Event { subject }) => {
            // Nobody waits for the last ones.
            _ = tell.send(Told { subject, at });
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
