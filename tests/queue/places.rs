//! Places at a partner: who finds none is thrown back, spends nothing and keeps its turn, and who asks nobody goes on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::join;
use queue::native::{Native, Tokio};
use queue::{
    Accepted, Backoff, Claim, Class, Drained, Effects, Failure, FollowUp, Hold, Leave, Limits, Linger, Message, Places,
    Queue, Runtime, Terms, Untracked, Worker,
};
use tokio::sync::Semaphore;

use super::doubles::{Handling, StandingClock, name};
use super::setup::*;
use crate::harness::{eventually, within};

const AT_ONCE: Backoff = Backoff::Exponential { base: BRIEF, cap: BRIEF, attempts: 3 };

fn worker<'a, R: Runtime, H: queue::Handler>(
    queue: Queue<'a, Native>,
    runtime: &'a R,
    handler: &'a H,
) -> Worker<'a, Native, R, H> {
    Worker {
        queue,
        handler,
        runtime,
        name: "worker",
        backoff: &AT_ONCE,
        max_crashes: 3,
        batch: 24,
        linger: Linger::Briefly,
        until: Duration::MAX,
    }
}

/// What a handler does that has to ask: it asks by `ask` if there is a place.
async fn asking(places: &Places, message: &Message, ask: impl Future<Output = ()>) -> Result<Effects, Failure> {
    if !places.enter(message).await {
        return Err(Failure::Throttle { emits: vec![] });
    }
    ask.await;
    Ok(Effects::default())
}

