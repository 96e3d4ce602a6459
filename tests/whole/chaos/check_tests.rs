//! The comparison itself: it is silent where all is well, and names what isn't.

use std::collections::BTreeMap;
use std::time::Duration;

use queue::{Class, DeadLetter, Why};
use serde_json::{Value, json};

use super::check::{Tally, check};
use super::endpoints::{Manner, Told};
use super::model::{Attempt, Posted, Read, Regret};
use super::shop::SCARCE;
use super::world::{Kept, Stock, Subscriber, World};

/// Ids of a confirmed order, of one that was given up, and of one of which nobody heard.
const CONFIRMED: &str = "id-1";
const GIVEN_UP: &str = "id-2";
const OTHER: &str = "id-3";

fn posted(reference: &str, read: Read) -> Posted {
    let body = json!({"reference": reference, "lines": lines()});
    let attempt = Attempt { at: Duration::ZERO, took: Duration::ZERO, host: "host", read };
    Posted { reference: reference.to_owned(), body, is_poison: false, attempts: vec![attempt], regret: Regret::None }
}

/// Two pieces of what is scarce.
fn lines() -> Value {
    json!([{"sku": SCARCE, "quantity": 2}, {"sku": "any", "quantity": 5}])
}

fn accepted(id: &str) -> Read {
    Read::Accepted { id: id.to_owned(), replayed: false }
}

