//! What there is in the end: orders, events, queues, and every key behind them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::StatusCode;
use order::{OrderId, queues};
use queue::limits::AT_ONCE;
use queue::{DeadLetter, END_OF_TIME, ListOf, Listing};
use redis::{AsyncCommands, FromRedisValue};

use super::bench::Bench;
use crate::harness::{Delivery, Ledger};

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// By order: which of its records is the present one.
    pub(crate) heads: BTreeMap<String, String>,
    /// By key, without the change marker.
    pub(crate) records: BTreeMap<String, Vec<u8>>,
    /// By order: what `GET` answers.
    pub(crate) shown: BTreeMap<String, (StatusCode, Bytes)>,
    /// The orders in the list of all, in turn.
    pub(crate) listed: Vec<String>,
    /// The events of the log, in turn.
    pub(crate) log: Vec<Event>,
    pub(crate) told: Told,
    /// By queue or lane.
    pub(crate) queues: BTreeMap<String, Contents>,
    pub(crate) totals: BTreeMap<String, u64>,
    /// By article: the pieces that are left.
    pub(crate) left: BTreeMap<String, i64>,
    /// By article: the pieces that orders hold.
    pub(crate) held: BTreeMap<String, i64>,
    /// The orders that hold any.
    pub(crate) holders: BTreeSet<String>,
    /// How many idempotency keys are remembered, and how many of them are to be forgotten some day.
    pub(crate) seen: (usize, usize),
    /// What the payment provider knows.
    pub(crate) ledger: Ledger,
    /// Keys that nothing of ours should have written.
    pub(crate) strange_keys: Vec<String>,
}

/// An event's id and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) bytes: Bytes,
}

/// The messages of a queue or lane, by the places where something is kept of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) due: BTreeSet<String>,
    pub(crate) body: BTreeSet<String>,
    pub(crate) deliveries: BTreeSet<String>,
    pub(crate) history: BTreeSet<String>,
    pub(crate) why: BTreeSet<String>,
    pub(crate) discarded: BTreeSet<String>,
    /// Follow-ups and whom they follow.
    pub(crate) lines: BTreeSet<String>,
    pub(crate) letters: BTreeMap<String, DeadLetter>,
}

/// Dead letters of one queue. No scenario makes nearly so many.
const MOST_LETTERS: usize = 1000;

const PREFIX: &str = "{orders}:";
const MARKER: &str = order::CHANGE_MARKER;

impl World {
    /// Reads all of it. `known` are orders that need not have left anything behind.
    pub(crate) async fn read(bench: &Bench, known: impl Iterator<Item = String>, told: Told, ledger: Ledger) -> Self {
        let mut world = Self { told, ledger, ..Self::default() };
        world.read_queues(bench).await;
        world.read_store(bench).await;
        let orders: BTreeSet<String> = world.heads.keys().cloned().chain(known).collect();
        for id in orders {
            let answer = bench.window.client.get(&format!("/orders/{id}")).await;
            world.shown.insert(id, (answer.status(), answer.into_body()));
        }
        world
    }

    async fn read_queues(&mut self, bench: &Bench) {
        let keys: Vec<String> = ask(bench, "KEYS", &["*"]).await;
        for key in keys {
            let part = key.strip_prefix(PREFIX).unwrap_or_default();
            match part.rsplit_once(':') {
                None => self.read_shared(bench, &key, part).await,
                Some(("seen:order", _)) => self.seen.1 += ask::<usize>(bench, "LLEN", &[&key]).await,
                Some(("seen", "lists")) => {}
                Some((index, _)) if index.starts_with("tagged:") || index == "made" => {}
                Some(("stock", "held")) => self.held = ask(bench, "HGETALL", &[&key]).await,
                Some((queue, part)) => self.read_queue(bench, &key, queue, part).await,
            }
        }
    }

