//! A payment provider on a local port, as a reference for real ones: it takes each order's money once, whoever asks how
//! often with the same key, keeps a ledger, and fails as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex, split};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{SECRET, within};

/// What a provider does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes the money, or gives it back.
    Take,
    /// It declines, in these words.
    Decline(&'static str),
    /// It does nothing and answers with this status and a problem.
    Fail(StatusCode),
    /// It does nothing and answers 503 with this Retry-After.
    Away(&'static str),
    /// It does nothing and answers with this status and a problem, in these words.
    Refuse(StatusCode, &'static str),
    /// It takes the money, and then answers with this status all the same.
    TakeAndFail(StatusCode),
    /// It does nothing and never answers.
    Hang,
    /// It takes the money and never answers.
    TakeAndHang,
    /// It never answers, and takes the money only after this time, when the client may be gone.
    TakeWhenGone(Duration),
    /// It takes the money, and answers after this time.
    TakeLate(Duration),
    /// It takes the money and sends its answer twice.
    AnswerTwice,
    /// It takes the money and answers. Then it closes the connection, of which it said nothing.
    AnswerAndClose,
    /// It takes the money, and closes the connection in place of an answer.
    TakeAndClose,
    /// It waits for the customer, who is to go to [`customer_page`], unless the payment is over.
    Pend,
    /// It works on it, and has nothing for the customer to do, unless the payment is over.
    Process,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `/charges`, `/captures` or `/refunds`; `/charges/{order}` for a question.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its Idempotency-Key; the order's id for a question.
    pub key: String,
    /// Its body.
    pub body: Value,
    /// How many requests came before.
    pub before: usize,
}

/// What the provider knows, by order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Every request, in turn.
    pub asked: Vec<Asked>,
    /// Money that was taken: the body of the first request.
    pub charges: BTreeMap<String, Value>,
    /// Charges that are authorized, whatever became of them: the body of the first request.
    pub authorized: BTreeMap<String, Value>,
    /// Money that was authorized and then taken: the body of the first request.
    pub captures: BTreeMap<String, Value>,
    /// Orders whose authorization was given up.
    pub voided: BTreeSet<String>,
    /// Charges that wait for the customer or for the provider.
    pub pending: BTreeMap<String, Value>,
    /// Money that was given back: the body of the first request.
    pub refunds: BTreeMap<String, Value>,
    /// Keys of charges and captures that were declined, and in which words.
    pub declined: BTreeMap<String, String>,
    /// Orders of which a refund came before any charge: none will be charged.
    pub closed: BTreeSet<String>,
    /// Money that was taken once more, because the key was forgotten.
    pub taken_again: Vec<Value>,
    /// Keys that it has forgotten.
    pub forgotten: BTreeSet<String>,
}

type Behaviour = dyn Fn(&Asked) -> Manner + Send + Sync;

/// A provider. It ends with this guard.
pub struct PaymentProvider {
    url: String,
    ledger: Arc<watch::Sender<Ledger>>,
    server: JoinHandle<()>,
}

/// How the id of a charge begins that the shop has had authorized.
pub const AUTHORIZED_BY_THE_SHOP: &str = "auth_";

/// What opens it.
pub const PAYMENT_KEY: &str = "sk_test_4242424242424242";

impl PaymentProvider {
    /// One that takes all that it is asked for.
    pub async fn start() -> Self {
        Self::behaving(|_| Manner::Take).await
    }

    /// One that does with each request what `behave` says.
    pub async fn behaving(behave: impl Fn(&Asked) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("it listens"));
        let ledger = Arc::new(watch::Sender::new(Ledger::default()));
        let server = tokio::spawn(serve(listener, ledger.clone(), Arc::new(behave)));
        Self { url, ledger, server }
    }

    /// The variables with which orders are charged here.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        let origin = "http://127.0.0.1:*".to_owned();
        [("payment_url", self.url.clone()), ("payment_key", PAYMENT_KEY.to_owned()), ("payment_origin", origin)]
    }

    /// Its name on records.
    pub fn name(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches("/v1")
    }

    /// What it knows now.
    pub fn ledger(&self) -> Ledger {
        self.ledger.borrow().clone()
    }

    /// It forgets the keys of an order that it knows so far, as some do after a day. It still knows what it took and
    /// gave back.
    pub fn a_day_passes(&self, order: &str) {
        self.ledger.send_modify(|ledger| {
            let keys = ledger.asked.iter().map(|asked| &asked.key);
            let keys: Vec<_> = keys.filter(|key| key.split('/').next() == Some(order)).cloned().collect();
            ledger.forgotten.extend(keys);
        });
    }

    /// Waits until it was asked so often.
    pub async fn asked(&self, at_least: usize) -> Ledger {
        let mut ledger = self.ledger.subscribe();
        let what = format!("{at_least} requests to the payment provider");
        within(&what, ledger.wait_for(|ledger| ledger.asked.len() >= at_least)).await.expect("it runs").clone()
    }
}

