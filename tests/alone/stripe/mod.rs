//! The adapter for Stripe by itself: what it asks of Stripe, what it notes before, and what it makes of the answers.

mod captures;
mod charges;
mod customers;
mod events;
mod form;
mod refunds;
mod set_up;

use std::collections::BTreeMap;

use host::calls::{Answer, Ruling};
use serde_json::{Value, json};

use super::sample::id;
use super::*;
use crate::harness::json as body_of;

const KEY: &str = "sk_test_hunter2";
const TOKEN: &str = "pm_1hunter2";

/// The store, which keeps what is noted.
type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// An answer of Stripe, each time anew.
type Say = fn() -> Ruling;

/// A request to Stripe: method, path with query, and body.
struct ToStripe {
    line: String,
    body: String,
    headers: http::HeaderMap,
}

/// The adapter with a store of its own.
struct Adapter {
    alone: Alone,
    kept: Kept,
}

impl Adapter {
    /// One whose Stripe answers so.
    async fn with(stripe: impl Fn(&str) -> Ruling + Send + Sync + 'static) -> Self {
        let kept = Kept::default();
        let store = kept.clone();
        let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
            Effect::Http(request) => Some(stripe(&line(request))),
            other => keep(&store, other),
        });
        Self { alone: double.around("stripe").await, kept }
    }

    fn note(&self, key: &str, value: &str) {
        self.kept.lock().unwrap().insert(format!("stripe/{}/{key}", id(1)), value.as_bytes().to_vec());
    }

    fn noted(&self, key: &str) -> Option<String> {
        let kept = self.kept.lock().unwrap().get(&format!("stripe/{}/{key}", id(1))).cloned();
        kept.map(|value| String::from_utf8(value).unwrap())
    }

    async fn charge(&self) -> Response<Bytes> {
        self.ask("/charges", &id(1).to_string(), &a_charge()).await
    }

    /// Asks what became of a charge.
    async fn look_up(&self, order: &str) -> Response<Bytes> {
        let request = Request::get(format!("http://stripe.spin.internal/charges/{order}"));
        self.alone.http(request.body(Bytes::new()).unwrap()).await
    }

    async fn capture(&self, charge: &str) -> Response<Bytes> {
        let mut body = json!({"order_id": id(1).to_string(), "amount": 2100, "currency": "EUR"});
        body["charge_id"] = charge.into();
        self.ask("/captures", &format!("{}/capture", id(1)), &body).await
    }

    async fn refund(&self, charge: Option<&str>) -> Response<Bytes> {
        let mut body = json!({"order_id": id(1).to_string(), "amount": 2100, "currency": "EUR"});
        if let Some(charge) = charge {
            body["charge_id"] = charge.into();
        }
        self.ask("/refunds", &format!("{}/refund", id(1)), &body).await
    }

    async fn ask(&self, path: &str, key: &str, body: &Value) -> Response<Bytes> {
        let request = Request::post(format!("http://stripe.spin.internal{path}")).header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        let answer = self.alone.http(request.body(Bytes::from(body.to_string())).unwrap()).await;
        let told = format!("{} {}", String::from_utf8_lossy(answer.body()), self.alone.printed());
        assert!(!told.contains(KEY), "{told}");
        answer
    }

    /// What was asked of Stripe since the last time.
    fn asked(&self) -> Vec<ToStripe> {
        let effects = self.alone.take_effects().into_iter();
        let asked = effects.filter_map(|effect| match effect {
            Effect::Http(request) => Some(request),
            _ => None,
        });
        asked.map(ToStripe::of).collect()
    }

    fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl ToStripe {
    fn of(request: Request<Bytes>) -> Self {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        Self { line: line(&request), body, headers: request.headers().clone() }
    }

    fn fields(&self) -> Vec<(String, String)> {
        let decoded = self.body.split('&').filter_map(|pair| pair.split_once('='));
        decoded.map(|(name, value)| (decode(name), decode(value))).collect()
    }
}

