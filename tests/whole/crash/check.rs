//! The world compared with the model: the one place that says what each promise means.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::StatusCode;
use order::queues;
use serde_json::Value;

use super::model::{
    ATTENTION, Broken, CANCELLED, CONFIRMED, ERASED, Ending, FULFILLED, INTERRUPTED, Model, Money, PENDING, Promise,
    REJECTED, REMOVED, RESUMED, Stock, Subscriber,
};
use super::stage::wanted;
use super::world::{Contents, Event, World};

/// Compares everything that was promised with everything that there is. The list is empty if every promise was kept.
pub(crate) fn check(model: &Model, world: &World) -> Vec<Broken> {
    let mut check = Check { model, world, broken: model.broken.clone() };
    for (id, ending) in &model.orders {
        check.order(id, ending);
    }
    check.strangers();
    check.stock();
    check.money();
    check.log();
    check.outages();
    for subscriber in &model.subscribers {
        check.subscriber(subscriber);
    }
    for (queue, contents) in &world.queues {
        check.queue(queue, contents);
    }
    check.counters();
    check.keys();
    check.broken
}

struct Check<'w> {
    model: &'w Model,
    world: &'w World,
    broken: Vec<Broken>,
}

impl<'w> Check<'w> {
    fn breaks(&mut self, promise: Promise, what: String) {
        self.broken.push(Broken { promise, what });
    }

    /// An order ends as promised, and all that is said of it agrees.
    fn order(&mut self, id: &str, ending: &Ending) {
        match self.world.shown.get(id) {
            Some((StatusCode::OK, body)) if json(body)["status"] == ending.status => {}
            Some((StatusCode::NOT_FOUND, _)) if ending.status == REMOVED => {}
            shown => {
                let what = format!("order {id} should be {}, but GET answers {}", ending.status, in_words(shown));
                self.breaks(Promise::Kept, what);
            }
        }
        let letter = self.world.queues.get(queues::PLACED).and_then(|placed| placed.letters.get(id));
        let class = letter.map(|letter| letter.why.class);
        if class != ending.letter {
            let what = format!("order {id} should have a dead letter of class {:?}, but has {letter:?}", ending.letter);
            self.breaks(Promise::Kept, what);
        }
        let times = self.world.listed.iter().filter(|listed| *listed == id).count();
        let expected = usize::from(ending.status != REMOVED);
        if times != expected {
            let what = format!("order {id} stands {times} times in the list of all, not {expected}");
            self.breaks(Promise::Kept, what);
        }
        self.history(id, ending);
        if let Some(head) = self.world.heads.get(id) {
            self.head(id, head);
        }
    }

    /// What the head points to is what everybody is shown and told.
    fn head(&mut self, id: &str, head: &str) {
        let world = self.world;
        let key = ["order/", id, "/", &head.replace(".pending", "")].concat();
        let Some(record) = world.records.get(&key) else {
            return self
                .breaks(Promise::Kept, format!("the head of order {id} is {head}, but there is no such record"));
        };
        if world.shown.get(id).is_none_or(|(_, body)| body != record) {
            let what = format!("the present record of order {id} is {head}, but GET answers something else");
            self.breaks(Promise::Kept, what);
        }
        let version = head.split('.').next().unwrap_or_default();
        let event = world.log.iter().find(|event| event.id == format!("{id}.{version}"));
        let told = event.map(|event| json(&event.bytes)["data"].take());
        if told.as_ref() != Some(&json(record)) {
            let what = format!("order {id} is {head}, but the event of version {version} carries {told:?}");
            self.breaks(Promise::Told, what);
        }
    }

    /// Each change of an order is an event, once, and in turn.
    fn history(&mut self, id: &str, ending: &Ending) {
        let events: Vec<_> = self.world.log.iter().filter(|event| order_of(event) == id).map(type_of).collect();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        if !ending.events.contains(&&*events) {
            let told_too_often = ending.events.iter().all(|expected| events.len() > expected.len());
            let promise = if told_too_often { Promise::Once } else { Promise::Told };
            let what = format!("order {id} should have the events {:?}, but the log has {events:?}", ending.events);
            self.breaks(promise, what);
        }
    }

    /// Nothing may be there that nobody sent.
    fn strangers(&mut self) {
        let world = self.world;
        let letters = world.queues.get(queues::PLACED).into_iter().flat_map(|placed| placed.letters.keys());
        let recorded = world.records.keys().filter_map(|key| key.split('/').nth(1));
        let orders = world.heads.keys().chain(letters).map(String::as_str).chain(recorded);
        let orders: BTreeSet<&str> =
            orders.chain(world.log.iter().filter(|event| is_of_order(event)).map(order_of)).collect();
        for id in orders.into_iter().filter(|id| !self.model.orders.contains_key(*id)) {
            self.breaks(Promise::Once, format!("there is an order {id} of which no shop was told"));
        }
    }