impl Drop for PaymentProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, kept: Arc<watch::Sender<Ledger>>, behave: Arc<Behaviour>) {
    loop {
        let (stream, _) = listener.accept().await.expect("it listens");
        let (latest, manner) = watch::channel(Manner::Take);
        let (ours, theirs) = duplex(64 * 1024);
        let (mut received, sent) = stream.into_split();
        let (answers, mut requests) = split(theirs);
        tokio::spawn(async move {
            _ = tokio::io::copy(&mut received, &mut requests).await;
            // Its other half is still there, so that it doesn't end by itself.
            _ = requests.shutdown().await;
        });
        tokio::spawn(send_out(answers, sent, manner));
        let (kept, behave, latest) = (kept.clone(), behave.clone(), Arc::new(latest));
        let service = service_fn(move |request| answer(request, kept.clone(), behave.clone(), latest.clone()));
        // A client that goes away is no failure of the test.
        tokio::spawn(async move { _ = http1::Builder::new().serve_connection(TokioIo::new(ours), service).await });
    }
}

/// Sends what hyper writes, once more where it shall be answered twice, and no more where it shall be closed.
async fn send_out(mut answers: ReadHalf<DuplexStream>, mut sent: OwnedWriteHalf, manner: watch::Receiver<Manner>) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = answers.read(&mut chunk).await {
        let manner = *manner.borrow();
        let times = if manner == Manner::AnswerTwice { 2 } else { 1 };
        let is_sent = sent.write_all(&chunk[..length].repeat(times)).await.is_ok();
        if !is_sent || manner == Manner::AnswerAndClose {
            return;
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    kept: Arc<watch::Sender<Ledger>>,
    behave: Arc<Behaviour>,
    latest: Arc<watch::Sender<Manner>>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await?.to_bytes() {
        none if none.is_empty() => Value::Null,
        body => serde_json::from_slice(&body)?,
    };
    let path = parts.uri.path().trim_start_matches("/v1").to_owned();
    let key = parts.headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default());
    let key = key.or(path.strip_prefix("/charges/")).unwrap_or_default().to_owned();
    let before = kept.borrow().asked.len();
    let asked = Asked { path, headers: parts.headers, key, body, before };
    let manner = behave(&asked);
    latest.send_replace(manner);
    if let Manner::TakeWhenGone(after) = manner {
        // Not in this connection's task, which ends with the connection.
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            kept.send_modify(|ledger| _ = ledger.ask(asked, Manner::Take));
        });
        return std::future::pending().await;
    }
    let mut answer = (StatusCode::OK, Value::Null);
    kept.send_modify(|ledger| answer = ledger.ask(asked, manner));
    match manner {
        Manner::Hang | Manner::TakeAndHang => std::future::pending().await,
        Manner::TakeLate(after) => tokio::time::sleep(after).await,
        Manner::TakeAndClose => return Err("closed as told".into()),
        _ => {}
    }
    let (status, body) = answer;
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    if let Manner::Away(wait) = manner {
        response = response.header("retry-after", wait);
    }
    Ok(response.body(Full::from(body.to_string()))?)
}