async fn send(setup: &Setup, kind: &str, count: usize) {
    let ids: Vec<_> = (0..count).map(|n| format!("{kind}{n:04}")).collect();
    accept_all(&setup.jobs(), &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn left(setup: &Setup) -> usize {
    setup.ask("HLEN", "jobs:body", &[]).await
}

/// Takes these, and throws them back in this order.
async fn throw_back(setup: &Setup, names: &[&str]) {
    let batch = claimed(&setup.jobs(), &claim(names.len())).await;
    for name in names {
        let message = batch.iter().find(|message| message.id == *name).expect("it is visible");
        assert!(settle(&setup.jobs(), message, throttle(message)).await);
    }
}

fn for_places(places: usize) -> Claim<'static> {
    Claim { places, ..claim(9) }
}

#[tokio::test]
async fn who_asks_nobody_goes_on_beside_a_thousand_that_wait_for_a_place_and_these_keep_their_turn() {
    let setup = Setup::new().await;
    send(&setup, "pay", 1000).await;
    send(&setup, "free", 200).await;
    let (places, answers, asked) = (Rc::new(Places::new(8)), Semaphore::new(0), RefCell::new(Vec::new()));
    let handler = Handling {
        places: Some(places.clone()),
        ..Handling::by(async |message: &Message| {
            if name(message).starts_with("free") {
                return Ok(Effects::default());
            }
            asking(&places, message, async {
                asked.borrow_mut().push(name(message));
                answers.acquire().await.unwrap().forget();
            })
            .await
        })
    };
    let runtime = Tokio::default();
    let worker = worker(setup.jobs(), &runtime, &handler);
    let observer = async {
        eventually("all who ask nobody", async || (left(&setup).await == 1000).then_some(())).await;
        assert_eq!(asked.borrow().len(), 8, "the partner has answered nobody yet");
        answers.add_permits(1000);
    };
    let (drained, ()) = within("all to be done", join(worker.drain(), observer)).await;
    assert!(!drained.unwrap().more);
    assert_eq!(left(&setup).await, 0);
    assert_eq!(*asked.borrow(), (0..1000).map(|n| format!("pay{n:04}")).collect::<Vec<_>>(), "once each, in order");
    let most = handler.handled.take().len();
    assert!(most <= 200 + 2 * 1000, "each was thrown back once at most, but {most} deliveries were handled");
}

#[tokio::test]
async fn a_quick_partner_has_nobody_thrown_back() {
    let setup = Setup::new().await;
    send(&setup, "pay", 300).await;
    let (places, in_flight, most) = (Rc::new(Places::new(8)), Cell::new(0), Cell::new(0));
    let handler = Handling {
        places: Some(places.clone()),
        ..Handling::by(async |message: &Message| {
            asking(&places, message, async {
                in_flight.set(in_flight.get() + 1);
                most.set(most.get().max(in_flight.get()));
                setup.now().await;
                in_flight.set(in_flight.get() - 1);
            })
            .await
        })
    };
    // No time passes, however busy the machine is.
    let clock = StandingClock::default();
    let drained = within("the drain", worker(setup.jobs(), &clock, &handler).drain()).await.unwrap();
    assert_eq!((drained, most.get()), (Drained { settled: 300, late: 0, more: false }, 8));
    assert_eq!(handler.handled.take().len(), 300);
}

#[tokio::test]
async fn when_the_time_is_up_who_waits_for_a_place_is_thrown_back_and_who_has_one_is_done() {
    let setup = Setup::new().await;
    send(&setup, "pay", 20).await;
    let names: Vec<_> = (0..20).map(|n| format!("pay{n:04}")).collect();
    throw_back(&setup, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (places, clock, answer) = (Rc::new(Places::new(8)), StandingClock::default(), Semaphore::new(0));
    let handler = Handling {
        places: Some(places.clone()),
        ..Handling::by(async |message: &Message| {
            asking(&places, message, async { answer.acquire().await.unwrap().forget() }).await
        })
    };
    let limited = Worker { until: Duration::from_secs(10), ..worker(setup.jobs(), &clock, &handler) };
    let waiting = async |count: u64| {
        let waiting = async || {
            // Only ends what sleeps.
            clock.pass(Duration::ZERO);
            (setup.ask::<u64>("ZCARD", "jobs:throttled", &[]).await == count).then_some(())
        };
        eventually("so many to wait in Redis", waiting).await;
    };
    let observer = async {
        // Two are claimed ahead.
        waiting(10).await;
        clock.pass(Duration::from_secs(10));
        waiting(12).await;
        answer.add_permits(20);
    };
    let (drained, ()) = within("the drain", join(limited.drain(), observer)).await;
    assert_eq!(drained.unwrap(), Drained { settled: 10, late: 0, more: true });
    assert_eq!(left(&setup).await, 12);
    assert_eq!(ids(&setup.jobs().claim(&for_places(2)).await.unwrap()), ["pay0008", "pay0009"]);
}

#[tokio::test]
async fn who_was_thrown_back_goes_first_when_there_is_a_place_and_has_spent_nothing() {
    let setup = Setup::new().await;
    for name in ["a", "b", "c", "d"] {
        accept_all(&setup.jobs(), &[name]).await;
        setup.next_millisecond().await;
    }
    throw_back(&setup, &["d", "b", "c", "a"]).await;
    accept_all(&setup.jobs(), &["e", "f"]).await;

    let next = setup.jobs().claim(&for_places(2)).await.unwrap();
    assert_eq!(ids(&next), ["a", "b", "e", "f"]);
    assert_eq!(next.iter().map(|it| it.thrown_back).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!((next[0].delivery, next[0].failures, next[0].crashes), (2, 0, 0));
    assert!(next[0].since < next[1].since && next[1].since < next[2].since, "it keeps the time of its coming");
    assert!(!setup.ask::<bool>("EXISTS", "jobs:history", &[]).await);
    // The next delivery of one that was given a place says nothing of it.
    assert!(settle(&setup.jobs(), &next[0], release()).await);
    let next = setup.jobs().claim(&for_places(0)).await.unwrap();
    assert_eq!((ids(&next), next[0].thrown_back), (vec!["a"], false));
}

#[tokio::test]
async fn while_there_is_no_place_it_is_given_to_nobody_but_a_build_that_knows_no_places() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let a = claimed(&setup.jobs(), &claim(1)).await.remove(0);
    // Its lease is over at once.
    assert!(settle(&setup.dying(), &a, throttle(&a)).await);
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    assert_eq!(setup.dying().claim(&for_places(0)).await.unwrap(), []);
    let due: u64 = setup.ask("ZSCORE", "jobs:due", &["a"]).await;
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    assert_eq!(setup.jobs().claim(&for_places(0)).await.unwrap(), []);
    assert!(setup.ask::<u64>("ZSCORE", "jobs:due", &["a"]).await > due + 1000, "it is put off for a lease");

    let _: () = setup.ask("ZADD", "jobs:due", &[&due.to_string(), "a"]).await;
    let _: () = setup.ask("DEL", "jobs:throttled", &[]).await;
    assert_eq!(ids(&setup.jobs().claim(&for_places(0)).await.unwrap()), ["a"], "as that build sees it");
}

#[tokio::test]
async fn a_worker_that_dies_with_those_that_got_a_place_loses_none_and_they_crashed_once() {
    let setup = Setup::new().await;
    send(&setup, "pay", 3).await;
    throw_back(&setup, &["pay0000", "pay0001", "pay0002"]).await;
    assert_eq!(setup.dying().claim(&for_places(2)).await.unwrap().len(), 2);
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    // Fresh ones and suspects take turns.
    let third = setup.jobs().claim(&for_places(9)).await.unwrap();
    assert_eq!((ids(&third), third[0].crashes, third[0].suspect), (vec!["pay0002"], 0, false));
    let suspects = setup.jobs().claim(&for_places(9)).await.unwrap();
    assert_eq!(ids(&suspects), ["pay0000", "pay0001"]);
    assert!(suspects.iter().all(|it| (it.crashes, it.suspect, it.thrown_back) == (1, true, false)), "{suspects:?}");
}

#[tokio::test]
async fn a_timer_wakes_a_worker_for_those_thrown_back_within_a_lease() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let queue = setup.queue("jobs", Duration::from_secs(40));
    let a = claimed(&queue, &claim(1)).await.remove(0);
    let _: () = setup.tell(&["DEL", &setup.key("jobs:timer")]).await;
    assert!(settle(&queue, &a, throttle(&a)).await);
    let left: i64 = setup.ask("PTTL", "jobs:timer", &[]).await;
    assert!((1..=40_000).contains(&left), "{left}");
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.visible, stats.invisible), (1, 0), "it could be claimed now");
}