    /// What is kept once for all queues.
    async fn read_shared(&mut self, bench: &Bench, key: &str, part: &str) {
        match part {
            "head" => {
                let heads: Vec<(Vec<u8>, String)> = ask(bench, "HGETALL", &[key]).await;
                self.heads = heads.into_iter().map(|(id, head)| (shown(&id), head)).collect();
            }
            "made" => self.listed = listed(bench).await,
            // What Redis's clock showed, and those of its callers.
            "clock" | "clocks" => {}
            "totals" => self.totals = ask(bench, "HGETALL", &[key]).await,
            "stock" => self.left = ask(bench, "HGETALL", &[key]).await,
            "held" => self.holders = members(bench, "HKEYS", &[key]).await,
            // Whom the orders asked that are not decided.
            "asked" => {}
            // Whom they ask, and how that one fares.
            "partners" => {}
            // Orders that may be removed some day.
            "final" => {}
            "seen" => self.seen.0 = ask(bench, "HLEN", &[key]).await,
            "log" => {
                type Entry = (String, (String, String, String, Vec<u8>));
                let entries: Vec<Entry> = ask(bench, "XRANGE", &[key, "-", "+"]).await;
                let event = |(_, (_, id, _, event)): Entry| Event { id, bytes: event.into() };
                self.log = entries.into_iter().map(event).collect();
            }
            _ => self.strange_keys.push(key.to_owned()),
        }
    }

    async fn read_queue(&mut self, bench: &Bench, key: &str, queue: &str, part: &str) {
        let contents = self.queues.entry(queue.to_owned()).or_default();
        match part {
            "due" => contents.due = members(bench, "ZRANGE", &[key, "0", "-1"]).await,
            "body" => contents.body = members(bench, "HKEYS", &[key]).await,
            "deliveries" => contents.deliveries = members(bench, "HKEYS", &[key]).await,
            "history" => contents.history = members(bench, "HKEYS", &[key]).await,
            "why" => contents.why = members(bench, "HKEYS", &[key]).await,
            "discarded" => contents.discarded = members(bench, "HKEYS", &[key]).await,
            "dead" => {
                let letters = bench.queue(queue).dead_letters(0, MOST_LETTERS).await.expect("Redis is up");
                contents.letters = letters.into_iter().map(|letter| (shown(&letter.id), letter)).collect();
            }
            // They come and go by themselves, or name what there is.
            "bell" | "timer" | "guard" | "turn" | "rearmed" | "lanes" | "subscribers" | "copiers" => {}
            "subject" | "line" => contents.lines.extend(members(bench, "HKEYS", &[key]).await),
            _ => self.strange_keys.push(key.to_owned()),
        }
    }

    async fn read_store(&mut self, bench: &Bench) {
        let mut store = bench.store.clone();
        let keys: Vec<String> = store.keys("*").await.expect("Redis is up");
        for key in keys {
            match key.starts_with("order/") {
                true => _ = self.records.insert(key.clone(), store.get(&key).await.expect("Redis is up")),
                false if key != MARKER => self.strange_keys.push(key),
                false => {}
            }
        }
    }

    /// The records to which no head points.
    pub(crate) fn superseded(&self) -> usize {
        let is_present = |key: &&String| self.heads.iter().any(|(id, head)| **key == format!("order/{id}/{head}"));
        self.records.len() - self.records.keys().filter(is_present).count()
    }
}

/// By endpoint: what it was sent, in turn.
pub(crate) type Told = BTreeMap<&'static str, Vec<Event>>;

impl From<Delivery> for Event {
    /// Its signature must be right.
    fn from(delivery: Delivery) -> Self {
        let id = delivery.event()["id"].as_str().expect("an event has an id").to_owned();
        Self { id, bytes: delivery.body }
    }
}

async fn ask<T: FromRedisValue>(bench: &Bench, command: &str, arguments: &[&str]) -> T {
    let answer = redis::cmd(command).arg(arguments).query_async(&mut bench.queues.clone()).await;
    answer.unwrap_or_else(|error| panic!("{command} {arguments:?}: {error}"))
}

async fn listed(bench: &Bench) -> Vec<String> {
    let all = Listing { of: ListOf::All, from: 0, till: END_OF_TIME };
    let listed = bench.queue(queues::PLACED).list(&all, None, AT_ONCE).await.expect("Redis is up");
    assert!(listed.len() < AT_ONCE, "no scenario makes nearly so many orders");
    listed.iter().map(|(id, _)| shown(id)).collect()
}

async fn members(bench: &Bench, command: &str, arguments: &[&str]) -> BTreeSet<String> {
    let members: Vec<Vec<u8>> = ask(bench, command, arguments).await;
    members.iter().map(|id| shown(id)).collect()
}

/// Order ids are kept as 16 bytes and shown as UUIDs; event ids are text.
pub(crate) fn shown(id: &[u8]) -> String {
    OrderId::from_slice(id).map_or_else(|| String::from_utf8_lossy(id).into_owned(), |id| id.to_string())
}