/// What a form's text stands for, as far as these tests need it.
fn decode(text: &str) -> String {
    let marks = [("+", " "), ("%5B", "["), ("%5D", "]"), ("%22", "\""), ("%3A", ":"), ("%26", "&"), ("%40", "@")];
    let marks = marks.into_iter().chain([("%2F", "/"), ("%3F", "?"), ("%3D", "=")]);
    marks.fold(text.to_owned(), |text, (code, mark)| text.replace(code, mark))
}

/// Method and path with query.
fn line(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    assert_eq!((uri.scheme_str(), uri.authority().map(|it| it.as_str())), (Some("https"), Some("api.stripe.com")));
    format!("{} {}", request.method(), uri.path_and_query().unwrap())
}

fn keep(kept: &Kept, effect: &Effect) -> Option<Ruling> {
    let mut kept = kept.lock().unwrap();
    Some(Ruling::Answer(match effect {
        Effect::StoreGet(key) => Answer::Value(kept.get(key).cloned()),
        Effect::StoreExists(key) => Answer::Exists(kept.contains_key(key)),
        Effect::StoreSet(key, value) => {
            kept.insert(key.clone(), value.clone());
            Answer::Done
        }
        _ => return None,
    }))
}

fn a_charge() -> Value {
    json!({
        "order_id": id(1).to_string(), "amount": 2100, "currency": "EUR", "customer": {"email": "ada@example.com"},
        "reference": "cart-4711", "payment": {"token": TOKEN, "customer": "cus_1"}, "metadata": {"campaign": "a & b"},
    })
}

fn says(status: u16, body: Value) -> Ruling {
    says_text(status, &body.to_string())
}

fn says_text(status: u16, body: &str) -> Ruling {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    Ruling::Answer(Answer::Http(response))
}

fn error(status: u16, code: &str, message: &str) -> Ruling {
    says(status, json!({"error": {"type": "invalid_request_error", "code": code, "message": message}}))
}

fn intent(status: &str) -> Ruling {
    says(200, json!({"id": "pi_1", "object": "payment_intent", "status": status, "last_payment_error": null}))
}

/// A charge of the shop's own, with these changes.
fn charge(change: Value) -> Ruling {
    let mut charge = json!({"id": "ch_7", "object": "charge", "captured": false, "paid": true, "refunded": false,
        "payment_intent": null});
    charge.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    says(200, charge)
}

/// A Stripe that takes the money of everybody.
fn takes(line: &str) -> Ruling {
    match line {
        "POST /v1/payment_intents" => intent("requires_confirmation"),
        "POST /v1/payment_intents/pi_1/confirm" => intent("succeeded"),
        _ => panic!("nobody asks for {line}"),
    }
}

const CREATE: &str = "POST /v1/payment_intents";
const CONFIRM: &str = "POST /v1/payment_intents/pi_1/confirm";
const CANCEL: &str = "POST /v1/payment_intents/pi_1/cancel";
const LOOK: &str = "GET /v1/payment_intents/pi_1";
const CAPTURE: &str = "POST /v1/payment_intents/pi_1/capture";
const LOOK_AT_CHARGE: &str = "GET /v1/charges/ch_7";
const CAPTURE_CHARGE: &str = "POST /v1/charges/ch_7/capture";
const REFUND: &str = "POST /v1/refunds";
const REFUNDS: &str = "GET /v1/refunds?payment_intent=pi_1&limit=100";

fn search() -> String {
    format!("GET /v1/payment_intents/search?query=metadata%5B%22order_id%22%5D%3A%22{}%22&limit=10", id(1))
}

#[track_caller]
fn assert_refused(answer: &Response<Bytes>, status: u16, begins: &str) {
    let detail = body_of(answer)["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer.status().as_u16(), status, "{detail}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(detail.starts_with(begins), "{detail}");
}

#[track_caller]
fn assert_done(answer: &Response<Bytes>, expected: &str) {
    assert_eq!((answer.status().as_u16(), body_of(answer)), (200, json!({"id": expected, "status": "succeeded"})));
}
