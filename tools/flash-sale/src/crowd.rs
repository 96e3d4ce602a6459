//! The crowd: sends its orders from many connections at once, each as soon as the one before is answered, and again
//! with the same key where no answer comes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use harness::Client;
use hdrhistogram::Histogram;
use http::{Request, Response, StatusCode};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::Sale;
use crate::shop::SKU;

/// How often an order is sent before its buyer gives up.
const TRIES: usize = 10;

/// What the crowd saw.
pub(crate) struct Crowd {
    /// The ids in the 202s that were read.
    pub(crate) accepted: Vec<String>,
    /// Orders without an answer.
    pub(crate) unanswered: usize,
    /// Times to a 202, in µs.
    pub(crate) latency: Histogram<u64>,
    pub(crate) taken: Duration,
}

impl Crowd {
    pub(crate) async fn buy(client: &Client, sale: &Sale, bar: ProgressBar) -> Self {
        let (next, begun) = (AtomicUsize::new(0), Instant::now());
        let buyers = (0..sale.connections).map(|_| buyer(client, &next, sale.orders, &bar));
        let bought: Vec<Bought> = join_all(buyers).await.into_iter().flatten().collect();
        bar.finish();
        let mut latency = Histogram::new(3).expect("three digits are few enough");
        let accepted = bought.iter().filter_map(|(id, _)| id.clone()).collect::<Vec<_>>();
        for (_, micros) in bought.iter().filter(|(id, _)| id.is_some()) {
            latency.record(*micros).expect("the histogram grows");
        }
        Self { unanswered: bought.len() - accepted.len(), accepted, latency, taken: begun.elapsed() }
    }
}

/// The order's id, if there was one, and how long the answer took, in µs.
type Bought = (Option<String>, u64);

async fn buyer(client: &Client, next: &AtomicUsize, orders: usize, bar: &ProgressBar) -> Vec<Bought> {
    let mut bought = Vec::new();
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= orders {
            return bought;
        }
        bought.push(buy(client, n).await);
        bar.inc(1);
    }
}

async fn buy(client: &Client, n: usize) -> Bought {
    let begun = Instant::now();
    for _ in 0..TRIES {
        match client.try_send(order(n)).await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                return (id(&answer), begun.elapsed().as_micros() as u64);
            }
            // Whoever is told to wait, or told nothing, asks again with the same key.
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    (None, 0)
}

fn order(n: usize) -> Request<Bytes> {
    let order = json!({
        "reference": format!("sale-{n}"),
        "customer": {"email": format!("buyer-{n}@example.com")},
        "currency": "EUR",
        "lines": [{"sku": SKU, "quantity": 1, "unit_price": 1990}],
    });
    let request = Request::post("/orders").header("content-type", "application/json");
    let request = request.header("idempotency-key", format!("sale-{n}"));
    request.body(order.to_string().into()).expect("a request")
}

fn id(answer: &Response<Bytes>) -> Option<String> {
    serde_json::from_slice::<Value>(answer.body()).ok()?["id"].as_str().map(str::to_owned)
}
