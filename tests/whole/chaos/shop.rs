//! Shops: they send orders at a steady rate, and again with the same key when no answer came or a bad one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::model::{Attempt, Posted, Read, Regret};
use crate::harness::Client;

/// Shops at the same time.
pub(crate) const SHOPS: usize = 12;
/// How long a shop waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a shop sends one order before it gives up and doesn't know.
const TRIES: usize = 8;
/// The longest pause between two tries.
const PAUSE_MS: u64 = 400;

/// The addresses at which orders are taken at this moment, as a load balancer knows them.
#[derive(Clone, Default)]
pub(crate) struct Doors(Arc<Mutex<BTreeMap<&'static str, Client>>>);

impl Doors {
    pub(crate) fn open(&self, host: &'static str, client: Client) {
        self.0.lock().expect("no panic").insert(host, client);
    }

    pub(crate) fn close(&self, host: &'static str) {
        self.0.lock().expect("no panic").remove(host);
    }

    pub(crate) fn of(&self, host: &str) -> Option<Client> {
        self.0.lock().expect("no panic").get(host).cloned()
    }

    fn choose(&self, chance: &mut fastrand::Rng) -> Option<(&'static str, Client)> {
        let doors = self.0.lock().expect("no panic");
        chance.choice(doors.iter()).map(|(host, client)| (*host, client.clone()))
    }
}

/// What a shop has at hand.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) doors: Doors,
    pub(crate) begun: Instant,
    pub(crate) chance: fastrand::Rng,
    pub(crate) habits: Habits,
}

/// How shops trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Each shop sends an order this often, if the one before is settled.
    pub(crate) period: Duration,
    /// Accepted orders of a hundred that are cancelled at once.
    pub(crate) regrets: u8,
}

impl Shop {
    /// All shops at work until `end`. `told` hears of each order when its shop is done with it.
    pub(crate) async fn trade(&mut self, end: Instant, told: impl Fn(&Posted) + Sync) -> Vec<Posted> {
        let told = &told;
        let shops = (0..SHOPS).map(|number| {
            let mut shop = Self { chance: self.chance.fork(), ..self.clone() };
            async move {
                let mut posted = Vec::new();
                let mut ticks = tokio::time::interval(shop.habits.period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while Instant::now() < end {
                    ticks.tick().await;
                    posted.push(shop.order(&format!("shop{number}-{}", posted.len())).await);
                    told(&posted[posted.len() - 1]);
                }
                posted
            }
        });
        join_all(shops).await.concat()
    }

    /// Sends one order until it is settled, or as often as it has the patience.
    async fn order(&mut self, reference: &str) -> Posted {
        let body = an_order(reference, &mut self.chance);
        let mut posted = Posted {
            reference: reference.to_owned(),
            body,
            is_poison: false,
            attempts: Vec::new(),
            regret: Regret::None,
        };
        // Without a key nothing may be sent twice.
        let with_key = self.chance.u8(0..10) > 0;
        let key = with_key.then_some(reference);
        let tries = if with_key { TRIES } else { 1 };
        while posted.id().is_none() && posted.attempts.len() < tries {
            self.send_once(&mut posted, key).await;
            if posted.id().is_none() {
                tokio::time::sleep(Duration::from_millis(self.chance.u64(0..PAUSE_MS))).await;
            }
        }
        // A shop whose own database failed just then sends it again.
        if with_key && self.chance.u8(0..20) == 0 {
            self.send_once(&mut posted, key).await;
        }
        if self.chance.u8(0..100) < self.habits.regrets {
            self.cancel(&mut posted).await;
        }
        posted
    }

    /// Has an order cancelled that was accepted.
    async fn cancel(&mut self, posted: &mut Posted) {
        let Some(path) = posted.id().map(|id| format!("/orders/{id}/cancel")) else { return };
        for _ in 0..TRIES {
            posted.regret = Regret::Asked;
            let request = Request::post(&path).body(Bytes::new()).expect("a request");
            if let Some((_, client)) = self.doors.choose(&mut self.chance)
                && let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, client.try_send(request)).await
            {
                match answer.status() {
                    StatusCode::ACCEPTED | StatusCode::OK => return posted.regret = Regret::Accepted,
                    // It is rejected already.
                    StatusCode::CONFLICT => return,
                    _ => {}
                }
            }
            tokio::time::sleep(Duration::from_millis(self.chance.u64(0..PAUSE_MS))).await;
        }
    }

    /// Sends an order to any open door, and notes what was read.
    async fn send_once(&mut self, posted: &mut Posted, key: Option<&str>) {
        let sent = Instant::now();
        let (host, read) = match self.doors.choose(&mut self.chance) {
            Some((host, client)) => (host, post(&client, &posted.body, key).await),
            None => ("nobody", Read::Nothing("no host is up".to_owned())),
        };
        let at = sent.duration_since(self.begun);
        posted.attempts.push(Attempt { at, took: sent.elapsed(), host, read });
    }
}

/// Sends an order, and says what was read.
pub(crate) async fn post(client: &Client, body: &Value, key: Option<&str>) -> Read {
    let mut request = Request::post("/orders").header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(Bytes::from(body.to_string())).expect("a request");
    match tokio::time::timeout(PATIENCE, client.try_send(request)).await {
        Ok(Ok(response)) => read(&response),
        Ok(Err(error)) => Read::Nothing(error),
        Err(_) => Read::Nothing("timed out".to_owned()),
    }
}

fn read(response: &Response<Bytes>) -> Read {
    let body: Option<Value> = serde_json::from_slice(response.body()).ok();
    let id = body.as_ref().and_then(|body| body["id"].as_str());
    match (response.status(), id) {
        (StatusCode::ACCEPTED, Some(id)) => {
            Read::Accepted { id: id.to_owned(), replayed: response.headers().contains_key("idempotency-replayed") }
        }
        (status, _) => {
            Read::Refused { status: status.as_u16(), text: String::from_utf8_lossy(response.body()).into_owned() }
        }
    }
}

/// The one article of which there is not enough for everybody.
pub(crate) const SCARCE: &str = "SKU-4";

/// An order of any size that is in order. One in five wants some of the scarce article.
pub(crate) fn an_order(reference: &str, chance: &mut fastrand::Rng) -> Value {
    let lines = (0..chance.u32(1..6)).map(|line| {
        json!({"sku": format!("SKU-{line}"), "quantity": chance.u32(1..10), "unit_price": chance.u32(1..10_000)})
    });
    let lines = Value::from_iter(lines);
    let note = "x".repeat(if chance.u8(0..20) == 0 { 1900 } else { chance.usize(0..50) });
    json!({
        "reference": reference,
        "customer": {"email": "ada@example.com"},
        "currency": "EUR",
        "lines": lines,
        "note": format!("note {note}"),
    })
}
