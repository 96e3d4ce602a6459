//! What there is in the end: the orders behind the API and before it, the events, the queues.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::Request;
use order::{OrderId, RecordName, queues};
use queue::native::Native;
use queue::{DeadLetter, Namespace, Queue, Timing};
use redis::aio::MultiplexedConnection;
use serde_json::Value;

use super::cluster::{Cluster, HOSTS};
use super::endpoints::{Manner, Told};
use super::shop::SCARCE;
use crate::harness::Client;

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// By id: every order that has a record, a dead letter, or was named in a 202.
    pub(crate) orders: BTreeMap<String, Kept>,
    /// The events of the log, in order: id and bytes.
    pub(crate) log: Vec<(String, Vec<u8>)>,
    /// By event id: what anyone was told.
    pub(crate) told: BTreeMap<String, Bytes>,
    /// What no endpoint should have seen.
    pub(crate) told_wrongly: Vec<String>,
    /// Each endpoint.
    pub(crate) endpoints: Vec<Subscriber>,
    /// Messages left in each queue and lane.
    pub(crate) left: BTreeMap<String, u64>,
    /// Changes that were buried before they reached any lane.
    pub(crate) changes_buried: Vec<String>,
    /// The queue's own counters.
    pub(crate) totals: BTreeMap<String, u64>,
    /// The scarce article.
    pub(crate) stock: Stock,
}

/// Pieces of an article.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) at_first: u64,
    pub(crate) available: i64,
    pub(crate) held: i64,
}

/// An order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Its record, if a head points to one: the head, and the bytes in the store.
    pub(crate) record: Option<(String, Vec<u8>)>,
    /// Its records to which no head points.
    pub(crate) superseded: usize,
    /// Its message, if that was given up.
    pub(crate) dead: Option<DeadLetter>,
    /// Status and body of the answer to `GET`.
    pub(crate) shown: Option<(u16, Value)>,
}

/// An endpoint, and what became of the events for it.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) name: String,
    pub(crate) manner: Manner,
    pub(crate) told: BTreeMap<String, Told>,
    pub(crate) dead: Vec<DeadLetter>,
}

/// Dead letters in one reading.
const PAGE: usize = 1000;
/// Requests at the same time.
const READERS: usize = 16;

/// A connection for the verbs of the queues.
pub(crate) struct Queues {
    connection: Native,
    namespace: Namespace,
}

impl Queues {
    pub(crate) async fn connect(cluster: &Cluster) -> Self {
        let connection = Native::connect(&cluster.redis_url).await.expect("Redis is up");
        Self { connection, namespace: Namespace::new("{orders}").expect("a namespace") }
    }

    fn queue(&self, name: &str) -> Queue<'_, Native> {
        let timing = Timing { lease: Duration::from_secs(1), log_retention: Duration::from_secs(1) };
        Queue::new(&self.connection, &self.namespace, name, timing)
    }

    /// Messages left in each queue and lane, read in the direction in which they flow.
    pub(crate) async fn left(&self, lanes: &[String]) -> BTreeMap<String, u64> {
        let names = [queues::PLACED, queues::CHANGES].map(str::to_owned).into_iter().chain(lanes.iter().cloned());
        let mut left = BTreeMap::new();
        for name in names {
            let stats = self.queue(&name).stats().await.expect("Redis is up");
            left.insert(name, stats.visible + stats.invisible);
        }
        left
    }

    async fn dead(&self, name: &str) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        loop {
            let page = self.queue(name).dead_letters(letters.len(), PAGE).await.expect("Redis is up");
            if page.is_empty() {
                return letters;
            }
            letters.extend(page);
        }
    }
}

/// The lane of an endpoint.
pub(crate) fn lane(endpoint: &str) -> String {
    format!("{}.{endpoint}", queues::CHANGES)
}

