//! The adapter for Stripe by itself: what it asks of Stripe, what it notes before, and what it makes of the answers.

use std::collections::BTreeMap;

use host::calls::{Answer, HttpError, Ruling};
use host::calls::{KeyValueError, Refusal};
use serde_json::{Value, json};

use super::sample::id;
use super::*;
use crate::harness::json as body_of;

const KEY: &str = "sk_test_hunter2";
const TOKEN: &str = "pm_1hunter2";

/// The store, which keeps what is noted.
type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

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
    marks.iter().fold(text.to_owned(), |text, (code, mark)| text.replace(code, mark))
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

#[tokio::test]
async fn an_intent_is_noted_before_it_is_confirmed_and_says_what_stripe_must_know() {
    let adapter = Adapter::with(takes).await;
    assert_done(&adapter.charge().await, "pi_1");
    let effects = adapter.alone.take_effects();
    let (intent, closed) = (format!("stripe/{}/intent", id(1)), format!("stripe/{}/closed", id(1)));
    let expected = [
        "open store".to_owned(),
        format!("exists {closed}"),
        format!("get {intent}"),
        format!("set {intent}"),
        "POST https://api.stripe.com/v1/payment_intents".to_owned(),
        format!("get {intent}"),
        format!("set {intent}"),
        format!("exists {closed}"),
        "POST https://api.stripe.com/v1/payment_intents/pi_1/confirm".to_owned(),
    ];
    assert_eq!(words(&effects), expected);
    assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
    let asked = effects.into_iter().filter_map(|effect| match effect {
        Effect::Http(request) => Some(ToStripe::of(request)),
        _ => None,
    });
    let [create, confirm] = asked.collect::<Vec<_>>().try_into().ok().unwrap();
    for asked in [&create, &confirm] {
        assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
        assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(asked.headers["content-length"], asked.body.len().to_string());
        assert_eq!(asked.headers["stripe-version"], "2024-06-20");
    }
    assert_eq!(create.headers["idempotency-key"], id(1).to_string());
    assert_eq!((confirm.headers.get("idempotency-key"), &*confirm.body), (None, ""));
    let expected = [
        ("amount", "2100"),
        ("currency", "eur"),
        ("payment_method_types[0]", "card"),
        ("payment_method", TOKEN),
        ("customer", "cus_1"),
        ("metadata[order_id]", &id(1).to_string()),
        ("metadata[reference]", "cart-4711"),
        ("metadata[campaign]", "a & b"),
    ];
    assert_eq!(create.fields(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn what_stripe_says_to_the_intent_becomes_an_answer_of_the_contract_and_nothing_is_confirmed() {
    let table: [(fn() -> Ruling, u16, &str); 16] = [
        (
            || error(400, "amount_too_small", "Amount must be at least 50 cents"),
            422,
            "Amount must be at least 50 cents",
        ),
        (|| error(404, "resource_missing", "No such PaymentMethod"), 422, "No such PaymentMethod"),
        (
            || error(401, "", "Invalid API Key provided: sk_test_***ter2"),
            401,
            "Stripe refuses the key: set the variable st",
        ),
        (|| error(403, "", "rk_***"), 401, "Stripe forbids this to the key: let it write PaymentIntents and refunds"),
        (|| error(402, "card_declined", "Your card was declined."), 402, "Your card was declined."),
        (|| error(409, "idempotency_key_in_use", "Another request is under way"), 409, "Another request is under way"),
        (|| error(429, "lock_timeout", "This object cannot be accessed"), 429, "This object cannot be accessed"),
        (|| says_text(500, "<html>"), 502, "Stripe answered 500."),
        (|| says_text(503, ""), 502, "Stripe answered 503."),
        (|| says_text(302, ""), 502, "Stripe answered 302."),
        (|| says_text(200, "<html>"), 502, "Stripe answered 200 with something else than its API has."),
        (|| says(200, json!({"id": "pi_1"})), 502, "Stripe answered 200 with something else than its API has."),
        (|| says_text(200, &" ".repeat(600_000)), 502, "Stripe's answer broke off."),
        (|| Ruling::Refuse(Refusal::Http(HttpError::ConnectionRefused)), 502, "Stripe can't be reached: it refused"),
        (
            || Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)),
            502,
            "Stripe can't be reached: it closed the connection",
        ),
        (
            || Ruling::Refuse(Refusal::Http(HttpError::HttpRequestDenied)),
            401,
            "the application may not send there; set the",
        ),
    ];
    for (say, status, begins) in table {
        let adapter = Adapter::with(move |_| say()).await;
        let answer = adapter.charge().await;
        assert_refused(&answer, status, begins);
        assert_eq!(adapter.lines(), [CREATE], "{begins}");
        let waits = answer.headers().contains_key("retry-after");
        assert_eq!(waits, status == 429, "{begins}");
        assert!(adapter.noted("intent").unwrap().parse::<u64>().is_ok(), "the time is noted, and no id");
    }
}

#[tokio::test]
async fn stripes_own_wait_is_passed_on() {
    for status in [409, 429, 503] {
        let adapter = Adapter::with(move |_| {
            let Ruling::Answer(Answer::Http(mut response)) = says(status, json!({})) else { unreachable!() };
            response.headers_mut().insert("retry-after", "17".parse().unwrap());
            Ruling::Answer(Answer::Http(response))
        })
        .await;
        assert_eq!(adapter.charge().await.headers()["retry-after"], "17", "{status}");
    }
}

/// Where an intent can stand, and what becomes of a charge then: the answer, and whether the intent is cancelled.
const STANDINGS: [(&str, u16, &str, bool); 7] = [
    ("succeeded", 200, "", false),
    ("processing", 202, "", false),
    ("requires_capture", 202, "", false),
    ("requires_action", 402, "needs the customer's action (3-D Secure)", true),
    ("requires_payment_method", 402, "the card could not be charged", false),
    ("canceled", 402, "the payment was cancelled, because it needs the customer's action (3-D Secure)", false),
    ("brand_new", 202, "", false),
];

#[tokio::test]
async fn where_the_intent_stands_decides_after_its_confirmation_and_when_its_answer_was_lost() {
    for (standing, status, detail, cancels) in STANDINGS {
        let stripe = move |line: &str| match line {
            CREATE => intent("requires_confirmation"),
            CANCEL => intent("canceled"),
            _ => intent(standing),
        };
        let after = if cancels { &[CANCEL][..] } else { &[] };
        let adapter = Adapter::with(stripe).await;
        for first in [&[CREATE, CONFIRM][..], &[LOOK]] {
            let answer = adapter.charge().await;
            assert_eq!(adapter.lines(), [first, after].concat(), "{standing}");
            match detail {
                "" => assert_eq!((answer.status().as_u16(), &body_of(&answer)["id"]), (status, &json!("pi_1"))),
                _ => assert_refused(&answer, status, detail),
            }
        }
    }
}

#[tokio::test]
async fn a_decline_is_told_in_stripes_words_also_when_it_is_asked_for_again() {
    let adapter = Adapter::with(|line| match line {
        CREATE => intent("requires_confirmation"),
        CONFIRM => error(402, "card_declined", "Your card has insufficient funds."),
        _ => {
            let error = json!({"message": "Your card has insufficient funds."});
            says(200, json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}))
        }
    })
    .await;
    for _ in 0..2 {
        assert_refused(&adapter.charge().await, 402, "Your card has insufficient funds.");
    }
    assert_eq!(adapter.lines(), [CREATE, CONFIRM, LOOK], "the card is asked once");
}