fn bytes(json: &Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

fn letter(id: &str, class: Class, payload: &Value) -> DeadLetter {
    let why = Why { class, reason: String::new(), deliveries: 1, failures: 0, crashes: 0 };
    DeadLetter { id: id.into(), buried_at: 0, why, history: Vec::new(), payload: bytes(payload).into() }
}

fn record() -> Value {
    json!({"status": "confirmed", "version": 1, "reference": "a", "lines": lines()})
}

fn confirmed() -> Kept {
    let record = record();
    Kept { record: Some(("1.1".into(), bytes(&record))), shown: Some((200, record)), ..Kept::default() }
}

fn given_up() -> Kept {
    let letter = letter("id-2", Class::Crash, &json!({"order": {"reference": "b", "lines": lines()}}));
    Kept { dead: Some(letter), shown: Some((200, json!({"status": "needs_attention"}))), ..Kept::default() }
}

/// Two accepted orders, and one of which nothing is known. The bad endpoint has a dead letter of one event.
fn all_is_well() -> (Vec<Posted>, World) {
    let shops = vec![
        posted("a", accepted(CONFIRMED)),
        posted("b", accepted(GIVEN_UP)),
        posted("c", Read::Nothing(String::new())),
    ];
    let event = json!({"data": record()});
    let log = vec![("id-1.1".to_owned(), bytes(&event)), ("id-2.attention.7".to_owned(), b"{}".to_vec())];
    let once = Told { times: 1, taken: 1 };
    let good = log.iter().map(|(id, _)| (id.clone(), once)).collect();
    let bad = [(log[0].0.clone(), Told { times: 9, taken: 0 }), (log[1].0.clone(), once)].into();
    let subscriber = |name: &str, manner, told, dead| Subscriber { name: name.to_owned(), manner, told, dead };
    let world = World {
        orders: [(CONFIRMED.to_owned(), confirmed()), (GIVEN_UP.to_owned(), given_up())].into(),
        told: log.iter().map(|(id, body)| (id.clone(), body.clone().into())).collect(),
        log,
        endpoints: vec![
            subscriber("good", Manner::Good, good, Vec::new()),
            subscriber("failing", Manner::Failing, bad, vec![letter("id-1.1", Class::Handler, &json!({}))]),
        ],
        totals: [("orders:confirmed".to_owned(), 1), ("orders:needs_attention".to_owned(), 1)].into(),
        // Whether the one that was given up holds any depends on how far it came.
        stock: Stock { at_first: 9, available: 7, held: 2 },
        left: BTreeMap::from([("placed".to_owned(), 0)]),
        ..World::default()
    };
    (shops, world)
}

#[test]
fn where_every_promise_was_kept_the_comparison_is_silent_and_counts() {
    let (shops, world) = all_is_well();
    let (tally, broken) = check(&shops, &world);
    assert_eq!(broken, []);
    assert_eq!(tally, Tally { accepted: 2, confirmed: 1, dead_lettered: 1, unanswered: 1, ..Tally::default() });
}

#[test]
fn each_promise_that_is_broken_is_named() {
    type Breach = fn(&mut Vec<Posted>, &mut World);
    let breaches: &[(&str, Breach)] = &[
        ("promise 1 (a 202 is kept) broken for a: it was accepted as id-1, and ended nowhere", |_, world| {
            *world.orders.get_mut(CONFIRMED).unwrap() = Kept::default();
        }),
        ("promise 1 (a 202 is kept) broken for a: its record has another lines", |shops, _| {
            shops[0].body["lines"] = json!([2]);
        }),
        ("promise 1 (a 202 is kept) broken for a: GET answers", |_, world| {
            world.orders.get_mut(CONFIRMED).unwrap().shown = Some((404, Value::Null));
        }),
        ("promise 1 (a 202 is kept) broken for b: it was given up, but GET answers", |_, world| {
            world.orders.get_mut(GIVEN_UP).unwrap().shown = Some((200, json!({"status": "queued"})));
        }),
        ("promise 1 (a 202 is kept) broken: 1 messages are left in the queue placed", |_, world| {
            world.left.insert("placed".to_owned(), 1);
        }),
        ("promise 2 (once is once) broken for a: one key was answered with several orders", |shops, _| {
            let other = posted("a", accepted(OTHER)).attempts;
            shops[0].attempts.extend(other);
        }),
        ("promise 2 (once is once) broken for a: it became several orders", |_, world| {
            world.orders.insert(OTHER.to_owned(), confirmed());
        }),
        ("promise 2 (once is once) broken for a: a good order was refused", |shops, _| {
            let refused = Read::Refused { status: 409, text: String::new() };
            shops[0].attempts.extend(posted("a", refused).attempts);
        }),
        ("promise 2 (once is once) broken for b: it has a record and a dead letter", |_, world| {
            world.orders.get_mut(GIVEN_UP).unwrap().record = Some(("1.1".into(), bytes(&json!({"reference": "b"}))));
        }),
        ("promise 2 (once is once) broken for a: one event should tell of each change", |_, world| {
            world.log.push(("id-1.2".to_owned(), Vec::new()));
        }),
        ("promise 2 (once is once) broken for b: it was decided, though a component traps on it", |shops, world| {
            shops[1].is_poison = true;
            let decided = json!({"status": "confirmed", "reference": "b"});
            *world.orders.get_mut(GIVEN_UP).unwrap() =
                Kept { record: Some(("1.1".into(), bytes(&decided))), ..Kept::default() };
        }),
        ("promise 2 (once is once) broken: nobody sent an order \"a\"", |shops, _| drop(shops.remove(0))),
        ("promise 2 (once is once) broken: orders:confirmed counts 2, but there are 1", |_, world| {
            world.totals.insert("orders:confirmed".to_owned(), 2);
        }),
        ("promise 3 (nothing is oversold) broken: of 9 pieces 2 were sold, 5 are held, and 4 are left", |_, world| {
            world.stock = Stock { at_first: 9, available: 4, held: 5 };
        }),
        ("promise 3 (nothing is oversold) broken: of 9 pieces 2 were sold, 2 are held, and 6 are left", |_, world| {
            world.stock.available = 6;
        }),
        ("promise 3 (nothing is oversold) broken: of 1 pieces 2 were sold, 2 are held, and -1 are left", |_, world| {
            world.stock = Stock { at_first: 1, available: -1, held: 2 };
        }),
        ("promise 4 (every change is told) broken for a: one event should tell of each change", |_, world| {
            world.log.remove(0);
        }),
        (
            "promise 4 (every change is told) broken for a: the endpoint good neither took the event id-1.1",
            |_, world| {
                world.endpoints[0].told.get_mut("id-1.1").unwrap().taken = 0;
            },
        ),
        ("promise 4 (every change is told) broken for a: the good endpoint good was given up", |_, world| {
            world.endpoints[0].told.clear();
            world.endpoints[0].dead.push(letter("id-1.1", Class::Handler, &json!({})));
        }),
        ("promise 4 (every change is told) broken for a: the endpoint failing neither took the event", |_, world| {
            world.endpoints[1].dead.clear();
        }),
        (
            "promise 4 (every change is told) broken for a: the event id-1.1 was told otherwise than logged",
            |_, world| {
                world.told.insert("id-1.1".to_owned(), "{}".into());
            },
        ),
        ("promise 4 (every change is told) broken for a: the event id-1.1 carries another record", |_, world| {
            world.log[0].1 = b"{}".to_vec();
        }),
        ("promise 4 (every change is told) broken: the event id-9.1 was told, but is not in the log", |_, world| {
            world.told.insert("id-9.1".to_owned(), "{}".into());
        }),
        ("promise 4 (every change is told) broken: there are events of orders that have no end", |_, world| {
            world.log.push(("id-9.1".to_owned(), Vec::new()));
        }),
        ("promise 4 (every change is told) broken: the event id-1.1 was buried before", |_, world| {
            world.changes_buried.push("id-1.1".to_owned());
        }),
    ];
    for (expected, breach) in breaches {
        let (mut shops, mut world) = all_is_well();
        breach(&mut shops, &mut world);
        let broken: Vec<_> = check(&shops, &world).1.iter().map(ToString::to_string).collect();
        assert!(broken.iter().any(|broken| broken.starts_with(expected)), "{expected}: {broken:#?}");
    }
}

#[test]
fn orders_that_are_lost_or_there_twice_are_counted() {
    let (shops, mut world) = all_is_well();
    world.orders.remove(GIVEN_UP);
    world.orders.insert(OTHER.to_owned(), confirmed());
    let (tally, _) = check(&shops, &world);
    assert_eq!((tally.accepted, tally.lost, tally.duplicated), (2, 1, 1));
    assert!(tally.to_string().ends_with("lost 1, duplicated 1, oversold 0"), "{tally}");
}
