//! Stock is never oversold: what is left and what is held always add up to what there was.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use queue::native::Native;
use queue::{
    Adjusted, Adjustment, Class, Effects, FollowUp, Hold, HoldRequest, IdempotencyRecord, Joined, Leave, LetGo, Level,
    Message, Queue, Shortfall, Stock, Terms, Untracked, Verdict,
};

use super::setup::{BRIEF, HELD, LONG, Setup, accept_all, chance, claim, claimed, settle, terms};

async fn order(queue: &Queue<'_, Native>, id: &str) -> Message {
    accept_all(queue, &[id]).await;
    claimed(queue, &claim(1)).await.remove(0)
}

async fn level(setup: &Setup, item: &str) -> (u64, u64) {
    let level = Stock::new(&setup.connection, &setup.namespace).read(item).await.unwrap().unwrap();
    (level.available, level.held)
}

fn by_units(by: i64) -> Adjustment {
    Adjustment { by, most: 100, idempotency: None }
}

fn short_of(item: &str, units: u64, left: u64) -> Hold {
    Hold::Short { first: true, shortfalls: vec![Shortfall { item: item.to_owned(), units, left }] }
}

fn giving_back() -> Verdict {
    Verdict::Done(Effects { stock: Some(LetGo::Back), ..Effects::default() })
}

#[tokio::test]
async fn an_order_holds_all_that_it_wants_or_nothing_and_learns_what_was_short() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 5).await.unwrap();
    stock.set("cup", 1).await.unwrap();
    let a = order(&queue, "a").await;
    let short = queue.hold(&a, &terms(Untracked::Allow), [("tea", 2), ("cup", 2), ("free", 9)]).await.unwrap();
    assert_eq!(short, short_of("cup", 2, 1));
    assert_eq!((level(&setup, "tea").await, level(&setup, "cup").await), ((5, 0), (1, 0)), "nothing was taken");

    assert_eq!(queue.hold(&a, &terms(Untracked::Allow), [("tea", 5), ("cup", 1)]).await.unwrap(), HELD);
    assert_eq!((level(&setup, "tea").await, level(&setup, "cup").await), ((0, 5), (0, 1)));
    assert_eq!(queue.hold(&a, &terms(Untracked::Allow), [("tea", 5), ("cup", 1)]).await.unwrap(), HELD, "asked again");
    assert_eq!(level(&setup, "tea").await, (0, 5), "once is once");
}

/// A chance that is the same in each run.
fn some(random: &mut u64, of: u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*random >> 33) % of
}

/// Orders of up to three lines, each on terms of its own; some were recalled, and some deliveries are late.
async fn any_requests(setup: &Setup, random: &mut u64, count: usize) -> Vec<HoldRequest> {
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    for item in ["tea", "cup", "pot"] {
        stock.set(item, some(random, 30)).await.unwrap();
    }
    let names: Vec<String> = (0..count).map(|n| format!("o{n:02}")).collect();
    accept_all(&queue, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut requests = Vec::new();
    for mut message in claimed(&queue, &claim(count)).await {
        let recall = format!("{}/cancel", String::from_utf8_lossy(&message.id));
        if some(random, 8) == 0 {
            let (id, subject) = (recall.as_str().into(), message.id.as_subject());
            queue.follow(FollowUp { id, subject, payload: "x".into(), recalls: true }).await.unwrap();
        }
        message.delivery -= u64::from(some(random, 8) == 0);
        let asks = ["", "pay.test", "pay.test"][some(random, 3) as usize];
        let refuses = !asks.is_empty() && some(random, 4) == 0;
        let terms = Terms { untracked: Untracked::Reject, recall: recall.as_str().into(), asks, refuses, waits: false };
        let items = ["tea", "cup", "pot", "free"].into_iter().map(|item| (item, some(random, 5)));
        requests.push(HoldRequest::new(&message, &terms, items.filter(|(_, units)| *units > 0).collect::<Vec<_>>()));
    }
    requests
}

#[tokio::test]
async fn orders_that_hold_in_one_call_hold_what_they_would_in_calls_of_their_own() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let (together, alone) = (Setup::new().await, Setup::new().await);
        let (mut left, mut right) = (seed, seed);
        let requests = any_requests(&together, &mut left, 40).await;
        let same = any_requests(&alone, &mut right, 40).await;
        let mut expected = Vec::new();
        for request in &same {
            expected.extend(alone.jobs().hold_together(std::slice::from_ref(request)).await.unwrap());
        }
        assert_eq!(together.jobs().hold_together(&requests).await.unwrap(), expected, "seed {seed}");
        kinds.extend(expected.iter().map(|hold| format!("{hold:?}").split([' ', '(']).next().unwrap().to_owned()));
        for item in ["tea", "cup", "pot"] {
            assert_eq!(level(&together, item).await, level(&alone, item).await, "seed {seed}: {item}");
        }
        // Asked again, all say the same, and nothing more is taken.
        let again = together.jobs().hold_together(&requests).await.unwrap();
        let is_held = |hold: &Hold| matches!(hold, Hold::Held { .. });
        assert!(again.iter().zip(&expected).all(|(again, before)| is_held(again) || !is_held(before)), "seed {seed}");
    }
    assert_eq!(Vec::from_iter(kinds), ["Held", "Late", "Recalled", "Short"]);
}