impl Ledger {
    fn ask(&mut self, mut asked: Asked, manner: Manner) -> (StatusCode, Value) {
        self.asked.push(asked.clone());
        let is_question = asked.path.starts_with("/charges/");
        if is_question {
            if self.refunds.contains_key(&asked.key) || self.voided.contains(&asked.key) {
                return problem(StatusCode::GONE, "this order was refunded");
            }
            // What it says of a charge is else what it would answer to it once more.
            asked.path = "/charges".to_owned();
            let known = [&self.pending, &self.charges, &self.authorized];
            asked.body = known.iter().find_map(|charges| charges.get(&asked.key)).cloned().unwrap_or_default();
        }
        if asked.headers.get("authorization").is_none_or(|sent| *sent != format!("Bearer {PAYMENT_KEY}")) {
            return problem(StatusCode::UNAUTHORIZED, "the key is missing or wrong");
        }
        match manner {
            Manner::Fail(status) => problem(status, "told to fail"),
            Manner::Away(_) => problem(StatusCode::SERVICE_UNAVAILABLE, "told to be away"),
            Manner::Refuse(status, words) => problem(status, words),
            Manner::Hang => (StatusCode::OK, Value::Null),
            Manner::TakeAndFail(status) => {
                self.book(&asked, None);
                problem(status, "told to fail after all")
            }
            Manner::Decline(words) => self.book(&asked, Some(words)),
            Manner::Pend | Manner::Process if asked.path == "/charges" && !self.is_over(&asked.key) => {
                self.pending.insert(asked.key.clone(), asked.body);
                match manner {
                    Manner::Process => (StatusCode::ACCEPTED, json!({"status": "processing"})),
                    _ => {
                        let next_action = customer_page(&asked.key);
                        (StatusCode::OK, json!({"status": "requires_action", "next_action": next_action}))
                    }
                }
            }
            Manner::Pend | Manner::Process => self.book(&asked, None),
            Manner::Take if !is_question && self.forgotten.remove(&asked.key) => self.book_anew(&asked),
            Manner::Take | Manner::AnswerTwice | Manner::AnswerAndClose => self.book(&asked, None),
            Manner::TakeLate(_) | Manner::TakeWhenGone(_) | Manner::TakeAndHang | Manner::TakeAndClose => {
                self.book(&asked, None)
            }
        }
    }

    /// Whether an order's charge is decided.
    pub(super) fn is_over(&self, order: &str) -> bool {
        self.charges.contains_key(order)
            || self.authorized.contains_key(order)
            || self.declined.contains_key(order)
            || self.closed.contains(order)
    }

    /// It knows the key no more, and only that money isn't captured or given back twice.
    fn book_anew(&mut self, asked: &Asked) -> (StatusCode, Value) {
        let order = asked.body["order_id"].as_str().unwrap_or_default().to_owned();
        match asked.path.as_str() {
            "/captures" if self.captures.contains_key(&order) => {
                problem(StatusCode::BAD_REQUEST, "this charge was captured already")
            }
            "/refunds" if self.refunds.contains_key(&order) => {
                problem(StatusCode::BAD_REQUEST, "this charge was refunded already")
            }
            "/charges" if self.charges.contains_key(&order) => {
                self.taken_again.push(asked.body.clone());
                let id = format!("ch_{order}_{}", self.taken_again.len());
                (StatusCode::CREATED, json!({"id": id, "amount": asked.body["amount"]}))
            }
            _ => self.book(asked, None),
        }
    }