#[tokio::test]
async fn a_confirmation_that_got_no_good_answer_is_made_again_on_the_same_intent() {
    let ways: [(fn() -> Ruling, u16); 4] = [
        (|| says_text(500, ""), 502),
        (|| Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)), 502),
        (|| error(429, "lock_timeout", "busy"), 429),
        (|| error(400, "payment_intent_unexpected_state", "it was cancelled"), 409),
    ];
    for (say, status) in ways {
        let tries = Mutex::new(0);
        let adapter = Adapter::with(move |line| match line {
            CREATE | LOOK => intent("requires_confirmation"),
            _ => {
                *tries.lock().unwrap() += 1;
                if *tries.lock().unwrap() == 1 { say() } else { intent("succeeded") }
            }
        })
        .await;
        assert_eq!(adapter.charge().await.status().as_u16(), status);
        assert_done(&adapter.charge().await, "pi_1");
        assert_eq!(adapter.lines(), [CREATE, CONFIRM, LOOK, CONFIRM]);
    }
}

#[tokio::test]
async fn after_weeks_an_intent_whose_answer_was_lost_is_found_by_its_metadata() {
    let day = 24 * 3_600_000;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let list = |intents: Value| says(200, json!({"object": "search_result", "data": intents, "has_more": false}));
    let pending = json!({"id": "pi_1", "status": "requires_confirmation"});
    let found = move || list(json!([{"id": "pi_0", "status": "canceled"}, pending]));
    type Say = Box<dyn Fn() -> Ruling + Send + Sync>;
    let searches: [(u64, Say, &[&str]); 4] = [
        (30 * day, Box::new(found), &[&search(), CONFIRM]),
        (30 * day, Box::new(move || list(json!([]))), &[&search(), CREATE, CONFIRM]),
        // Not for every account.
        (30 * day, Box::new(|| error(400, "", "Search is not supported")), &[&search(), CREATE, CONFIRM]),
        // The key is still known, and search may lag behind.
        (day / 2, Box::new(|| panic!("it is not searched for")), &[CREATE, CONFIRM]),
    ];
    for (ago, say, expected) in searches {
        let adapter = Adapter::with(move |line| match line {
            line if line == search() => say(),
            line => takes(line),
        })
        .await;
        adapter.note("intent", &(now - ago).to_string());
        assert_done(&adapter.charge().await, "pi_1");
        assert_eq!(adapter.lines(), expected);
        assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
    }
    let adapter = Adapter::with(|_| says_text(500, "")).await;
    adapter.note("intent", &(now - 30 * day).to_string());
    assert_refused(&adapter.charge().await, 502, "Stripe answered 500.");
    assert_eq!(adapter.lines(), [search()], "without an answer no other intent is made");
}

