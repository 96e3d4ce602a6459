//! A webhook endpoint on a local port: it keeps what it is sent, and answers as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::within;

/// What an endpoint does with the request that it was sent, given how many came before.
pub type Behaviour = dyn Fn(usize) -> Reaction + Send + Sync;

/// What it does.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// It answers with this status.
    Answer(StatusCode),
    /// It answers with this status and header.
    AnswerWith(StatusCode, &'static str, &'static str),
    /// It reads the request and never answers.
    Hang,
    /// It reads the request and closes the connection.
    Close,
}

/// One request that came.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A webhook endpoint. It ends with this guard.
pub struct Endpoint {
    name: &'static str,
    url: String,
    deliveries: watch::Receiver<Vec<Delivery>>,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

/// The secret that all endpoints of the tests share.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

impl Endpoint {
    /// One that answers 204 to everything.
    pub async fn start(name: &'static str) -> Self {
        Self::behaving(name, |_| Reaction::Answer(StatusCode::NO_CONTENT)).await
    }

    /// One that does with each request what `behave` says.
    pub async fn behaving(name: &'static str, behave: impl Fn(usize) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let (kept, deliveries) = watch::channel(Vec::new());
        let connections = Arc::new(AtomicUsize::new(0));
        let server = tokio::spawn(serve(listener, Arc::new(kept), Arc::new(behave), connections.clone()));
        Self { name, url, deliveries, connections, server }
    }

    /// Its entry in the variable `webhooks`.
    pub fn entry(&self) -> Value {
        json!({"name": self.name, "url": self.url, "secret": SECRET})
    }

    /// What it was sent so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.borrow().clone()
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits until it was sent so many requests.
    pub async fn received(&self, at_least: usize) -> Vec<Delivery> {
        let mut deliveries = self.deliveries.clone();
        let what = format!("{at_least} deliveries to {}", self.name);
        within(&what, deliveries.wait_for(|deliveries| deliveries.len() >= at_least))
            .await
            .expect("its server runs")
            .clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Delivery {
    /// The event, whose signature must be right by the library that receivers use.
    pub fn event(&self) -> Value {
        Webhook::new(SECRET).expect("a secret").verify(&self.body, &self.headers).expect("a valid signature");
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// The variables that subscribe these endpoints.
pub fn webhooks(endpoints: &[&Endpoint]) -> [(&'static str, String); 2] {
    let entries: Vec<_> = endpoints.iter().map(|endpoint| endpoint.entry()).collect();
    [("webhooks", Value::from(entries).to_string()), ("webhook_origin", "http://127.0.0.1:*".to_owned())]
}

async fn serve(
    listener: TcpListener,
    kept: Arc<watch::Sender<Vec<Delivery>>>,
    behave: Arc<Behaviour>,
    connections: Arc<AtomicUsize>,
) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        connections.fetch_add(1, Ordering::Relaxed);
        let (kept, behave) = (kept.clone(), behave.clone());
        let service = service_fn(move |request| react(request, kept.clone(), behave.clone()));
        // A client that goes away is no failure of the test.
        tokio::spawn(async move { _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
    }
}

async fn react(
    request: Request<Incoming>,
    kept: Arc<watch::Sender<Vec<Delivery>>>,
    behave: Arc<Behaviour>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut before = 0;
    kept.send_modify(|deliveries| {
        before = deliveries.len();
        deliveries.push(Delivery { headers: parts.headers, body });
    });
    let mut response = Response::new(Full::default());
    match behave(before) {
        Reaction::Answer(status) => *response.status_mut() = status,
        Reaction::AnswerWith(status, name, value) => {
            *response.status_mut() = status;
            response.headers_mut().insert(name, value.parse()?);
        }
        Reaction::Hang => std::future::pending().await,
        Reaction::Close => return Err("closed as told".into()),
    }
    Ok(response)
}