    /// What is held is what the orders took that may have it, and the rest is left.
    fn stock(&mut self) {
        let world = self.world;
        let orders_with = |stock: Stock| {
            let orders = self.model.orders.iter().filter(move |(_, ending)| ending.stock == stock);
            orders.map(|(id, _)| id.clone()).collect::<BTreeSet<String>>()
        };
        let (holders, out) = (orders_with(Stock::Held), orders_with(Stock::Out).len() as u64);
        if holders != world.holders {
            let what = format!("{:?} hold stock, but it should be {holders:?}", world.holders);
            self.breaks(Promise::Stock, what);
        }
        for (sku, before) in &self.model.stock {
            let of = |pieces: &BTreeMap<String, i64>| pieces.get(sku).copied().unwrap_or(0);
            let (left, held, sold) = (of(&world.left), of(&world.held), (holders.len() as u64 * wanted(sku)) as i64);
            let gone = (out * wanted(sku)) as i64;
            if left != *before as i64 - sold - gone || held != sold {
                let what =
                    format!("of {before} {sku} {sold} were sold and {gone} sent, but {held} are held and {left} left");
                self.breaks(Promise::Stock, what);
            }
        }
    }

    /// Money was taken once for each order that has it, and given back for each that has not.
    fn money(&mut self) {
        let ledger = &self.world.ledger;
        if ledger.asked.is_empty() {
            return;
        }
        let booked =
            |book: &BTreeMap<String, Value>, id: &str| book.values().filter(|it| it["order_id"] == *id).count();
        for (id, ending) in &self.model.orders {
            let taken = booked(&ledger.charges, id) + booked(&ledger.captures, id);
            let given_back = booked(&ledger.refunds, id);
            let is_voided = !ledger.authorized.contains_key(id) || taken > 0 || ledger.voided.contains(id);
            let is_right = match ending.money {
                Money::Taken => (taken, given_back) == (1, 0),
                Money::Untouched => taken == given_back && taken <= 1 && is_voided,
                Money::Returned if ledger.voided.contains(id) => (taken, given_back) == (0, 0),
                // What the shop has had authorized may have been captured before the cancellation came.
                Money::Returned => taken <= 1 && given_back == 1,
                Money::Unknown => taken <= 1 && given_back == 0,
            };
            if !is_right {
                let what = format!(
                    "order {id} is {}, was charged {taken} times and refunded {given_back} times; voided: {is_voided}",
                    ending.status
                );
                self.broken.push(Broken { promise: Promise::Once, what });
            }
        }
        let of_strangers = ledger.charges.keys().filter(|key| !self.model.orders.contains_key(*key));
        let of_strangers: Vec<_> =
            of_strangers.map(|key| format!("there is a charge of {key}, which is no order")).collect();
        self.broken.extend(of_strangers.into_iter().map(|what| Broken { promise: Promise::Once, what }));
    }

    /// An outage of the payment provider is told once when it begins and once when it ends. A crash may let it end
    /// before it failed for enough orders.
    fn outages(&mut self) {
        let told = self.world.log.iter().filter(|event| !is_of_order(event)).map(type_of).collect::<Vec<_>>();
        let expected: Vec<_> =
            (0..self.model.outages).flat_map(|_| [INTERRUPTED, RESUMED].map(str::to_owned)).collect();
        if told.len() % 2 != 0 || !expected.starts_with(&told) {
            self.breaks(
                Promise::Told,
                format!("the payment provider's events should be {expected:?}, but are {told:?}"),
            );
        }
    }

    fn log(&mut self) {
        let mut ids = BTreeSet::new();
        for event in &self.world.log {
            if !ids.insert(&event.id) {
                self.breaks(Promise::Once, format!("the log has the event {} more than once", event.id));
            }
        }
    }

    /// Each event reached the endpoint at least once and always alike, or is its dead letter.
    fn subscriber(&mut self, subscriber: &Subscriber) {
        let (world, name) = (self.world, subscriber.name);
        let logged: BTreeMap<&str, &Bytes> = world.log.iter().map(|event| (event.id.as_str(), &event.bytes)).collect();
        let told = world.told.get(name).map_or(&[][..], Vec::as_slice);
        let erased: Vec<&str> = self.model.erased().collect();
        let is_purged = |event: &Event| erased.contains(&order_of(event)) && type_of(event) != ERASED;
        for event in told.iter().filter(|event| !is_purged(event)) {
            if logged.get(event.id.as_str()) != Some(&&event.bytes) {
                let what = format!("{name} was told the event {} otherwise than the log has it", event.id);
                self.breaks(Promise::Told, what);
            }
        }
        let told: BTreeSet<&str> = told.iter().map(|event| event.id.as_str()).collect();
        let dead: BTreeSet<&str> = world.letters(&lane(name)).collect();
        for event in logged.keys() {
            let (was_told, is_dead) = (told.contains(event), dead.contains(event));
            if !was_told || is_dead == subscriber.takes {
                let state = if subscriber.takes { "takes everything" } else { "refuses everything" };
                let what =
                    format!("{name} {state}; the event {event} was told: {was_told}, is a dead letter: {is_dead}");
                self.breaks(Promise::Told, what);
            }
        }
        for event in dead.iter().filter(|event| !logged.contains_key(*event)) {
            self.breaks(Promise::Told, format!("the dead letter {event} of {name} is no event of the log"));
        }
    }

