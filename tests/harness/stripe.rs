//! A proxy before localstripe, with what that lacks of Stripe: keys that are remembered, search, and a bank's page for
//! a customer who has a page to come back to. It also fails as Stripe and the network do.
//!
//! What neither of the two does: check what an intent may still be refunded or captured, lock objects, know ways to pay
//! other than cards and SEPA, and decline the cards that Stripe's own test mode declines.

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

/// What a customer does on the bank's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtTheBank {
    /// It is they who pay.
    Confirms,
    /// They can't show that it is they, or won't.
    Fails,
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
    /// By intent: the page to which its customer comes back from the bank.
    ways_back: Mutex<BTreeMap<String, String>>,
    calls: Mutex<Vec<StripeCall>>,
}

impl Stripe {
    /// One that does with each request what `decide` says. `None`: localstripe is not installed, which is said aloud.
    pub async fn behaving(decide: impl Fn(&StripeCall) -> Fate + Send + Sync + 'static) -> Option<Self> {
        let books = Localstripe::start().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let (keys, ways_back, calls) = (Mutex::default(), Mutex::default(), Mutex::default());
        let proxy = Arc::new(Proxy { books, decide: Box::new(decide), keys, ways_back, calls });
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

    /// A customer goes to the bank's page of an intent. Says whether anybody could still act there.
    pub async fn visit(&self, page: &str, customer: AtTheBank) -> bool {
        let intent = page.strip_prefix(BANK).expect("a page of the bank");
        let (_, known) = self.proxy.books.get(&format!("/v1/payment_intents/{intent}")).await;
        let secret = known["client_secret"].as_str().expect("a secret");
        let form = format!("client_secret={secret}&success={}", customer == AtTheBank::Confirms);
        let path = format!("/v1/payment_intents/{intent}/_authenticate");
        self.proxy.books.post(&path, &form).await.0.is_success()
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
        let Some(key) = key else { return self.at_the_bank(self.books.send(self.way_back(request)).await) };
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

    /// Keeps the page to which a customer comes back, which localstripe doesn't take.
    fn way_back(&self, request: Request<Bytes>) -> Request<Bytes> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        let (Some(page), Some(intent)) = (form.strip_prefix("return_url="), request.uri().path().split('/').nth(3))
        else {
            return request;
        };
        self.ways_back.lock().expect("no panic holds it").insert(intent.to_owned(), page.to_owned());
        let (mut parts, _) = request.into_parts();
        parts.headers.remove("content-length");
        Request::from_parts(parts, Bytes::new())
    }

    /// Sends the customer to a page of the bank, where localstripe only knows Stripe's own software.
    fn at_the_bank(&self, (status, mut object): Answered) -> Answered {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        if object["status"] == "requires_action"
            && let Some(back) = self.ways_back.lock().expect("no panic holds it").get(&id)
        {
            let redirect = json!({"url": format!("{BANK}{id}"), "return_url": back});
            object["next_action"] = json!({"type": "redirect_to_url", "redirect_to_url": redirect});
        }
        (status, object)
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

/// Where the bank's pages are, one for each intent.
const BANK: &str = "https://bank.test/";

fn refused(status: u16, code: &str) -> Answered {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, json!({"error": {"type": "invalid_request_error", "code": code, "message": code}}))
}