#[tokio::test]
async fn one_order_that_cannot_hold_fails_alone_though_others_asked_with_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    Stock::new(&setup.connection, &setup.namespace).set("tea", 9).await.unwrap();
    setup.ask::<u64>("HSET", "stock", &["cup", "many"]).await;
    let calls = std::cell::Cell::new(0);
    let joined = Joined::new(64);
    accept_all(&queue, &["a", "b", "c"]).await;
    let batch = claimed(&queue, &claim(3)).await;
    let hold = async |at: usize, item| {
        let request = HoldRequest::new(&batch[at], &terms(Untracked::Allow), [(item, 2)]);
        let call = async |requests: &[HoldRequest]| {
            calls.set(calls.get() + 1);
            queue.hold_together(requests).await
        };
        joined.ask(request, call).await
    };
    let (a, b, c) = futures::join!(hold(0, "tea"), hold(1, "cup"), hold(2, "tea"));
    assert_eq!((a.unwrap(), c.unwrap()), (HELD, HELD));
    assert!(b.unwrap_err().to_string().contains("can not add"));
    assert_eq!(calls.get(), 4, "all together, and then each alone");
    assert_eq!(level(&setup, "tea").await, (5, 4));
}

#[tokio::test]
async fn an_item_without_an_entry_never_runs_out_or_counts_as_sold_out_as_is_wished() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let a = order(&queue, "a").await;
    let short = queue.hold(&a, &terms(Untracked::Reject), [("free", 9)]).await.unwrap();
    assert_eq!(short, short_of("free", 9, 0));
    assert_eq!(queue.hold(&a, &terms(Untracked::Allow), [("free", 9)]).await.unwrap(), HELD);
    assert_eq!(Stock::new(&setup.connection, &setup.namespace).read("free").await.unwrap(), None);
}

#[tokio::test]
async fn the_first_hold_that_succeeds_holds_until_the_subject_is_decided_though_it_took_nothing() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    let a = order(&queue, "a").await;
    assert_eq!(queue.hold(&a, &terms(Untracked::Allow), [("free", 9)]).await.unwrap(), HELD);
    stock.set("free", 0).await.unwrap();
    for untracked in [Untracked::Allow, Untracked::Reject] {
        assert_eq!(queue.hold(&a, &terms(untracked), [("free", 9)]).await.unwrap(), HELD);
    }
    assert_eq!(level(&setup, "free").await, (0, 0), "once is once");
    let decided = Effects { head: Some("1.1".into()), ..Effects::default() };
    assert!(settle(&queue, &a, Verdict::Done(decided)).await);
    assert_eq!(setup.ask::<i64>("HLEN", "held", &[]).await, 0, "it costs memory only until then");
}

