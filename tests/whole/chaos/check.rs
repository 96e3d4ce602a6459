//! Every order compared with what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use queue::{Class, DeadLetter};
use serde_json::Value;

use super::model::{Posted, Read, Regret};
use super::shop::SCARCE;
use super::world::{Kept, Stock, Subscriber, World, text};

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Kept,
    Once,
    NotOversold,
    Told,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    /// Whose order, if it is about one.
    pub(crate) reference: Option<String>,
    pub(crate) what: String,
}

/// What became of the orders, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Orders for which a 202 was read. Each of them is one of the five that follow.
    pub(crate) accepted: usize,
    pub(crate) confirmed: usize,
    pub(crate) rejected: usize,
    pub(crate) cancelled: usize,
    pub(crate) dead_lettered: usize,
    pub(crate) lost: usize,
    /// Orders of which there are two.
    pub(crate) duplicated: usize,
    /// Pieces that were sold and never there.
    pub(crate) oversold: u64,
    /// Orders for which no shop read a 202.
    pub(crate) unanswered: usize,
    /// Those of them that were kept all the same.
    pub(crate) unanswered_kept: usize,
    /// Records to which no head points.
    pub(crate) superseded: usize,
}

/// Compares everything that was sent with everything that there is. The list is empty if every promise was kept.
pub(crate) fn check(posted: &[Posted], world: &World) -> (Tally, Vec<Broken>) {
    let mut check = Check { world, events: events_by_order(world), tally: Tally::default(), broken: Vec::new() };
    let orders = orders_by_reference(world);
    for posted in posted {
        let found = orders.get(posted.reference.as_str()).map_or(&[][..], Vec::as_slice);
        check.answers(posted);
        check.is_kept(posted, found);
        found.iter().for_each(|(id, kept)| check.order(posted, id, kept));
    }
    check.strangers(posted, &orders);
    check.events();
    check.queues();
    check.counters();
    check.stock();
    check.tally.superseded = world.orders.values().map(|kept| kept.superseded).sum();
    (check.tally, check.broken)
}

const COUNTERS: [&str; 4] = ["orders:confirmed", "orders:rejected", "orders:cancelled", "orders:needs_attention"];

struct Check<'w> {
    world: &'w World,
    events: BTreeMap<&'w str, Vec<&'w str>>,
    tally: Tally,
    broken: Vec<Broken>,
}

type Found<'w> = (&'w str, &'w Kept);

/// The orders that there are, by what their shops call them.
fn orders_by_reference(world: &World) -> BTreeMap<String, Vec<Found<'_>>> {
    let mut orders: BTreeMap<String, Vec<Found<'_>>> = BTreeMap::new();
    for (id, kept) in &world.orders {
        let from_record = kept.record().map(|mut record| record["reference"].take());
        let from_message = kept.dead.as_ref().map(|letter| json(&letter.payload)["order"]["reference"].take());
        if let Some(reference) = from_record.or(from_message) {
            orders.entry(reference.as_str().unwrap_or_default().to_owned()).or_default().push((id, kept));
        }
    }
    orders
}

/// The ids of events that tell of the payment provider begin so.
pub(crate) const PAYMENTS: &str = "payments";

/// The ids of the log's events of orders: each begins with the id of its order.
fn events_by_order(world: &World) -> BTreeMap<&str, Vec<&str>> {
    let mut events: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (event, _) in &world.log {
        let order = event.split('.').next().unwrap_or_default();
        if order == PAYMENTS {
            continue;
        }
        events.entry(order).or_default().push(event);
    }
    events
}

