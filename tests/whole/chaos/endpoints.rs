//! Webhook endpoints of several manners, good and bad, and what each of them was told.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::SECRET;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes everything.
    Good,
    /// Takes everything, and answers one byte after another.
    Slow,
    /// Answers 500 now and then.
    Failing,
    /// Never answers now and then.
    Hanging,
    /// Closes the connection before it answers, now and then.
    Closing,
    /// Takes everything, but for the times when it closes each connection at once.
    Turning,
}

impl Manner {
    pub(crate) const ALL: [Self; 6] =
        [Self::Good, Self::Slow, Self::Failing, Self::Hanging, Self::Closing, Self::Turning];

    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Hanging => "hanging",
            Self::Closing => "closing",
            Self::Turning => "turning",
        }
    }

    /// Whether nothing but crashes of the sender can keep it from hearing of a change.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::Slow)
    }

    /// Which of a hundred requests go wrong, on average.
    fn percent_wrong(self) -> u8 {
        match self {
            Self::Good | Self::Slow | Self::Turning => 0,
            Self::Failing | Self::Closing => 30,
            // Each holds up its lane for the whole timeout.
            Self::Hanging => 3,
        }
    }
}

/// Between two bytes of a slow answer.
const TRICKLE: Duration = Duration::from_millis(1);

/// What was told of one event at one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// How often it came.
    pub(crate) times: u32,
    /// How often that was answered by success.
    pub(crate) taken: u32,
}

/// All of them.
pub(crate) struct Endpoints {
    all: Vec<Endpoint>,
    events: Arc<Mutex<Events>>,
    turned_bad: Arc<AtomicBool>,
}

struct Endpoint {
    manner: Manner,
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    manner: Manner,
    told: Mutex<BTreeMap<String, Told>>,
    chance: Mutex<fastrand::Rng>,
    events: Arc<Mutex<Events>>,
    turned_bad: Arc<AtomicBool>,
}

/// Every event that anyone was told, by id.
#[derive(Default)]
pub(crate) struct Events {
    pub(crate) bodies: HashMap<String, Bytes>,
    /// What no endpoint should ever see.
    pub(crate) faults: Vec<String>,
}

impl Endpoints {
    /// One of each manner, on free ports.
    pub(crate) async fn start(chance: &mut fastrand::Rng) -> Self {
        let mut endpoints =
            Self { all: Vec::new(), events: Arc::default(), turned_bad: Arc::new(AtomicBool::new(false)) };
        for manner in Manner::ALL {
            let state = Arc::new(State {
                manner,
                told: Mutex::default(),
                chance: Mutex::new(chance.fork()),
                events: endpoints.events.clone(),
                turned_bad: endpoints.turned_bad.clone(),
            });
            endpoints.all.push(Endpoint::start(manner, state).await);
        }
        endpoints
    }

    /// The value of the variable `webhooks`.
    pub(crate) fn webhooks(&self) -> String {
        let entry =
            |endpoint: &Endpoint| json!({"name": endpoint.manner.name(), "url": endpoint.url, "secret": SECRET});
        Value::from_iter(self.all.iter().map(entry)).to_string()
    }

    /// Lets the turning one go bad, or recover.
    pub(crate) fn turn(&self, bad: bool) {
        self.turned_bad.store(bad, Ordering::Relaxed);
    }

    /// What each of them was told.
    pub(crate) fn told(&self) -> Vec<(&'static str, Manner, BTreeMap<String, Told>)> {
        let told = |endpoint: &Endpoint| endpoint.state.told.lock().expect("no panic").clone();
        self.all.iter().map(|endpoint| (endpoint.manner.name(), endpoint.manner, told(endpoint))).collect()
    }

    /// Every event that anyone was told.
    pub(crate) fn events(&self) -> std::sync::MutexGuard<'_, Events> {
        self.events.lock().expect("no panic")
    }
}

impl Endpoint {
    async fn start(manner: Manner, state: Arc<State>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let server = tokio::spawn(state.clone().serve(listener));
        Self { manner, url, state, server }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let state = self.clone();
            match self.manner {
                Manner::Turning if self.turned_bad.load(Ordering::Relaxed) => drop(stream),
                Manner::Slow => drop(tokio::spawn(state.answer(trickling(stream)))),
                _ => drop(tokio::spawn(state.answer(stream))),
            }
        }
    }

    async fn answer(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| self.clone().react(request));
        // A sender that goes away is no failure of the endpoint.
        _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn react(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let goes_wrong = self.chance.lock().expect("no panic").u8(0..100) < self.manner.percent_wrong();
        let heard = self.events.lock().expect("no panic").hear(&parts.headers, body);
        if let Some(id) = heard {
            let mut told = self.told.lock().expect("no panic");
            let told = told.entry(id).or_default();
            told.times += 1;
            told.taken += u32::from(!goes_wrong);
        }
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        match self.manner {
            _ if !goes_wrong => {}
            Manner::Hanging => std::future::pending().await,
            Manner::Closing => return Err("closed as told".into()),
            _ => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        }
        Ok(response)
    }
}

impl Events {
    /// Takes an event in, and gives its id. Every telling of it must be signed and have the same bytes.
    fn hear(&mut self, headers: &HeaderMap, body: Bytes) -> Option<String> {
        if let Err(error) = Webhook::new(SECRET).expect("a secret").verify(&body, headers) {
            self.faults.push(format!("a request with the headers {headers:?} is not signed: {error}"));
            return None;
        }
        let id = headers[HEADER_WEBHOOK_ID].to_str().expect("it was signed").to_owned();
        let first = self.bodies.entry(id.clone()).or_insert_with(|| body.clone());
        if *first != body {
            self.faults.push(format!("the event {id} was told as {first:?} and as {body:?}"));
        }
        Some(id)
    }
}

/// A connection on which what is sent leaves one byte at a time.
fn trickling(stream: TcpStream) -> DuplexStream {
    const BUFFER: usize = 4096;
    let (near, far) = tokio::io::duplex(BUFFER);
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut answers, mut requests) = tokio::io::split(far);
    tokio::spawn(async move {
        _ = tokio::io::copy(&mut from_client, &mut requests).await;
        // Otherwise the server would wait for a client that is gone, and keep its socket.
        requests.shutdown().await
    });
    tokio::spawn(async move {
        while let Ok(byte) = answers.read_u8().await
            && to_client.write_u8(byte).await.is_ok()
        {
            tokio::time::sleep(TRICKLE).await;
        }
    });
    near
}