#[tokio::test]
async fn whom_a_message_may_have_asked_is_known_until_it_is_decided_and_nobody_else_is_asked() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let a = order(&queue, "a").await;
    let hold = async |asks: &str| {
        let terms = Terms { asks, ..terms(Untracked::Allow) };
        queue.hold(&a, &terms, [("free", 9)]).await.unwrap()
    };
    let asked = async || queue.find_own(&"a".into()).await.unwrap().and_then(|own| own.asked);
    assert_eq!((hold("").await, asked().await), (HELD, None));
    assert_eq!(hold("pay.test").await, HELD);
    let first = asked().await.unwrap();
    assert_eq!(first.whom, "pay.test");
    for other in ["other.test", ""] {
        assert_eq!(hold(other).await, Hold::Asked("pay.test".to_owned()));
    }
    setup.next_millisecond().await;
    assert_eq!(hold("pay.test").await, Hold::Held { first: false, leave: Leave::Free });
    assert!(asked().await.unwrap().at > first.at, "each hold may be followed by asking");
    let decided = Effects { head: Some("1.1".into()), ..Effects::default() };
    assert!(settle(&queue, &a, Verdict::Done(decided)).await);
    assert_eq!(asked().await, None);
}

#[tokio::test]
async fn whom_a_message_did_not_ask_after_all_can_be_another_next_time() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let hold = async |message: &Message, asks: &str, refuses: bool| {
        let terms = Terms { asks, refuses, ..terms(Untracked::Reject) };
        queue.hold(message, &terms, [("free", 9)]).await.unwrap()
    };
    accept_all(&queue, &["a"]).await;
    let late = claimed(&setup.dying(), &claim(1)).await.remove(0);
    assert!(matches!(hold(&late, "typo.test", true).await, Hold::Short { first: true, .. }));
    let a = claimed(&queue, &claim(1)).await.remove(0);
    queue.unask(&late).await.unwrap();
    assert_eq!(hold(&a, "pay.test", true).await, Hold::Asked("typo.test".to_owned()), "it is late");
    queue.unask(&a).await.unwrap();
    assert!(matches!(hold(&a, "pay.test", true).await, Hold::Short { first: true, .. }));
    assert!(matches!(hold(&a, "pay.test", true).await, Hold::Short { first: false, .. }));
}

#[tokio::test]
async fn a_message_whose_first_delivery_asked_nobody_after_all_is_known_to_have_asked_nobody() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let asking = |asks| Terms { asks, ..terms(Untracked::Allow) };
    let whom = async || setup.jobs().find_own(&"a".into()).await.unwrap()?.asked.map(|asked| asked.whom);
    for (lease, asks) in [(BRIEF, "typo.test"), (BRIEF, "typo2.test"), (LONG, "pay.test")] {
        let queue = setup.queue("jobs", lease);
        let a = claimed(&queue, &claim(1)).await.remove(0);
        assert_eq!(queue.hold(&a, &asking(asks), [("free", 9)]).await.unwrap(), HELD);
        assert_eq!(whom().await.as_deref(), Some(asks));
        queue.unask(&a).await.unwrap();
        assert_eq!(whom().await.as_deref(), Some(""), "delivery {}", a.delivery);
    }
}

#[tokio::test]
async fn what_is_held_goes_back_once_and_only_by_the_latest_delivery() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 5).await.unwrap();
    accept_all(&queue, &["a"]).await;
    let late = claimed(&setup.dying(), &claim(1)).await.remove(0);
    assert_eq!(setup.jobs().hold(&late, &terms(Untracked::Allow), [("tea", 2)]).await.unwrap(), HELD);
    let a = claimed(&queue, &claim(1)).await.remove(0);
    assert!(!settle(&queue, &late, giving_back()).await, "it is late");
    assert_eq!(level(&setup, "tea").await, (3, 2));
    assert!(settle(&queue, &a, giving_back()).await);
    assert_eq!(level(&setup, "tea").await, (5, 0));
    assert_eq!(
        queue.hold(&late, &terms(Untracked::Allow), [("tea", 2)]).await.unwrap(),
        Hold::Late,
        "nothing is held for what is done"
    );
    assert_eq!(level(&setup, "tea").await, (5, 0));
}