    /// Only dead letters are left, each whole.
    fn queue(&mut self, queue: &str, contents: &Contents) {
        let Contents { due, body, deliveries, history, why, lines, letters, .. } = contents;
        let dead: BTreeSet<String> = letters.keys().cloned().collect();
        let promise = if queue == queues::PLACED { Promise::Kept } else { Promise::Told };
        if !due.is_empty() {
            self.breaks(promise, format!("nothing should wait in {queue} any more, but there is {due:?}"));
        }
        if queue == queues::CHANGES && !dead.is_empty() {
            self.breaks(promise, format!("the changes {dead:?} were buried before they reached any endpoint"));
        }
        let kept: BTreeSet<String> = dead.union(due).cloned().collect();
        for (part, ids, expected) in [("body", body, &kept), ("why", why, &dead)] {
            if ids != expected {
                self.breaks(Promise::Tidy, format!("{queue}:{part} holds {ids:?}, but there should be {expected:?}"));
            }
        }
        for (part, ids) in [("deliveries", deliveries), ("history", history), ("line and subject", lines)] {
            if !ids.is_subset(&kept) {
                self.breaks(Promise::Tidy, format!("{queue}:{part} holds {ids:?}, but there is only {kept:?}"));
            }
        }
    }

    /// What was counted in the same step as it was done agrees with what was done.
    fn counters(&mut self) {
        // Each was confirmed, and that is in the log no more.
        let purged = self.model.erased().count() as u64;
        let (world, all) = (self.world, self.world.log.len() as u64 + purged);
        let of_type = |wanted: &str| world.log.iter().filter(|event| type_of(event) == wanted).count() as u64;
        let of_endpoints =
            |which: fn(&&Subscriber) -> bool| all * self.model.subscribers.iter().filter(which).count() as u64;
        let (confirmed, rejected, given_up) = (of_type(CONFIRMED) + purged, of_type(REJECTED), of_type(ATTENTION));
        let (fulfilled, cancelled, erased) = (of_type(FULFILLED), of_type(CANCELLED), of_type(ERASED));
        let unchanged = world.totals.get("orders:unchanged").copied().unwrap_or(0);
        let (delivered, buried) = (of_endpoints(|it| it.takes), of_endpoints(|it| it.refused));
        for (counter, expected) in [
            ("orders:confirmed", confirmed),
            ("orders:payment_pending", of_type(PENDING)),
            ("orders:rejected", rejected),
            ("orders:needs_attention", given_up),
            ("orders:fulfilled", fulfilled),
            ("orders:cancelled", cancelled),
            ("orders:erased", erased),
            ("placed:done", confirmed + rejected + fulfilled + cancelled + erased + unchanged),
            ("placed:bury", given_up),
            ("changes:done", all),
            ("changes:bury", 0),
            ("webhooks:delivered", delivered),
            ("webhooks:buried", buried),
        ] {
            let counted = world.totals.get(counter).copied().unwrap_or(0);
            if counted != expected {
                self.breaks(Promise::Once, format!("{counter} counts {counted}, but it was done {expected} times"));
            }
        }
    }

    fn keys(&mut self) {
        let (world, known) = (self.world, self.model.keys.len());
        if world.seen != (known, known) {
            let what = format!("{known} keys were used, but {:?} are remembered and to be forgotten", world.seen);
            self.breaks(Promise::Once, what);
        }
        let discarded = world.queues.values().map(|contents| contents.discarded.len()).sum::<usize>();
        let expected = self.model.orders.values().filter(|ending| **ending == Ending::DISCARDED).count();
        if discarded != expected {
            let what = format!("{expected} orders were discarded, but of {discarded} it is known who did it");
            self.breaks(Promise::Kept, what);
        }
        if world.superseded() > 0 {
            let what = format!("{} records are left that nobody will read", world.superseded());
            self.breaks(Promise::Tidy, what);
        }
        for key in &world.strange_keys {
            self.breaks(Promise::Tidy, format!("nobody knows what the key {key} is for"));
        }
    }
}

impl World {
    fn letters(&self, queue: &str) -> impl Iterator<Item = &str> {
        self.queues.get(queue).into_iter().flat_map(|contents| contents.letters.keys()).map(String::as_str)
    }
}

/// The lane of an endpoint.
fn lane(endpoint: &str) -> String {
    format!("{}.{endpoint}", queues::CHANGES)
}

/// The order that an event tells of: its id begins with the order's.
fn order_of(event: &Event) -> &str {
    event.id.split('.').next().unwrap_or_default()
}

/// The others are of the payment provider.
fn is_of_order(event: &Event) -> bool {
    !event.id.starts_with("payments.")
}

fn type_of(event: &Event) -> String {
    json(&event.bytes)["type"].as_str().unwrap_or_default().to_owned()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn in_words(shown: Option<&(StatusCode, Bytes)>) -> String {
    shown.map_or_else(|| "nothing".to_owned(), |(status, body)| format!("{status} {}", String::from_utf8_lossy(body)))
}
