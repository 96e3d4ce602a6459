//! Where a scenario is played: the application that runs, who is subscribed, and what can be done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use order::{OrderId, Timestamp, queues};
use queue::{Accept, Claim, Side, Stock};
use serde_json::Value;

use super::bench::{Bench, ENDED, LONG_AGO_MS, PATIENCE};
use super::model::{Ending, Model, Promise, Subscriber};
use super::world::{Event, Told};
use crate::harness::{Endpoint, PaymentProvider, Reaction, Sluice, an_order, json, signed_word};

/// How often a request is sent that gets no answer. A run crashes once, and the shop's door opens at once again.
const TRIES: usize = 5;

pub(crate) const OPERATOR_KEY: &str = "0123456789abcdef";

pub(crate) struct Stage<'b> {
    pub(crate) bench: &'b Bench,
    /// Those that run now. Requests go to the first.
    pub(crate) hosts: Vec<Sluice>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) provider: Option<PaymentProvider>,
    model: Mutex<Model>,
}

/// A subscribed endpoint.
pub(crate) struct Listener {
    name: &'static str,
    manner: Manner,
    mended: Arc<AtomicBool>,
    pub(crate) endpoint: Endpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes everything.
    Good,
    /// Answers 500, until it is mended.
    Failing,
}

impl Listener {
    pub(crate) async fn start(name: &'static str, manner: Manner) -> Self {
        let mended = Arc::new(AtomicBool::new(manner == Manner::Good));
        let takes = mended.clone();
        let behave = move |_| match takes.load(Ordering::SeqCst) {
            true => Reaction::Answer(StatusCode::NO_CONTENT),
            false => Reaction::Answer(StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self { name, manner, mended, endpoint: Endpoint::behaving(name, behave).await }
    }
}

impl<'b> Stage<'b> {
    pub(crate) fn new(bench: &'b Bench, listeners: Vec<Listener>, provider: Option<PaymentProvider>) -> Self {
        Self { bench, hosts: Vec::new(), listeners, provider, model: Mutex::default() }
    }

    /// What was promised so far.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was promised, once nothing more happens.
    pub(crate) fn promised(&self) -> Model {
        let mut model = self.model().clone();
        let subscribers = self.listeners.iter().map(|listener| Subscriber {
            name: listener.name,
            refused: listener.manner == Manner::Failing,
            takes: listener.mended.load(Ordering::SeqCst),
        });
        model.subscribers = subscribers.collect();
        model
    }

    /// What was told.
    pub(crate) fn told(&self) -> Told {
        let told = self.listeners.iter().map(|listener| {
            let deliveries = listener.endpoint.deliveries().into_iter();
            (listener.name, deliveries.map(Event::from).collect())
        });
        told.collect()
    }

    /// An endpoint that failed takes everything from now on.
    pub(crate) fn mend(&self, name: &str) {
        let listener = self.listeners.iter().find(|listener| listener.name == name).expect("it is subscribed");
        listener.mended.store(true, Ordering::SeqCst);
    }

    /// The order must end so.
    pub(crate) fn expect(&self, id: &str, ending: Ending) {
        self.model().orders.insert(id.to_owned(), ending);
    }

    /// The payment provider fails for all in the meantime, which is one incident.
    pub(crate) fn expect_outage(&self) {
        self.model().outages = 1;
    }

    /// So many pieces of an article are there, before anyone ordered.
    pub(crate) async fn stock(&self, sku: &str, pieces: u64) {
        let stock = Stock::new(&self.bench.native, &self.bench.namespace);
        stock.set(sku, pieces).await.expect("Redis is up");
        self.model().stock.insert(sku.to_owned(), pieces);
    }

    /// Sends an order as a shop does: until there is an answer, with the same key. Gives its id.
    pub(crate) async fn place(&self, key: &str) -> String {
        self.send(key, &order_of(key)).await
    }

    /// The same with an order that says how it is paid for.
    pub(crate) async fn place_paid(&self, key: &str, payment: Value) -> String {
        let mut order = order_of(key);
        order["payment"] = payment;
        self.send(key, &order).await
    }

    async fn send(&self, key: &str, order: &Value) -> String {
        let answer = self.insist(|| post(key, order)).await;
        let id = answer
            .as_ref()
            .filter(|answer| answer.status() == StatusCode::ACCEPTED)
            .map(|answer| json(answer)["id"].clone());
        let Some(Value::String(id)) = id else {
            self.model().breaks(Promise::Kept, format!("the order {key:?} was good, and was answered with {answer:?}"));
            return String::new();
        };
        self.model().accepted(key, &id);
        id
    }

    /// Sends another order under a key that was used before.
    pub(crate) async fn misuse(&self, key: &str) {
        let answer = self.insist(|| post(key, &order_of("another"))).await;
        if answer.as_ref().map(Response::status) != Some(StatusCode::UNPROCESSABLE_ENTITY) {
            let what = format!("the key {key:?} was used for another order, and that was answered with {answer:?}");
            self.model().breaks(Promise::Once, what);
        }
    }

    /// Asks for a change of an order, as support does: until there is an answer.
    pub(crate) async fn ask(&self, id: &str, change: &str) {
        let request = || {
            let request = Request::post(format!("/orders/{id}/{change}"));
            let request = request.header("authorization", format!("Bearer {OPERATOR_KEY}"));
            request.body(Bytes::new()).expect("a request")
        };
        let answer = self.insist(request).await;
        let status = answer.as_ref().map(Response::status);
        if !matches!(status, Some(StatusCode::OK | StatusCode::ACCEPTED)) {
            self.model()
                .breaks(Promise::Kept, format!("order {id} was to {change}, and that was answered with {answer:?}"));
        }
    }

    /// Has it taken out who the order's customer is: asks until there is an answer.
    pub(crate) async fn erase(&self, id: &str) {
        let request = || {
            let request = Request::delete(format!("/orders/{id}/personal-data"));
            let request = request.header("authorization", format!("Bearer {OPERATOR_KEY}"));
            request.body(Bytes::new()).expect("a request")
        };
        let answer = self.insist(request).await;
        if !matches!(answer.as_ref().map(Response::status), Some(StatusCode::OK | StatusCode::ACCEPTED)) {
            self.model().breaks(Promise::Kept, format!("{id} was to be erased, and that was answered with {answer:?}"));
        }
    }

    /// All orders that have ended did so long ago.
    pub(crate) async fn age_the_ended(&self) {
        let mut queues = self.bench.queues.clone();
        let entries: Vec<(String, (String, Vec<u8>))> =
            redis::cmd("XRANGE").arg(ENDED).arg("-").arg("+").query_async(&mut queues).await.expect("Redis is up");
        let mut aged = redis::pipe();
        aged.atomic().cmd("DEL").arg(ENDED).ignore();
        for (n, (_, (field, subjects))) in entries.into_iter().enumerate() {
            aged.cmd("XADD").arg(ENDED).arg(format!("{LONG_AGO_MS}-{n}")).arg(field).arg(subjects).ignore();
        }
        aged.exec_async(&mut queues).await.expect("Redis is up");
    }

    /// Wakes whoever works on orders, though nothing was accepted just now.
    pub(crate) async fn ring(&self) {
        self.still_the_doorbell().await;
        self.bench.queue(queues::PLACED).ring().await.expect("Redis is up");
    }

    /// Waits until the order has this status.
    pub(crate) async fn until(&self, id: &str, status: &str) {
        let request = || Request::get(format!("/orders/{id}")).body(Bytes::new()).expect("a request");
        // Not by `eventually`, whose closure is not known to be Send for every lifetime.
        while self.insist(request).await.is_none_or(|answer| json(&answer)["status"] != status) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The payment provider sends word of an order: until there is an answer.
    pub(crate) async fn hear(&self, id: &str) {
        let answer = self.insist(|| signed_word(id)).await;
        if answer.as_ref().map(Response::status) != Some(StatusCode::ACCEPTED) {
            self.model().breaks(Promise::Kept, format!("a word of {id} was answered with {answer:?}"));
        }
    }

    /// Asks the desk for something, as a person does: until there is an answer.
    pub(crate) async fn desk(&self, path: &str, body: Value) {
        let request = || {
            let request = Request::post(path).header("authorization", format!("Bearer {OPERATOR_KEY}"));
            request.body(body.to_string().into()).expect("a request")
        };
        let answer = self.insist(request).await;
        if answer.as_ref().map(Response::status) != Some(StatusCode::OK) {
            self.model().breaks(Promise::Kept, format!("{path} with {body} was answered with {answer:?}"));
        }
    }

    /// Puts a message into the queue that no release ever wrote, under an order's id, which it gives.
    pub(crate) async fn place_unreadable(&self) -> String {
        let id = OrderId::new(Timestamp::from_ms(1_795_000_000_000), *b"unreadable");
        let payload = b"{\"v\":1,\xff".to_vec();
        let message = Accept::new(id.as_bytes().into(), payload.into());
        self.bench.queue(queues::PLACED).accept(message).await.expect("Redis is up");
        id.to_string()
    }

    /// The order that was placed under this key.
    pub(crate) fn id_of(&self, key: &str) -> String {
        self.model().keys.get(key).cloned().unwrap_or_default()
    }

    /// Has Redis forget its scripts, as a restart does.
    pub(crate) async fn forget_scripts(&self) {
        self.bench.redis.tell(&["SCRIPT", "FLUSH"]).await;
    }

    /// Leases all orders that wait to a worker that will never settle them.
    pub(crate) async fn lease_to_a_dead_worker(&self) {
        let claim = Claim {
            most: 100,
            most_bytes: 1 << 20,
            max_crashes: 100,
            worker: "the dead",
            number: 0,
            again: false,
            silence: true,
            side: Side::Alone,
            places: usize::MAX,
        };
        let queue = self.bench.queue(queues::PLACED);
        assert!(!queue.claim(&claim).await.expect("Redis is up").is_empty(), "there is something to lease");
    }

    /// The last sign of life of that worker: the lease of one order is renewed once more.
    pub(crate) async fn renew_for_a_dead_worker(&self, key: &str) {
        let id: OrderId = self.id_of(key).parse().expect("an order id");
        let renewed = self.bench.queue(queues::PLACED).renew(&[(&id.as_bytes().into(), 1)]).await.expect("Redis is up");
        assert_eq!(renewed, [true], "nobody else has it yet");
    }

    /// Makes the doorbell still, as it is a moment after it was rung and nobody came.
    pub(crate) async fn still_the_doorbell(&self) {
        self.bench.redis.tell(&["DEL", "{orders}:placed:bell"]).await;
    }

    /// Sends a request until it is answered by anything that says whether it was done.
    async fn insist(&self, request: impl Fn() -> Request<Bytes>) -> Option<Response<Bytes>> {
        for _ in 0..TRIES {
            let answer = tokio::time::timeout(PATIENCE, self.hosts[0].client.try_send(request())).await;
            match answer {
                Ok(Ok(answer)) if !answer.status().is_server_error() => return Some(answer),
                _ => {}
            }
        }
        None
    }
}

/// How many pieces of an article each order wants.
pub(crate) fn wanted(sku: &str) -> u64 {
    let order = an_order();
    let lines = order["lines"].as_array().expect("an order has lines");
    lines.iter().filter(|line| line["sku"] == sku).filter_map(|line| line["quantity"].as_u64()).sum()
}

/// An order that is told from others by what its shop calls it.
fn order_of(reference: &str) -> Value {
    let mut order = an_order();
    order["reference"] = reference.into();
    order
}

fn post(key: &str, body: &Value) -> Request<Bytes> {
    let request = Request::post("/orders").header("content-type", "application/json").header("idempotency-key", key);
    request.body(body.to_string().into()).expect("a request")
}