#[tokio::test]
async fn one_that_was_thrown_back_can_be_cancelled_buried_and_redriven() {
    let setup = Setup::new().await;
    send(&setup, "pay", 2).await;
    throw_back(&setup, &["pay0000", "pay0001"]).await;
    let recall = FollowUp { id: "cancel".into(), subject: "pay0000".into(), payload: "c".into(), recalls: true };
    setup.jobs().follow(recall).await.unwrap();
    let cancel = setup.jobs().claim(&for_places(0)).await.unwrap();
    assert_eq!(ids(&cancel), ["cancel"]);
    let both_gone = queue::Verdict::Done(Effects { clears: true, ..Effects::default() });
    assert!(settle(&setup.jobs(), &cancel[0], both_gone).await);

    let next = setup.jobs().claim(&for_places(9)).await.unwrap();
    assert_eq!(ids(&next), ["pay0001"], "what was cancelled is not given");
    assert!(settle(&setup.jobs(), &next[0], throttle(&next[0])).await);
    let next = setup.jobs().claim(&for_places(9)).await.unwrap();
    assert!(settle(&setup.jobs(), &next[0], bury()).await);
    assert_eq!(setup.jobs().claim(&for_places(9)).await.unwrap(), []);
    let letter = setup.jobs().dead_letters(0, 1).await.unwrap().remove(0);
    assert_eq!((letter.why.class, letter.why.failures, letter.history.len()), (Class::Permanent, 0, 1));
    assert_eq!(setup.jobs().redrive(&["pay0001".into()]).await.unwrap(), [true]);
    let next = setup.jobs().claim(&for_places(0)).await.unwrap();
    assert_eq!((ids(&next), next[0].thrown_back), (vec!["pay0001"], false));
    assert!(settle(&setup.jobs(), &next[0], done()).await);
    assert!(setup.contents().await.is_empty(), "{:?}", setup.contents().await.keys());
}

#[tokio::test]
async fn a_cancellation_that_waits_goes_first_when_its_message_is_thrown_back() {
    let setup = Setup::new().await;
    send(&setup, "pay", 1).await;
    let batch = claimed(&setup.jobs(), &claim(1)).await;
    let recall = FollowUp { id: "cancel".into(), subject: "pay0000".into(), payload: "c".into(), recalls: true };
    setup.jobs().follow(recall).await.unwrap();
    assert!(settle(&setup.jobs(), &batch[0], throttle(&batch[0])).await);
    assert_eq!(ids(&setup.jobs().claim(&for_places(9)).await.unwrap()), ["cancel"]);
}

#[tokio::test]
async fn a_queue_is_as_old_as_what_waits_for_a_place() {
    let setup = Setup::new().await;
    send(&setup, "pay", 1).await;
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    throw_back(&setup, &["pay0000"]).await;
    assert!(setup.jobs().stats().await.unwrap().oldest_visible.unwrap() >= BRIEF);
    let within = |age| Limits { depth: None, age: Some(age) };
    assert_eq!(setup.jobs().accept_within(message("b"), within(BRIEF)).await.unwrap(), Accepted::Full);
    assert_eq!(setup.jobs().accept_within(message("b"), within(LONG)).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn who_holds_without_a_place_asks_nobody_and_is_told_at_once_if_too_little_is_left() {
    let setup = Setup::new().await;
    let stock = queue::Stock::new(&setup.connection, &setup.namespace);
    stock.set("tea", 1).await.unwrap();
    accept_all(&setup.jobs(), &["a", "b"]).await;
    let batch = claimed(&setup.jobs(), &claim(2)).await;
    let asks = Terms { asks: "pay.test", ..terms(Untracked::Allow) };
    let waits = Terms { waits: true, ..asks.clone() };
    let asked = async || setup.jobs().find_own(&"a".into()).await.unwrap().unwrap().asked.unwrap().whom;

    let held = setup.jobs().hold(&batch[0], &waits, [("tea", 1)]).await.unwrap();
    assert_eq!(held, Hold::Held { first: true, leave: Leave::Waits });
    assert_eq!(asked().await, "", "a cancellation need not ask");
    let short = setup.jobs().hold(&batch[1], &waits, [("tea", 1)]).await.unwrap();
    assert!(matches!(short, Hold::Short { first: true, .. }), "{short:?}");
    assert!(settle(&setup.jobs(), &batch[0], throttle(&batch[0])).await);
    let a = setup.jobs().claim(&for_places(1)).await.unwrap().remove(0);
    assert_eq!(setup.jobs().hold(&a, &asks, [("tea", 1)]).await.unwrap(), HELD, "nobody was asked before");
    assert_eq!(asked().await, "pay.test");
}