#[tokio::test]
async fn a_dead_letter_keeps_what_it_holds_until_it_is_given_up() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 5).await.unwrap();
    let a = order(&queue, "a").await;
    queue.hold(&a, &terms(Untracked::Allow), [("tea", 2)]).await.unwrap();
    let bury = Verdict::Bury { class: Class::Handler, reason: "no".to_owned(), effects: Effects::default() };
    assert!(settle(&queue, &a, bury).await);
    assert_eq!(level(&setup, "tea").await, (3, 2));
    for _ in 0..2 {
        queue.discard(&"a".into(), "ann", "typo", "").await.unwrap();
        assert_eq!(level(&setup, "tea").await, (5, 0));
    }
}

#[tokio::test]
async fn a_hundred_who_want_the_last_ten_get_ten() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 10).await.unwrap();
    let ids: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    accept_all(&queue, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let orders = claimed(&queue, &claim(100)).await;
    let held = join_all(
        orders.iter().map(async |order| queue.hold(order, &terms(Untracked::Allow), [("tea", 1)]).await.unwrap()),
    )
    .await;
    assert_eq!(held.iter().filter(|hold| **hold == HELD).count(), 10);
    assert_eq!(level(&setup, "tea").await, (0, 10));
}

#[tokio::test]
async fn stock_is_conserved_whatever_happens_in_whatever_sequence() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    let mut chance = chance();
    let mut there = [40_u64, 25];
    let items = ["tea", "cup"];
    for (item, units) in items.iter().zip(there) {
        stock.set(item, units).await.unwrap();
    }
    let mut open: Vec<Message> = vec![];
    let mut held: BTreeMap<Vec<u8>, [u64; 2]> = BTreeMap::new();
    for step in 0..400 {
        match chance.u8(0..10) {
            0..4 => open.push(order(&queue, &format!("{step}")).await),
            4..7 if !open.is_empty() => {
                let message = &open[chance.usize(..open.len())];
                let units = [chance.u64(1..6), chance.u64(1..6)];
                if queue.hold(message, &terms(Untracked::Allow), items.into_iter().zip(units)).await.unwrap() == HELD {
                    // Asked again, it holds what it held at first.
                    held.entry(message.id.to_vec()).or_insert(units);
                }
            }
            7..9 if !open.is_empty() => {
                let message = open.swap_remove(chance.usize(..open.len()));
                let let_go = chance.choice([None, Some(LetGo::Back), Some(LetGo::Out)]).unwrap();
                let verdict = Verdict::Done(Effects { stock: let_go, ..Effects::default() });
                assert!(settle(&queue, &message, verdict).await);
                if let (Some(LetGo::Out), Some(units)) = (let_go, held.get(message.id.as_bytes())) {
                    there = [there[0] - units[0], there[1] - units[1]];
                }
            }
            _ => {
                let (at, by) = (chance.usize(..2), chance.i64(-9..10));
                if let Adjusted::To(_) = stock.adjust(items[at], &by_units(by)).await.unwrap() {
                    there[at] = there[at].checked_add_signed(by).expect("never below zero");
                }
            }
        }
        for (item, there) in items.iter().zip(there) {
            let (available, held) = level(&setup, item).await;
            assert_eq!(available + held, there, "{item} after step {step}");
        }
    }
}

/// Under a key, with a fingerprint of what is asked for.
fn once(by: i64, key: u8, fingerprint: u8, ttl: Duration) -> Adjustment {
    let record = IdempotencyRecord { digest: [key; 16], fingerprint: [fingerprint; 16], ttl };
    Adjustment { idempotency: Some(record), ..by_units(by) }
}

