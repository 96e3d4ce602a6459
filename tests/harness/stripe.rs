//! A proxy before localstripe, with what that lacks of Stripe: keys that are remembered, and search. It also fails as
//! Stripe and the network do.
//!
//! What neither of the two does: check what an intent may still be refunded, lock objects, know ways to pay other than
//! cards and SEPA, and decline the cards that Stripe's own test mode declines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Localstripe, STRIPE_KEY};

/// What the proxy does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Pass,
    /// It is carried out so much later.
    Delay(Duration),
    /// It is not carried out, and answered so.
    Fail(StatusCode),
    /// It is carried out, and answered so all the same.
    PassAndFail(StatusCode),
    /// It is carried out, and the connection breaks.
    PassAndLose,
}

/// A request that comes.
#[derive(Clone, Debug)]
pub struct StripeCall {
    /// Method and path, with `{id}` for an id.
    pub what: String,
    /// How many requests came before.
    pub before: usize,
}

type Decide = dyn Fn(&StripeCall) -> Fate + Send + Sync;
type Answered = (StatusCode, Value);

/// Stripe, as a shop's adapter meets it. It ends with this guard.
pub struct Stripe {
    url: String,
    proxy: Arc<Proxy>,
    server: JoinHandle<()>,
}

struct Proxy {
    books: Localstripe,
    decide: Box<Decide>,
    /// By Idempotency-Key: the request, and its answer once it is there.
    keys: Mutex<BTreeMap<String, (String, Option<Answered>)>>,
    calls: Mutex<Vec<StripeCall>>,
}

impl Stripe {
    /// One that does with each request what `decide` says. `None`: localstripe is not installed, which is said aloud.
    pub async fn behaving(decide: impl Fn(&StripeCall) -> Fate + Send + Sync + 'static) -> Option<Self> {
        let books = Localstripe::start().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let (keys, calls) = (Mutex::default(), Mutex::default());
        let proxy = Arc::new(Proxy { books, decide: Box::new(decide), keys, calls });
        let server = tokio::spawn(serve(listener, proxy.clone()));
        Some(Self { url, proxy, server })
    }

    /// The variables with which orders are charged here, by the adapter.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let adapter = "http://stripe.spin.internal".to_owned();
        let stripe = [("stripe_key", STRIPE_KEY.to_owned()), ("stripe_url", self.url.clone())];
        [("payment_url", adapter.clone()), ("payment_origin", adapter)].into_iter().chain(stripe).collect()
    }

    /// The ledger.
    pub fn books(&self) -> &Localstripe {
        &self.proxy.books
    }

    /// Every request that came, in turn.
    pub fn calls(&self) -> Vec<StripeCall> {
        self.proxy.calls.lock().expect("no panic holds it").clone()
    }

    /// Forgets all keys, as Stripe does after a day.
    pub fn forget_keys(&self) {
        self.proxy.keys.lock().expect("no panic holds it").clear();
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, proxy: Arc<Proxy>) {
    loop {
        let (stream, _) = listener.accept().await.expect("it listens");
        let proxy = proxy.clone();
        let service = service_fn(move |request| meet(request, proxy.clone()));
        // A client that goes away is no failure of the test.
        tokio::spawn(async move { _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
    }
}

async fn meet(
    request: Request<Incoming>,
    proxy: Arc<Proxy>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, body.collect().await?.to_bytes());
    let call = proxy.note(&request);
    let fate = (proxy.decide)(&call);
    if let Fate::Delay(time) = fate {
        tokio::time::sleep(time).await;
    }
    let (status, body) = match fate {
        Fate::Fail(status) => (status, json!({"error": {"type": "api_error", "message": "told to fail"}})),
        // What was begun goes on, though the client may go away.
        _ => tokio::spawn(async move { proxy.carry_out(request).await }).await?,
    };
    let (status, body) = match fate {
        Fate::PassAndLose => return Err("closed as told".into()),
        Fate::PassAndFail(status) => (status, Value::Null),
        _ => (status, body),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(body.to_string()))?)
}

impl Proxy {
    fn note(&self, request: &Request<Bytes>) -> StripeCall {
        let path = request
            .uri()
            .path()
            .split('/')
            .map(|part| if part.contains('_') && part != "payment_intents" { "{id}" } else { part });
        let what = format!("{} {}", request.method(), path.collect::<Vec<_>>().join("/"));
        let mut calls = self.calls.lock().expect("no panic holds it");
        let call = StripeCall { what, before: calls.len() };
        calls.push(call.clone());
        call
    }

    async fn carry_out(&self, request: Request<Bytes>) -> Answered {
        if request.uri().path() == "/v1/payment_intents/search" {
            return self.search(request.uri().query().unwrap_or_default()).await;
        }
        let key = request.headers().get("idempotency-key").map(|key| key.to_str().expect("ASCII").to_owned());
        let Some(key) = key else { return self.books.send(request).await };
        let asked = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
        match self.keys.lock().expect("no panic holds it").get(&key) {
            Some((known, _)) if *known != asked => return refused(400, "idempotency_error"),
            Some((_, Some(answer))) => return answer.clone(),
            Some((_, None)) => return refused(409, "idempotency_key_in_use"),
            None => {}
        }
        self.keys.lock().expect("no panic holds it").insert(key.clone(), (asked.clone(), None));
        let answer = self.books.send(request).await;
        self.keys.lock().expect("no panic holds it").insert(key, (asked, Some(answer.clone())));
        answer
    }

    /// The intents whose metadata the query has.
    async fn search(&self, query: &str) -> Answered {
        let intents = self.books.all("payment_intents").await.into_iter();
        let is_asked_for =
            |intent: &Value| intent["metadata"]["order_id"].as_str().is_some_and(|id| query.contains(id));
        let found: Vec<Value> = intents.filter(is_asked_for).collect();
        (StatusCode::OK, json!({"object": "search_result", "data": found, "has_more": false}))
    }
}

fn refused(status: u16, code: &str) -> Answered {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, json!({"error": {"type": "invalid_request_error", "code": code, "message": code}}))
}
