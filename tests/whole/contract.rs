//! docs/payments.md: each request looks as the page shows it, and the provider that comes with it keeps its word.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::join_all;
use host::StartOptions;
use host::calls::{Calls, HttpError, Operation, Refusal, Ruling, decide};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::payment::{KEY, borrowed, charging, variables};
use crate::harness::{
    Asked, Client, Manner, PAYMENT_KEY, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, root,
    skipped, start_with,
};

/// The provider of the page. It ends with this guard.
struct Double {
    process: Child,
    address: SocketAddr,
    client: Client,
}

impl Double {
    /// `None`, said aloud, where there is no Python. `.ci/run` installs it.
    fn start(folder: &Path) -> Option<Self> {
        let mut python = Command::new("python3");
        python.arg(root().join("docs/payment_provider.py")).args(["0", "payments.db", PAYMENT_KEY]);
        let started = python.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut process) = started else {
            skipped("python3 is not on the path, so nobody tries docs/payment_provider.py. Install it.");
            return None;
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("payment_url is http://").expect("it says where it is").parse().unwrap();
        Some(Self { process, address, client: Client::new(address) })
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("idempotency-key", key).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {PAYMENT_KEY}"));
        let answer = self.client.send(request.body(Bytes::from(body.to_string())).unwrap()).await;
        (answer.status().as_u16(), body_of(&answer))
    }