#[tokio::test]
async fn an_adjustment_under_a_key_counts_once_however_often_it_is_asked_for() {
    let setup = Setup::new().await;
    let stock = Stock::new(&setup.connection, &setup.namespace);
    let level = |available| Level { available, held: 0 };
    let adjust = async |adjustment: Adjustment| stock.adjust("tea", &adjustment).await.unwrap();
    assert_eq!(adjust(once(3, 1, 1, LONG)).await, Adjusted::Untracked, "nothing was done, so the key is free");
    stock.set("tea", 5).await.unwrap();
    assert_eq!(adjust(once(3, 1, 1, LONG)).await, Adjusted::To(level(8)));
    assert_eq!(adjust(by_units(-8)).await, Adjusted::To(level(0)));
    assert_eq!(adjust(once(3, 1, 1, LONG)).await, Adjusted::Replayed(level(0)));
    assert_eq!(adjust(once(-3, 1, 2, LONG)).await, Adjusted::Conflict);
    assert_eq!(adjust(once(-3, 2, 2, LONG)).await, Adjusted::Short(level(0)), "nothing was done, so the key is free");
    assert_eq!(adjust(once(3, 2, 1, LONG)).await, Adjusted::To(level(3)));

    let brief = Duration::from_millis(1);
    assert_eq!(adjust(once(1, 3, 1, brief)).await, Adjusted::To(level(4)));
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    assert_eq!(adjust(once(1, 3, 1, brief)).await, Adjusted::To(level(5)), "its time was up");
}

#[tokio::test]
async fn the_keys_of_adjustments_are_forgotten_as_those_of_messages_are() {
    let setup = Setup::new().await;
    let stock = Stock::new(&setup.connection, &setup.namespace);
    stock.set("tea", 5).await.unwrap();
    stock.adjust("tea", &once(1, 1, 1, Duration::from_millis(1))).await.unwrap();
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    // Every fourth id has it done.
    accept_all(&setup.jobs(), &["d"]).await;
    assert_eq!(setup.ask::<u64>("HLEN", "seen", &[]).await, 0);
}

#[tokio::test]
async fn no_number_of_adjustments_comes_to_more_than_may_be_left() {
    let setup = Setup::new().await;
    let stock = Stock::new(&setup.connection, &setup.namespace);
    const MOST: u64 = 1 << 50;
    let by = |by: i64| Adjustment { by, most: MOST, idempotency: None };
    let level = |available| Level { available, held: 0 };
    stock.set("tea", 1).await.unwrap();
    for _ in 0..9 {
        assert_eq!(stock.adjust("tea", &by(MOST as i64)).await.unwrap(), Adjusted::Over(level(1)));
    }
    assert_eq!(stock.adjust("tea", &by(MOST as i64 - 1)).await.unwrap(), Adjusted::To(level(MOST)));
    assert_eq!(stock.adjust("tea", &by(1)).await.unwrap(), Adjusted::Over(level(MOST)));
    assert_eq!(stock.adjust("tea", &by(-1)).await.unwrap(), Adjusted::To(level(MOST - 1)));
    // What an earlier release let through can be taken away.
    stock.set("tea", MOST + 9).await.unwrap();
    assert_eq!(stock.adjust("tea", &by(-5)).await.unwrap(), Adjusted::To(level(MOST + 4)));
}

#[tokio::test]
async fn stock_is_set_adjusted_and_listed() {
    let setup = Setup::new().await;
    let stock = Stock::new(&setup.connection, &setup.namespace);
    let level = |available| Level { available, held: 0 };
    assert_eq!(stock.adjust("tea", &by_units(1)).await.unwrap(), Adjusted::Untracked);
    assert_eq!(stock.set("tea", 5).await.unwrap(), level(5));
    assert_eq!(stock.adjust("tea", &by_units(-5)).await.unwrap(), Adjusted::To(level(0)));
    assert_eq!(stock.adjust("tea", &by_units(-1)).await.unwrap(), Adjusted::Short(level(0)));
    assert_eq!(stock.adjust("tea", &by_units(7)).await.unwrap(), Adjusted::To(level(7)));
    for n in 0..1200 {
        stock.set(&format!("item \u{fc} {n}"), n).await.unwrap();
    }
    let (mut cursor, mut items) = (None, BTreeMap::new());
    loop {
        let (page, next) = stock.list(cursor).await.unwrap();
        items.extend(page.into_iter().map(|(item, level)| (item, level.available)));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((items.len(), items["tea"], items["item \u{fc} 1199"]), (1201, 7, 1199));
}