    /// What was decided first under a key stands.
    fn book(&mut self, asked: &Asked, decline: Option<&str>) -> (StatusCode, Value) {
        let Asked { path, key: whole_key, body, .. } = asked;
        // The key of a refund or a capture is that of its charge, and what it is for.
        let key = whole_key.trim_end_matches("/refund").trim_end_matches("/capture");
        // The shop's own charges aren't in the ledger.
        let (is_own, is_authorized) = (!body["charge_id"].is_null(), self.is_authorized(key, body));
        let (booked, kind) = match path.as_str() {
            "/charges" if self.closed.contains(key) => return problem(StatusCode::GONE, "this order was refunded"),
            "/charges" if body.is_null() => return problem(StatusCode::NOT_FOUND, "there is no such charge"),
            "/charges" if self.is_only_authorized(key, body) => (&mut self.authorized, "ch"),
            "/charges" => (&mut self.charges, "ch"),
            "/captures" if self.voided.contains(key) => return problem(StatusCode::GONE, "this order was voided"),
            "/captures" if is_authorized || is_own => (&mut self.captures, "cap"),
            "/refunds" if is_authorized && !self.captures.contains_key(key) => {
                self.voided.insert(key.to_owned());
                self.closed.insert(key.to_owned());
                return problem(StatusCode::GONE, "nothing was taken, and it is voided");
            }
            "/refunds" if is_authorized || is_own || self.charges.contains_key(key) => (&mut self.refunds, "re"),
            "/refunds" => {
                self.closed.insert(key.to_owned());
                return problem(StatusCode::GONE, "there is no charge of this order, and won't be");
            }
            _ => return problem(StatusCode::NOT_FOUND, "there is nothing here"),
        };
        if let (Some(words), false) = (decline, booked.contains_key(key)) {
            self.declined.entry(whole_key.to_owned()).or_insert_with(|| words.to_owned());
        }
        if let Some(words) = self.declined.get(whole_key).filter(|_| path != "/refunds") {
            return problem(StatusCode::PAYMENT_REQUIRED, words);
        }
        let first = booked.entry(key.to_owned()).or_insert_with(|| body.clone());
        let compared = ["order_id", "amount", "currency", "charge_id", "payment"];
        if compared.iter().any(|field| first[*field] != body[*field]) {
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "this key was used for another request");
        }
        let mut answer = json!({"id": format!("{kind}_{key}"), "amount": body["amount"]});
        if path == "/charges" && self.authorized.contains_key(key) {
            answer["status"] = "authorized".into();
        }
        (StatusCode::CREATED, answer)
    }

    /// Whether a charge takes nothing yet. What was done at the first request stands.
    fn is_only_authorized(&self, order: &str, body: &Value) -> bool {
        self.authorized.contains_key(order) || (body["capture"] == false && !self.charges.contains_key(order))
    }

    /// Whether an order's money is authorized, or was before it was captured. The shop's own authorizations are known
    /// by their names.
    fn is_authorized(&self, order: &str, body: &Value) -> bool {
        let is_own = body["charge_id"].as_str().is_some_and(|charge| charge.starts_with(AUTHORIZED_BY_THE_SHOP));
        self.authorized.contains_key(order) || is_own
    }
}

/// Where the customer of an order goes to complete its payment.
pub fn customer_page(order: &str) -> String {
    format!("https://pay.example/confirm/{order}")
}

/// The provider's word that something became of an order's payment, as it sends it now.
pub fn signed_word(order: &str) -> Request<Bytes> {
    let body = json!({"type": "charge.updated", "order_id": order}).to_string();
    let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let signer = Webhook::new(SECRET).expect("a secret");
    let signature = signer.sign("msg_1", at as i64, body.as_bytes()).expect("a text");
    let request = Request::post("/payments/events").header("webhook-id", "msg_1");
    let request = request.header("webhook-timestamp", at.to_string()).header("webhook-signature", signature);
    request.body(Bytes::from(body)).expect("a request")
}

fn problem(status: StatusCode, detail: &str) -> (StatusCode, Value) {
    (status, json!({"title": status.canonical_reason(), "status": status.as_u16(), "detail": detail}))
}