    /// Keys and statuses of what it has answered, in turn.
    async fn ledger(&self) -> Vec<(String, u64)> {
        let rows = body_of(&self.client.get("/").await);
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| (row["key"].as_str().unwrap().to_owned(), row["status"].as_u64().unwrap())).collect()
    }

    async fn sluice(&self) -> Sluice {
        self.sluice_capturing("at_once").await
    }

    async fn sluice_capturing(&self, capture: &str) -> Sluice {
        self.sluice_whose(&[("payment_capture", capture)], decide(|_| Ruling::Proceed)).await
    }

    /// One with more variables, whose calls go so.
    async fn sluice_whose(&self, more: &[(&str, &str)], calls: impl Calls) -> Sluice {
        let url = format!("http://{}", self.address);
        let own =
            [("operator_key", KEY), ("payment_url", &url), ("payment_origin", &url), ("payment_key", PAYMENT_KEY)];
        let start = StartOptions { calls: Some(Arc::new(calls)), ..start_with(&[&own, more].concat()) };
        Sluice::on(Redis::start().await.into(), start).await
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn charge(order: &str, amount: u64) -> Value {
    json!({"order_id": order, "amount": amount, "currency": "EUR", "customer": {"email": "ada@example.com"}})
}

/// A request's head and body as the page shows them: with the page's order and the page's provider.
fn on_the_page(asked: &Asked, id: &str, provider: &str) -> (String, Value) {
    let as_shown = |text: String| {
        let text = text.replace(id, "019ac2b4-52d1-7b6c-9d3e-5a1f0c8e7b42").replace(provider, "127.0.0.1:8100");
        text.replace(PAYMENT_KEY, "sk_test_1")
    };
    let mut headers: Vec<String> =
        asked.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    let method = if asked.body.is_null() { "GET" } else { "POST" };
    let head = format!("{method} /v1{} HTTP/1.1\n{}\n\n", asked.path, headers.join("\n"));
    (as_shown(head), serde_json::from_str(&as_shown(asked.body.to_string())).unwrap())
}

async fn capturing_on_fulfilment(provider: &PaymentProvider) -> Sluice {
    let mut variables = variables(provider, &[]);
    variables.push(("payment_capture", "on_fulfil".to_owned()));
    Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await
}

/// The record of an order that is fulfilled now.
async fn fulfil(sluice: &Sluice, id: &str) -> Value {
    let answer = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
    sluice.until(id, "fulfilled").await
}

/// The page's order.
fn shown() -> Value {
    json!({
        "customer": {"email": "ada@example.com"}, "currency": "EUR", "reference": "cart-4711",
        "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 450}],
        "payment": {"token": "tok_1"}, "metadata": {"channel": "app"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_each_request_as_it_is_sent() {
    let provider = PaymentProvider::start().await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&shown()).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    let page = std::fs::read_to_string(root().join("docs/payments.md")).unwrap();
    let slow = PaymentProvider::behaving(|asked| if asked.before == 0 { Manner::Process } else { Manner::Take }).await;
    let sluice = charging(&slow).await;
    let pending = sluice.place(&shown()).await;
    sluice.until(&pending, "confirmed").await;
    let reserving = PaymentProvider::start().await;
    let sluice = capturing_on_fulfilment(&reserving).await;
    let fulfilled = sluice.place(&shown()).await;
    sluice.until(&fulfilled, "confirmed").await;
    fulfil(&sluice, &fulfilled).await;
    let mut captured = reserving.ledger().asked;
    assert_eq!(captured.remove(0).body["capture"], false, "as the page says in words");
    let captured = captured.into_iter().map(|asked| (asked, &fulfilled, reserving.name()));
    let asked = provider.ledger().asked.into_iter().map(|asked| (asked, &id, provider.name()));
    let question = slow.ledger().asked.into_iter().map(|asked| (asked, &pending, slow.name()));
    for (asked, id, provider) in asked.chain(captured).chain(question) {
        let (head, body) = on_the_page(&asked, id, provider);
        let Some((_, rest)) = page.split_once(&head) else { panic!("docs/payments.md doesn't show\n{head}{body}") };
        if body.is_null() {
            continue;
        }
        let (shown, _) = rest.split_once("```").unwrap();
        assert_eq!(serde_json::from_str::<Value>(shown).unwrap(), body, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_charges_and_refunds_an_order_once() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let sluice = double.sluice().await;
    let id = sluice.place(&an_order()).await;
    let record = sluice.until(&id, "confirmed").await;
    assert_eq!(record["payment"]["charge_id"], format!("ch_{id}"));
    sluice.ask(&id, "cancel", &Value::Null).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{id}"));
    assert_eq!(double.ledger().await, [(id.clone(), 201), (format!("{id}/refund"), 201)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_authorizes_and_then_captures_or_voids_and_captures_no_more() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let sluice = double.sluice_capturing("on_fulfil").await;
    let mut order = an_order();
    for token in ["tok_1", "tok_pending"] {
        order["payment"] = json!({"token": token});
        let id = sluice.place(&order).await;
        if token == "tok_pending" {
            sluice.until(&id, "payment_pending").await;
            assert_eq!(double.client.get(&format!("/pay/{id}")).await.status(), StatusCode::CREATED);
        }
        assert_eq!(sluice.until(&id, "confirmed").await["payment"]["authorized"], true);
        let record = fulfil(&sluice, &id).await;
        assert_eq!(record["payment"]["capture_id"], format!("cap_{id}"));
        let refund = json!({"order_id": id, "amount": 2100, "currency": "EUR", "charge_id": format!("ch_{id}")});
        assert_eq!(double.post("/refunds", &format!("{id}/refund"), &refund).await.0, 201, "it was taken");
    }
    let id = sluice.place(&order).await;
    sluice.until(&id, "payment_pending").await;
    assert_eq!(double.client.get(&format!("/pay/{id}")).await.status(), StatusCode::CREATED);
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    assert_eq!(sluice.until(&id, "cancelled").await["payment"]["voided"], true);
    let capture = json!({"order_id": id, "amount": 2100, "currency": "EUR", "charge_id": format!("ch_{id}")});
    assert_eq!(double.post("/captures", &format!("{id}/capture"), &capture).await.0, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_declines_and_the_customer_reads_why() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let sluice = double.sluice().await;
    let mut order = an_order();
    order["payment"] = json!({"token": "tok_declined"});
    let id = sluice.place(&order).await;
    let record = sluice.until(&id, "rejected").await;
    assert!(record["reason"].to_string().contains("the card was declined"), "{record}");
    assert_eq!(double.ledger().await, [(id, 402)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_waits_for_a_customer_who_opens_the_next_action() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let sluice = double.sluice().await;
    let mut order = an_order();
    order["payment"] = json!({"token": "tok_pending"});
    let id = sluice.place(&order).await;
    let shown = sluice.until(&id, "payment_pending").await;
    let page = format!("http://{}", double.address);
    let path = shown["next_action"].as_str().unwrap().strip_prefix(&page).unwrap();
    assert_eq!(double.client.get(path).await.status(), StatusCode::CREATED);
    sluice.until(&id, "confirmed").await;
    assert_eq!(double.ledger().await, [(id, 201)]);

    let id = sluice.place(&order).await;
    sluice.until(&id, "payment_pending").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    let path = format!("/pay/{id}");
    assert_eq!(double.client.get(&path).await.status(), StatusCode::GONE, "a closed order is not paid any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_knows_a_key_at_the_same_time_and_after_it_was_killed() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let keys: Vec<String> = (0..50).map(|n| format!("b{n}")).collect();
    let twice = keys.iter().chain(&keys).map(async |key| double.post("/charges", key, &charge(key, 500)).await);
    for (answer, key) in join_all(twice).await.into_iter().zip(keys.iter().chain(&keys)) {
        assert_eq!(answer, (201, json!({"id": format!("ch_{key}"), "status": "succeeded"})));
    }
    let (asked, taken) = (charge("a", 500), (201, json!({"id": "ch_a", "status": "succeeded"})));
    assert_eq!(double.post("/charges", "a", &asked).await, taken);
    drop(double);

    let Some(double) = Double::start(folder.path()) else { return };
    let mut later = asked.clone();
    later["added_by_a_later_release"] = json!(true);
    assert_eq!(double.post("/charges", "a", &later).await, taken);
    assert_eq!(double.post("/charges", "a", &charge("a", 501)).await.0, 422);
    assert_eq!(double.ledger().await.len(), keys.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_takes_no_charge_of_an_order_that_it_closed() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let closing = json!({"order_id": "a", "amount": 500, "currency": "EUR"});
    for _ in 0..2 {
        assert_eq!(double.post("/refunds", "a/refund", &closing).await.0, 410);
        assert_eq!(double.post("/charges", "a", &charge("a", 500)).await.0, 410);
    }
    let of_the_shop = json!({"order_id": "b", "amount": 500, "currency": "EUR", "charge_id": "ch_shop"});
    assert_eq!(double.post("/refunds", "b/refund", &of_the_shop).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_closes_an_order_that_is_cancelled_and_refuses_its_charge_that_comes_late() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let on_its_way: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let sent = on_its_way.clone();
    let calls = decide(move |call| match &call.operation {
        Operation::Http(request) if request.uri().path() == "/charges" => {
            sent.lock().unwrap().push(request.clone());
            Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated))
        }
        _ => Ruling::Proceed,
    });
    let never = [("backoff_base_ms", "3600000"), ("backoff_cap_ms", "3600000")];
    let sluice = double.sluice_whose(&never, calls).await;
    let id = sluice.place(&an_order()).await;
    let late = eventually("a charge", async || on_its_way.lock().unwrap().pop()).await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record.get("payment"), None, "nothing was taken");
    assert_eq!(double.ledger().await, [(format!("{id}/refund"), 410)]);

    let answer = double.client.send(late).await;
    assert_eq!(answer.status(), StatusCode::GONE, "{answer:?}");
    assert_eq!(double.ledger().await, [(format!("{id}/refund"), 410), (id, 410)]);
    assert!(on_its_way.lock().unwrap().is_empty(), "and Sluice sends no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_the_page_refuses_who_has_no_key_or_asks_for_what_it_does_not_know() {
    let folder = TempDir::new().unwrap();
    let Some(double) = Double::start(folder.path()) else { return };
    let stranger = Request::post("/charges").header("idempotency-key", "a");
    let answer = double.client.send(stranger.body(Bytes::from(charge("a", 500).to_string())).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(double.post("/voids", "a", &charge("a", 500)).await.0, 404);
    for body in [json!([]), json!("a"), json!({}), json!({"order_id": 1}), json!({"order_id": "a", "payment": "tok"})] {
        assert_eq!(double.post("/charges", "a", &body).await.0, 400, "{body}");
    }
    assert!(double.ledger().await.is_empty());
}