#[tokio::test]
async fn an_order_that_a_refund_closed_is_not_charged_any_more() {
    let adapter = Adapter::with(|line| match line {
        CREATE => intent("requires_confirmation"),
        line if line == search() => says(200, json!({"data": []})),
        _ => panic!("nobody asks for {line}"),
    })
    .await;
    assert_refused(&adapter.refund(None).await, 410, "This order was closed by a refund");
    let effects = words(&adapter.alone.take_effects());
    let at = |wanted: &str| effects.iter().position(|word| word.starts_with(wanted)).unwrap();
    assert!(at("set ") < at("get ") && at("get ") < at("GET "), "it is noted before anybody looks: {effects:?}");
    assert_refused(&adapter.charge().await, 410, "This order was closed by a refund");
    assert!(adapter.lines().is_empty());
}

#[tokio::test]
async fn a_refund_that_comes_while_the_intent_is_made_keeps_it_from_being_confirmed() {
    let kept = Kept::default();
    let store = kept.clone();
    let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
        Effect::Http(request) => {
            store.lock().unwrap().insert(format!("stripe/{}/closed", id(1)), Vec::new());
            Some(takes(&line(request)))
        }
        other => keep(&store, other),
    });
    let adapter = Adapter { alone: double.around("stripe").await, kept };
    assert_refused(&adapter.charge().await, 410, "This order was closed by a refund");
    assert_eq!(adapter.lines(), [CREATE]);
}

#[tokio::test]
async fn an_intent_that_another_delivery_has_noted_meanwhile_is_the_one_of_the_order() {
    let kept = Kept::default();
    let store = kept.clone();
    let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
        Effect::Http(request) => Some(match &*line(request) {
            CREATE => {
                store.lock().unwrap().insert(format!("stripe/{}/intent", id(1)), b"pi_1".to_vec());
                says(200, json!({"id": "pi_2", "status": "requires_confirmation"}))
            }
            LOOK => intent("succeeded"),
            line => panic!("nobody asks for {line}"),
        }),
        other => keep(&store, other),
    });
    let adapter = Adapter { alone: double.around("stripe").await, kept };
    assert_done(&adapter.charge().await, "pi_1");
    assert_eq!(adapter.lines(), [CREATE, LOOK]);
    assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
}