impl Kept {
    fn record(&self) -> Option<Value> {
        self.record.as_ref().map(|(_, record)| json(record))
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

impl Check<'_> {
    fn breaks(&mut self, promise: Promise, posted: Option<&Posted>, what: String) {
        self.broken.push(Broken { promise, reference: posted.map(|posted| posted.reference.clone()), what });
    }

    /// What a shop reads of one order must agree with itself.
    fn answers(&mut self, posted: &Posted) {
        let ids: BTreeSet<&str> = posted.ids().collect();
        if ids.len() > 1 {
            self.tally.duplicated += 1;
            self.breaks(Promise::Once, Some(posted), format!("one key was answered with several orders: {ids:?}"));
        }
        for attempt in &posted.attempts {
            if let Read::Refused { status: 400..=428 | 430..=499, .. } = attempt.read {
                self.breaks(Promise::Once, Some(posted), format!("a good order was refused: {attempt}"));
            }
        }
    }

    fn is_kept(&mut self, posted: &Posted, found: &[Found<'_>]) {
        match posted.id() {
            Some(id) => {
                self.tally.accepted += 1;
                if found.iter().all(|(found, _)| *found != id) {
                    self.tally.lost += 1;
                    let shown = self.world.orders.get(id).and_then(|kept| kept.shown.as_ref());
                    let what = format!("it was accepted as {id}, and ended nowhere; GET answers {shown:?}");
                    self.breaks(Promise::Kept, Some(posted), what);
                }
            }
            None => {
                self.tally.unanswered += 1;
                self.tally.unanswered_kept += usize::from(!found.is_empty());
            }
        }
        if found.len() > 1 {
            self.tally.duplicated += 1;
            let ids: Vec<_> = found.iter().map(|(id, _)| id).collect();
            self.breaks(Promise::Once, Some(posted), format!("it became several orders: {ids:?}"));
        }
    }

    /// An order ends in one state, and all that is said of it agrees with that.
    fn order(&mut self, posted: &Posted, id: &str, kept: &Kept) {
        let counts = posted.id() == Some(id);
        match (kept.record(), &kept.dead) {
            (Some(record), None) => self.decided(posted, id, kept, &record, counts),
            (None, Some(letter)) => self.given_up(posted, id, kept, letter, counts),
            _ => {
                self.tally.duplicated += 1;
                self.breaks(Promise::Once, Some(posted), "it has a record and a dead letter".to_owned());
            }
        }
    }

    fn decided(&mut self, posted: &Posted, id: &str, kept: &Kept, record: &Value, counts: bool) {
        match (record["status"].as_str(), posted.regret) {
            (Some("confirmed"), Regret::None | Regret::Asked) => self.tally.confirmed += usize::from(counts),
            (Some("rejected"), _) => self.tally.rejected += usize::from(counts),
            (Some("cancelled"), Regret::Asked | Regret::Accepted) => self.tally.cancelled += usize::from(counts),
            _ => self.breaks(Promise::Kept, Some(posted), format!("its record has another status: {record}")),
        }
        for field in ["reference", "customer", "currency", "lines", "note"] {
            if record[field] != posted.body[field] {
                self.breaks(Promise::Kept, Some(posted), format!("its record has another {field}: {record}"));
            }
        }
        if kept.shown != Some((200, record.clone())) {
            self.breaks(Promise::Kept, Some(posted), format!("GET answers {:?}, not its record {record}", kept.shown));
        }
        if posted.is_poison {
            self.breaks(Promise::Once, Some(posted), "it was decided, though a component traps on it".to_owned());
        }
        let versions = 1..=record["version"].as_u64().unwrap_or_default();
        let expected: Vec<String> = versions.map(|version| format!("{id}.{version}")).collect();
        self.is_told(posted, id, |events| events == expected, Some(record));
    }

    fn given_up(&mut self, posted: &Posted, id: &str, kept: &Kept, letter: &DeadLetter, counts: bool) {
        self.tally.dead_lettered += usize::from(counts);
        let status = kept.shown.as_ref().map(|(_, order)| &order["status"]);
        if status != Some(&Value::from("needs_attention")) {
            self.breaks(Promise::Kept, Some(posted), format!("it was given up, but GET answers {:?}", kept.shown));
        }
        if posted.is_poison && letter.why.class != Class::Crash {
            self.breaks(Promise::Kept, Some(posted), format!("a component traps on it, but it says {:?}", letter.why));
        }
        let expected = format!("{id}.attention.");
        self.is_told(posted, id, |events| matches!(events, [event] if event.starts_with(&expected)), None);
    }

    /// One event tells of each change of an order, the last one of its end, and every endpoint hears of them.
    fn is_told(&mut self, posted: &Posted, id: &str, expected: impl Fn(&[&str]) -> bool, record: Option<&Value>) {
        let events = self.events.get(id).cloned().unwrap_or_default();
        if !expected(&events) {
            let promise = if events.len() < 2 { Promise::Told } else { Promise::Once };
            let what = format!("one event should tell of each change, and there are {events:?}");
            return self.breaks(promise, Some(posted), what);
        }
        for event in &events {
            self.is_heard(posted, event, record.filter(|_| events.last() == Some(event)));
        }
    }

    fn is_heard(&mut self, posted: &Posted, event: &str, record: Option<&Value>) {
        let world = self.world;
        let logged = world.log.iter().find(|(id, _)| id == event).map(|(_, body)| body.as_slice());
        let told = world.told.get(event).map(|body| &body[..]);
        if told != logged {
            self.breaks(Promise::Told, Some(posted), format!("the event {event} was told otherwise than logged"));
        }
        if record.is_some_and(|record| json(logged.unwrap_or_default())["data"] != *record) {
            self.breaks(Promise::Told, Some(posted), format!("the event {event} carries another record"));
        }
        for endpoint in &world.endpoints {
            if let Err(what) = endpoint.heard_of(event) {
                self.breaks(Promise::Told, Some(posted), what);
            }
        }
    }

    /// Nothing may be there that nobody sent.
    fn strangers(&mut self, posted: &[Posted], orders: &BTreeMap<String, Vec<Found<'_>>>) {
        let sent: BTreeSet<&str> = posted.iter().map(|posted| posted.reference.as_str()).collect();
        for (reference, found) in orders.iter().filter(|(reference, _)| !sent.contains(reference.as_str())) {
            let ids: Vec<_> = found.iter().map(|(id, _)| id).collect();
            self.breaks(Promise::Once, None, format!("nobody sent an order {reference:?}, but there is {ids:?}"));
        }
    }

    /// Nothing may be told that did not happen.
    fn events(&mut self) {
        let world = self.world;
        let logged: BTreeSet<&str> = world.log.iter().map(|(id, _)| id.as_str()).collect();
        for event in world.told.keys().filter(|event| !logged.contains(event.as_str())) {
            self.breaks(Promise::Told, None, format!("the event {event} was told, but is not in the log"));
        }
        let ended = |id: &str| world.orders.get(id).is_some_and(|kept| kept.record.is_some() || kept.dead.is_some());
        let unfounded: Vec<_> = self.events.iter().filter(|(order, _)| !ended(order)).collect();
        if !unfounded.is_empty() {
            let what = format!("there are events of orders that have no end: {unfounded:?}");
            self.breaks(Promise::Told, None, what);
        }
        for fault in &world.told_wrongly {
            self.breaks(Promise::Told, None, fault.clone());
        }
        for event in &world.changes_buried {
            self.breaks(
                Promise::Told,
                None,
                format!("the event {event} was buried before any endpoint could hear of it"),
            );
        }
    }

    fn queues(&mut self) {
        for (queue, left) in self.world.left.iter().filter(|(_, left)| **left > 0) {
            let promise = if queue == order::queues::PLACED { Promise::Kept } else { Promise::Told };
            self.breaks(promise, None, format!("{left} messages are left in the queue {queue}"));
        }
    }

    /// What was counted in the same step as it was done must agree with what there is.
    fn counters(&mut self) {
        let mut expected = BTreeMap::from(COUNTERS.map(|counter| (counter, 0)));
        let mut count =
            |counter: &str, counts| *expected.get_mut(counter).expect("it is one of them") += u64::from(counts);
        for kept in self.world.orders.values() {
            let record = kept.record().unwrap_or_default();
            let [confirmed, rejected, cancelled] =
                ["confirmed", "rejected", "cancelled"].map(|it| record["status"] == it);
            count("orders:confirmed", confirmed || cancelled && record["version"] == 2);
            count("orders:rejected", rejected);
            count("orders:cancelled", cancelled);
            count("orders:needs_attention", kept.dead.is_some());
        }
        for (counter, expected) in expected {
            let counted = self.world.totals.get(counter).copied().unwrap_or(0);
            if counted != expected {
                self.breaks(Promise::Once, None, format!("{counter} counts {counted}, but there are {expected}"));
            }
        }
    }
}

impl Check<'_> {
    /// What is left and what is held is what there was, and nothing is held but for orders that may have it.
    fn stock(&mut self) {
        let Stock { at_first, available, held } = self.world.stock;
        let (mut sold, mut may_be_held) = (0, 0);
        for kept in self.world.orders.values() {
            let record = kept.record();
            let is_confirmed = record.as_ref().is_some_and(|record| record["status"] == "confirmed");
            sold += record.filter(|_| is_confirmed).map_or(0, |record| pieces(&record));
            // One that was given up may go on from where it was.
            may_be_held += kept.dead.as_ref().map_or(0, |letter| pieces(&json(&letter.payload)["order"]));
        }
        self.tally.oversold = sold.saturating_sub(at_first);
        let (sold, may_be_held) = (sold.cast_signed(), may_be_held.cast_signed());
        if available < 0 || available + held != at_first.cast_signed() || !(sold..=sold + may_be_held).contains(&held) {
            let what = format!("of {at_first} pieces {sold} were sold, {held} are held, and {available} are left");
            self.breaks(Promise::NotOversold, None, what);
        }
    }
}

/// Pieces of the scarce article in an order or a record.
fn pieces(order: &Value) -> u64 {
    let lines = order["lines"].as_array().into_iter().flatten();
    lines.filter(|line| line["sku"] == SCARCE).filter_map(|line| line["quantity"].as_u64()).sum()
}

impl Subscriber {
    /// Whether it took an event, or has a dead letter of it; a good one only where the sender crashed too often.
    fn heard_of(&self, event: &str) -> Result<(), String> {
        if self.told.get(event).is_some_and(|told| told.taken > 0) {
            return Ok(());
        }
        let name = &self.name;
        match self.dead.iter().find(|letter| text(&letter.id) == event) {
            None => Err(format!("the endpoint {name} neither took the event {event} nor has a dead letter of it")),
            Some(letter) if self.manner.is_good() && letter.why.class != Class::Crash => {
                Err(format!("the good endpoint {name} was given up for the event {event}: {:?}", letter.why))
            }
            Some(_) => Ok(()),
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "promise 1 (a 202 is kept)",
            Self::Once => "promise 2 (once is once)",
            Self::NotOversold => "promise 3 (nothing is oversold)",
            Self::Told => "promise 4 (every change is told)",
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Some(reference) => write!(f, "{} broken for {reference}: {}", self.promise, self.what),
            None => write!(f, "{} broken: {}", self.promise, self.what),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, confirmed, rejected, cancelled, dead_lettered, lost, duplicated, oversold, .. } = self;
        write!(
            f,
            "{accepted} accepted, {confirmed} confirmed, {rejected} rejected, {cancelled} cancelled, \
             {dead_lettered} dead-lettered, lost {lost}, duplicated {duplicated}, oversold {oversold}"
        )
    }
}