impl World {
    /// Reads all of it. `known` are ids that shops read in a 202, `pieces` what there was of the scarce article.
    pub(crate) async fn read(cluster: &Cluster, known: impl Iterator<Item = String>, pieces: u64) -> Self {
        let behind = Queues::connect(cluster).await;
        let [mut placed, mut store] =
            [cluster.connect(0).await, cluster.connect(1).await].map(|it| it.expect("Redis is up"));
        let mut world = Self { totals: totals(&mut placed).await, log: log(&mut placed).await, ..Self::default() };
        world.orders = known.map(|id| (id, Kept::default())).collect();
        world.read_records(&mut placed, &mut store).await;
        for letter in behind.dead(queues::PLACED).await {
            let id = shown(&letter.id);
            world.orders.entry(id).or_default().dead = Some(letter);
        }
        world.read_answers(&cluster.doors.of(HOSTS[0]).expect("it is up")).await;
        world.read_endpoints(cluster, &behind).await;
        let stock = cluster.desk("GET", &format!("/stock/{SCARCE}"), Value::Null).await;
        let count = |field: &str| stock[field].as_i64().expect("a number of pieces");
        world.stock = Stock { at_first: pieces, available: count("available"), held: count("held") };
        world
    }

    async fn read_records(&mut self, placed: &mut MultiplexedConnection, store: &mut MultiplexedConnection) {
        let heads: Vec<(Vec<u8>, Vec<u8>)> =
            redis::cmd("HGETALL").arg("{orders}:head").query_async(placed).await.expect("Redis is up");
        for (id, head) in heads {
            let id = OrderId::from_slice(&id).expect("a head belongs to an order");
            let key = RecordName::parse(&head).expect("a head is a version and a delivery").key(id);
            let record: Option<Vec<u8>> = redis::cmd("GET").arg(key).query_async(store).await.expect("Redis is up");
            let head = String::from_utf8_lossy(&head).into_owned();
            self.orders.entry(id.to_string()).or_default().record = Some((head, record.unwrap_or_default()));
        }
        let keys: Vec<String> = redis::cmd("KEYS").arg("order/*").query_async(store).await.expect("Redis is up");
        for key in keys {
            let (id, head) = key["order/".len()..].split_once('/').expect("a key is an id and a head");
            let order = self.orders.entry(id.to_owned()).or_default();
            let is_present = order.record.as_ref().is_some_and(|(present, _)| present == head);
            order.superseded += usize::from(!is_present);
        }
    }

    async fn read_answers(&mut self, client: &Client) {
        let answers = stream::iter(self.orders.iter_mut()).for_each_concurrent(READERS, async |(id, order)| {
            let request = Request::get(format!("/orders/{id}")).body(Bytes::new()).expect("a request");
            let answer = client.send(request).await;
            let body = serde_json::from_slice(answer.body()).unwrap_or_default();
            order.shown = Some((answer.status().as_u16(), body));
        });
        answers.await;
    }

    async fn read_endpoints(&mut self, cluster: &Cluster, behind: &Queues) {
        for (name, manner, told) in cluster.endpoints.told() {
            let dead = behind.dead(&lane(name)).await;
            self.endpoints.push(Subscriber { name: name.to_owned(), manner, told, dead });
        }
        let lanes: Vec<String> = self.endpoints.iter().map(|endpoint| lane(&endpoint.name)).collect();
        self.left = behind.left(&lanes).await;
        self.changes_buried = behind.dead(queues::CHANGES).await.iter().map(|letter| text(&letter.id)).collect();
        let events = cluster.endpoints.events();
        self.told = events.bodies.iter().map(|(id, body)| (id.clone(), body.clone())).collect();
        self.told_wrongly.clone_from(&events.faults);
    }
}

async fn totals(placed: &mut MultiplexedConnection) -> BTreeMap<String, u64> {
    redis::cmd("HGETALL").arg("{orders}:totals").query_async(placed).await.expect("Redis is up")
}

/// The events of the log, in order: id and bytes.
pub(crate) async fn log(placed: &mut MultiplexedConnection) -> Vec<(String, Vec<u8>)> {
    type Entry = (String, (String, String, String, Vec<u8>));
    let range = ["{orders}:log", "-", "+"];
    let entries: Vec<Entry> = redis::cmd("XRANGE").arg(&range).query_async(placed).await.expect("Redis is up");
    entries.into_iter().map(|(_, (_, id, _, event))| (id, event)).collect()
}

/// The id of an order, as it is shown; it is kept as 16 bytes.
fn shown(id: &[u8]) -> String {
    OrderId::from_slice(id).map_or_else(|| text(id), |id| id.to_string())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