#[tokio::test]
async fn a_refund_without_a_charge_undoes_what_the_intent_did() {
    let table: [(&str, &[&str], u16); 8] = [
        ("succeeded", &[LOOK, REFUNDS, REFUND], 200),
        ("canceled", &[LOOK], 410),
        ("processing", &[LOOK], 409),
        ("requires_confirmation", &[LOOK, CANCEL], 410),
        ("requires_payment_method", &[LOOK, CANCEL], 410),
        ("requires_action", &[LOOK, CANCEL], 410),
        ("requires_capture", &[LOOK, CANCEL], 410),
        ("brand_new", &[LOOK, CANCEL], 410),
    ];
    for (standing, expected, status) in table {
        let adapter = Adapter::with(move |line| match line {
            LOOK => intent(standing),
            CANCEL => intent("canceled"),
            REFUNDS => says(200, json!({"data": []})),
            REFUND => says(200, json!({"id": "re_1", "status": "succeeded"})),
            _ => panic!("nobody asks for {line}"),
        })
        .await;
        adapter.note("intent", "pi_1");
        let answer = adapter.refund(None).await;
        assert_eq!(answer.status().as_u16(), status, "{standing}");
        assert_eq!(adapter.lines(), expected, "{standing}");
        assert_eq!(adapter.noted("closed").as_deref(), Some(""));
    }
}

#[tokio::test]
async fn a_refund_whose_intent_is_confirmed_meanwhile_is_asked_for_again() {
    let adapter = Adapter::with(|line| match line {
        LOOK => intent("requires_confirmation"),
        _ => error(400, "payment_intent_unexpected_state", "its status is succeeded"),
    })
    .await;
    adapter.note("intent", "pi_1");
    assert_refused(&adapter.refund(None).await, 409, "The PaymentIntent changed meanwhile.");
}

#[tokio::test]
async fn an_intent_of_another_account_is_a_fault_of_the_set_up() {
    let adapter = Adapter::with(|_| error(404, "resource_missing", "No such payment_intent: 'pi_1'")).await;
    adapter.note("intent", "pi_1");
    assert_refused(
        &adapter.charge().await,
        401,
        "Stripe doesn't know pi_1, which was made for this order: is stripe_key",
    );
    assert_refused(&adapter.refund(None).await, 401, "Stripe doesn't know pi_1");
}

#[tokio::test]
async fn a_charge_is_refunded_once_by_stripes_own_books() {
    let ours = json!({"order_id": id(1).to_string()});
    let theirs = json!({"order_id": id(2).to_string()});
    let books = [
        (json!([]), &[REFUNDS, REFUND][..], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": ours}]), &[REFUNDS], "re_1"),
        (json!([{"id": "re_1", "status": "pending", "metadata": ours}]), &[REFUNDS], "re_1"),
        (json!([{"id": "re_1", "status": "failed", "metadata": ours}]), &[REFUNDS, REFUND], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": theirs}]), &[REFUNDS, REFUND], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": {}}]), &[REFUNDS, REFUND], "re_new"),
    ];
    for (before, expected, refund) in books {
        let adapter = Adapter::with(move |line| match line {
            REFUNDS => says(200, json!({"data": before})),
            _ => says(200, json!({"id": "re_new", "status": "pending"})),
        })
        .await;
        assert_done(&adapter.refund(Some("pi_1")).await, refund);
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), expected);
        if let [_, asked] = &asked[..] {
            assert_eq!(asked.headers["idempotency-key"], format!("{}/refund", id(1)));
            let order = id(1).to_string();
            let expected = [("payment_intent", "pi_1"), ("amount", "2100"), ("metadata[order_id]", &order)];
            assert_eq!(asked.fields(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
}

#[tokio::test]
async fn a_charge_of_the_shops_own_is_refunded_as_a_charge() {
    let adapter = Adapter::with(|line| match line {
        "GET /v1/refunds?charge=ch_7&limit=100" => says(200, json!({"data": []})),
        REFUND => says(200, json!({"id": "re_1", "status": "succeeded"})),
        _ => panic!("nobody asks for {line}"),
    })
    .await;
    assert_done(&adapter.refund(Some("ch_7")).await, "re_1");
    assert_eq!(adapter.asked()[1].fields()[0], ("charge".to_owned(), "ch_7".to_owned()));
}

#[tokio::test]
async fn what_was_refunded_in_the_dashboard_is_refunded() {
    let refunded = || error(400, "charge_already_refunded", "Charge ch_1 has already been refunded.");
    let failed = json!({"id": "re_2", "status": "failed"});
    let by_hand = json!({"id": "re_1", "status": "succeeded", "metadata": {}});
    let adapter = Adapter::with(move |line| match line {
        REFUNDS => says(200, json!({"data": [failed, by_hand]})),
        _ => refunded(),
    })
    .await;
    assert_done(&adapter.refund(Some("pi_1")).await, "re_1");
    let adapter = Adapter::with(move |line| match line {
        REFUNDS => says(200, json!({"data": []})),
        _ => refunded(),
    })
    .await;
    assert_refused(&adapter.refund(Some("pi_1")).await, 422, "Charge ch_1 has already been refunded.");
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_or_cannot_make_is_told() {
    let refusals: [(fn() -> Ruling, u16, &str); 4] = [
        (
            || says(200, json!({"id": "re_1", "status": "failed"})),
            422,
            "Stripe's refund re_1 failed: give the money back",
        ),
        (
            || error(400, "resource_missing", "No such charge: 'pi_1'"),
            422,
            "No such charge: 'pi_1' Is stripe_key of the",
        ),
        (|| error(400, "", "Refund amount is greater than unrefunded amount"), 422, "Refund amount is greater"),
        (|| says_text(500, ""), 502, "Stripe answered 500."),
    ];
    for (say, status, begins) in refusals {
        let adapter = Adapter::with(move |line| match line {
            REFUNDS => says(200, json!({"data": []})),
            _ => say(),
        })
        .await;
        assert_refused(&adapter.refund(Some("pi_1")).await, status, begins);
    }
    let adapter = Adapter::with(|_| error(404, "resource_missing", "No such payment_intent: 'pi_1'")).await;
    assert_refused(&adapter.refund(Some("pi_1")).await, 422, "No such payment_intent: 'pi_1' Is stripe_key of the");
}

#[tokio::test]
async fn tokens_amounts_and_metadata_are_as_stripe_wants_them() {
    let adapter = Adapter::with(takes).await;
    let sent = async |change: Value| {
        let mut body = a_charge();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        adapter.kept.lock().unwrap().clear();
        let answer = adapter.ask("/charges", "key", &body).await;
        (answer, adapter.asked().first().map(ToStripe::fields).unwrap_or_default())
    };
    let field = |fields: &[(String, String)], name: &str| {
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    for (amount, currency, expected) in [
        (450, "EUR", "450"),
        (450, "JPY", "450"),
        (4500, "KWD", "4500"),
        (5, "ISK", "500"),
        (5, "UGX", "500"),
        (500, "MGA", "5"),
    ] {
        let (_, fields) = sent(json!({"amount": amount, "currency": currency})).await;
        assert_eq!(field(&fields, "amount").unwrap(), expected, "{currency}");
        assert_eq!(field(&fields, "currency").unwrap(), currency.to_lowercase());
    }
    let (answer, fields) = sent(json!({"amount": 501, "currency": "MGA"})).await;
    assert_refused(&answer, 422, "Stripe takes MGA in whole units only.");
    assert!(fields.is_empty());

    let (_, fields) = sent(json!({"payment": {"token": "tok_visa"}})).await;
    assert_eq!(field(&fields, "payment_method_data[card][token]").unwrap(), "tok_visa");
    assert_eq!(field(&fields, "payment_method_data[type]").unwrap(), "card");
    assert_eq!((field(&fields, "payment_method"), field(&fields, "customer")), (None, None));

    let mut many: BTreeMap<String, String> = (0..50).map(|n| (format!("k{n:02}"), n.to_string())).collect();
    many.extend([("a[b]", "x"), ("order_id", "another"), ("reference", "another")].map(|(k, v)| (k.into(), v.into())));
    let (_, fields) = sent(json!({"metadata": many})).await;
    let metadata: Vec<_> = fields.iter().filter(|(name, _)| name.starts_with("metadata[")).collect();
    assert_eq!(metadata.len(), 50, "Stripe keeps no more");
    assert_eq!((&*metadata[0].1, &*metadata[1].1), (&*id(1).to_string(), "cart-4711"), "ours come first");
    assert_eq!(metadata[49].0, "metadata[k47]");
}

#[tokio::test]
async fn without_its_key_the_adapter_is_off_and_says_which_variable_turns_it_on() {
    for (variable, value, begins) in [
        ("stripe_key", "", "The adapter for Stripe is off: set the variable stripe_key to turn it on."),
        ("stripe_key", "hunter2\nhunter2", "the variable stripe_key of component stripe must be visible ASCII"),
        ("stripe_url", "https://api.stripe.com/v1", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "api.stripe.com", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "ftp://api.stripe.com", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "https://a:b@api.stripe.com", "the variable stripe_url of component stripe must be https://"),
    ] {
        let adapter = Adapter::with(|_| panic!("nothing is asked of Stripe")).await;
        adapter.alone.double.set(variable, value);
        for answer in [adapter.charge().await, adapter.refund(Some("pi_1")).await] {
            assert_refused(&answer, 401, begins);
            assert!(!String::from_utf8_lossy(answer.body()).contains("hunter2"));
        }
        assert!(words(&adapter.alone.take_effects()).is_empty(), "nothing is noted");
        adapter.alone.double.set(variable, if variable == "stripe_key" { KEY } else { "https://api.stripe.com" });
    }
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done() {
    let fails = || Ruling::Refuse(Refusal::KeyValue(KeyValueError::Other("the disk is full".to_owned())));
    // The notes of a charge, in turn, and how far it gets without each.
    let expected: [&[&str]; 7] = [&[], &[], &[], &[], &[CREATE], &[CREATE], &[CREATE]];
    for (nth, expected) in expected.into_iter().enumerate() {
        let (kept, calls) = (Kept::default(), Mutex::new(0));
        let store = kept.clone();
        let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
            Effect::Http(request) => Some(takes(&line(request))),
            Effect::Variable(_) => None,
            other => {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                if *calls == nth + 1 { Some(fails()) } else { keep(&store, other) }
            }
        });
        let adapter = Adapter { alone: double.around("stripe").await, kept };
        assert_refused(&adapter.charge().await, 503, "The store of the adapter for Stripe failed: the disk is full.");
        assert_eq!(adapter.lines(), expected, "call {nth} of the store");
    }
}

#[tokio::test]
async fn a_request_that_is_not_of_the_contract_is_refused_and_shows_no_token() {
    let adapter = Adapter::with(|_| panic!("nothing is asked of Stripe")).await;
    let mut no_token = a_charge();
    no_token.as_object_mut().unwrap().remove("payment");
    assert_refused(&adapter.ask("/charges", "key", &no_token).await, 422, "The order has no payment.token.");
    assert_eq!(adapter.noted("intent"), None, "nothing is noted");
    for (path, key, body, status, begins) in [
        ("/charges", "", a_charge(), 422, "Send an Idempotency-Key"),
        ("/charges", "key", json!({"order_id": TOKEN}), 400, "The body can't be read at line 1, column "),
        ("/charges", "key", json!([TOKEN]), 400, "The body can't be read at line 1, column "),
        ("/refunds", "key", json!({"order_id": id(1).to_string()}), 400, "The body can't be read at line 1"),
        ("/v1/charges", "key", a_charge(), 404, "The adapter for Stripe knows /charges and /refunds"),
    ] {
        let answer = adapter.ask(path, key, &body).await;
        assert_refused(&answer, status, begins);
        assert!(!String::from_utf8_lossy(answer.body()).contains(TOKEN));
    }
    let get = Request::get("http://stripe.spin.internal/charges").body(Bytes::new()).unwrap();
    assert_refused(&adapter.alone.http(get).await, 405, "Use POST.");
}
