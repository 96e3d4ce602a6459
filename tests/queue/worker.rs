//! The worker: everything handled, nothing twice, and no harm from what fails around it.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::join;
use queue::native::{Native, Tokio};
use queue::{
    Backoff, Class, Connection, Drained, Effects, Error, Failure, Handler, Linger, Message, Queue, Runtime, Worker,
};
use tokio::sync::{Barrier, Notify};

use super::doubles::{Failing, Fault, Handling, StandingClock, name};
use super::setup::*;
use crate::harness::{eventually, within};

const THRICE: Backoff = Backoff::Exponential { base: BRIEF, cap: BRIEF, attempts: 3 };

fn worker<'a, C: Connection, R: Runtime, H: Handler>(
    queue: Queue<'a, C>,
    runtime: &'a R,
    handler: &'a H,
) -> Worker<'a, C, R, H> {
    Worker {
        queue,
        handler,
        runtime,
        name: "worker",
        backoff: &THRICE,
        max_crashes: 3,
        batch: 20,
        linger: Linger::WhileMoreComes,
        until: Duration::MAX,
    }
}

/// A drain that must come to an end.
async fn drain<C: Connection, R: Runtime, H: Handler>(worker: &Worker<'_, C, R, H>) -> Result<Drained, Error> {
    within("the drain", worker.drain()).await
}

fn handled() -> Result<Effects, Failure> {
    Ok(Effects::default())
}

fn failed() -> Result<Effects, Failure> {
    Err(Failure::retry("not today"))
}

async fn send(setup: &Setup, count: usize) {
    let ids: Vec<String> = (0..count).map(|n| format!("m{n:03}")).collect();
    accept_all(&setup.jobs(), &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn assert_all_done(setup: &Setup) {
    assert!(setup.contents().await.is_empty(), "{:?}", setup.contents().await.keys());
}

#[tokio::test]
async fn five_hundred_messages_are_handled_once_each_a_batch_at_a_time() {
    let setup = Setup::new().await;
    send(&setup, 500).await;
    let whole_batch = Barrier::new(20);
    let handler = Handling::by(async |_: &Message| {
        whole_batch.wait().await;
        handled()
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();

    assert_eq!(drained, Drained { settled: 500, late: 0, more: false });
    let mut handled = handler.handled.take();
    handled.sort();
    handled.dedup();
    assert_eq!(handled.len(), 500);
    assert_eq!(handler.settled.get(), 25, "told once a batch");
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn places_that_come_free_are_filled_while_a_slow_message_goes_on() {
    let setup = Setup::new().await;
    send(&setup, 100).await;
    let (in_flight, most) = (Cell::new(0), Cell::new(0));
    let handler = Handling::by(async |message: &Message| {
        in_flight.set(in_flight.get() + 1);
        most.set(most.get().max(in_flight.get()));
        if name(message) == "m000" {
            let others = async || (setup.ask::<u64>("HLEN", "jobs:body", &[]).await == 1).then_some(());
            eventually("all others to be settled", others).await;
        }
        setup.now().await;
        in_flight.set(in_flight.get() - 1);
        handled()
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 100, late: 0, more: false });
    assert_eq!(most.get(), 20, "never more than a batch");
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn a_message_that_comes_while_another_one_is_slow_does_not_wait_for_it() {
    let setup = Setup::new().await;
    send(&setup, 1).await;
    let came = Notify::new();
    let handler = Handling::by(async |message: &Message| {
        match name(message).as_str() {
            "m000" => {
                accept_all(&setup.jobs(), &["next"]).await;
                came.notified().await;
            }
            _ => came.notify_one(),
        }
        handled()
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 2, late: 0, more: false });
}

#[tokio::test]
async fn a_suspect_is_handled_beside_no_fresh_message_and_soon() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["old0", "old1"]).await;
    setup.dying().claim(&claim(2)).await.unwrap();
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    send(&setup, 50).await;
    let in_flight = RefCell::new(Vec::new());
    let handler = Handling::by(async |message: &Message| {
        let is_old = |name: &String| name.starts_with("old");
        in_flight.borrow_mut().push(name(message));
        let beside = in_flight.borrow().clone();
        assert!(beside.iter().all(is_old) || !beside.iter().any(is_old), "{beside:?}");
        setup.next_millisecond().await;
        in_flight.borrow_mut().retain(|other| *other != name(message));
        handled()
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 52, late: 0, more: false });
    let order = handler.handled.take();
    let old = order.iter().position(|name| name == "old0").unwrap();
    assert!(old <= 40, "it waited for {old} of those that came later");
}

#[tokio::test]
async fn two_workers_on_one_queue_handle_each_message_once() {
    let setup = Setup::new().await;
    send(&setup, 200).await;
    let handler = Handling::by(async |_: &Message| {
        tokio::task::yield_now().await;
        handled()
    });
    let (runtime, other) = (Tokio::default(), setup.redis.connect().await);
    let [here, there] = [setup.jobs(), setup.on(&other, "jobs")].map(|queue| worker(queue, &runtime, &handler));
    let (here, there) = join(drain(&here), drain(&there)).await;

    assert_eq!(here.unwrap().settled + there.unwrap().settled, 200);
    let mut handled = handler.handled.take();
    handled.sort();
    assert_eq!(handled, (0..200).map(|n| format!("m{n:03}")).collect::<Vec<_>>());
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn a_message_that_takes_many_leases_is_handed_out_once() {
    let setup = Setup::new().await;
    send(&setup, 2).await;
    let lease = Duration::from_millis(900);
    let start = setup.now().await;
    let handler = Handling::by(async |_: &Message| {
        let over = async || (setup.now().await > start + 2500).then_some(());
        eventually("the end of a long job", over).await;
        handled()
    });
    let runtime = Tokio::default();
    let slow = worker(setup.queue("jobs", lease), &runtime, &handler);
    let rival = async {
        let mut got = 0;
        while setup.jobs().stats().await.unwrap().invisible + setup.jobs().stats().await.unwrap().visible > 0 {
            got += setup.queue("jobs", lease).claim(&claim(9)).await.unwrap().len();
        }
        got
    };
    // Polled in this order: the worker claims first.
    let (drained, stolen) = within("both to be done", join(slow.drain(), rival)).await;
    assert_eq!(drained.unwrap(), Drained { settled: 2, late: 0, more: false });
    assert_eq!(stolen, 0);
}

#[tokio::test]
async fn what_is_finished_is_settled_and_what_is_not_is_renewed_a_third_into_the_lease() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["fast", "slow"]).await;
    let finish = Notify::new();
    let handler = Handling::by(async |message: &Message| {
        if name(message) == "slow" {
            finish.notified().await;
        }
        handled()
    });
    let clock = StandingClock::default();
    let worker = worker(setup.jobs(), &clock, &handler);
    let observer = async {
        let due = async || setup.ask::<Option<u64>>("ZSCORE", "jobs:due", &["slow"]).await.unwrap();
        let leased = async || (setup.jobs().stats().await.unwrap().invisible == 2).then_some(());
        eventually("both to be claimed", leased).await;
        let first_lease = due().await;
        setup.next_millisecond().await;

        let renewed = async || {
            clock.pass(LONG / 3);
            (due().await > first_lease).then_some(())
        };
        eventually("a longer lease", renewed).await;
        assert_eq!(setup.ask::<u64>("ZCARD", "jobs:due", &[]).await, 1, "the fast one did not wait");
        assert_eq!(handler.settled.get(), 1);
        finish.notify_one();
    };
    let (drained, ()) = within("the drain", join(worker.drain(), observer)).await;
    assert_eq!(drained.unwrap().settled, 2);
    assert_eq!(handler.settled.get(), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_once_is_made_good_by_the_next() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["slow"]).await;
    let finish = Notify::new();
    let handler = Handling::by(async |_: &Message| {
        finish.notified().await;
        handled()
    });
    let (clock, connection) = (StandingClock::default(), Failing::around(setup.connection.clone()));
    let worker = worker(setup.on(&connection, "jobs"), &clock, &handler);
    let observer = async {
        let leased = async || (setup.jobs().stats().await.unwrap().invisible == 1).then_some(());
        eventually("it to be claimed", leased).await;
        let sent = connection.sent.get();
        connection.fail(&[Fault::Refused]);
        let renewed = async || {
            clock.pass(LONG / 3);
            (connection.sent.get() >= sent + 2).then_some(())
        };
        eventually("two renewals", renewed).await;
        finish.notify_one();
    };
    let (drained, ()) = within("the drain", join(worker.drain(), observer)).await;
    assert_eq!(drained.unwrap(), Drained { settled: 1, late: 0, more: false });
}

#[tokio::test]
async fn a_failing_message_is_tried_as_often_as_planned_and_then_buried_with_all_that_follows() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["bad", "good"]).await;
    let handler = Handling::by(async |message: &Message| if name(message) == "bad" { failed() } else { handled() });
    let runtime = Tokio::default();
    let worker = worker(setup.jobs(), &runtime, &handler);
    let dead = async || {
        drain(&worker).await.unwrap();
        setup.jobs().dead_letters(0, 10).await.unwrap().pop()
    };
    let letter = eventually("a dead letter", dead).await;

    let mut attempts = handler.handled.take();
    attempts.sort();
    assert_eq!(attempts, ["bad", "bad", "bad", "good"]);
    assert_eq!((letter.why.class, letter.why.failures, letter.why.crashes), (Class::Handler, 3, 0));
    assert_eq!(letter.why.reason, "not today");
    assert_eq!(letter.history.len(), 3);
    assert_eq!(handler.buried.take(), [("bad".to_owned(), Class::Handler, "not today".to_owned())]);
    assert_eq!(setup.ask::<u64>("HGET", "totals", &["buried"]).await, 1, "what the handler says follows");
}

#[tokio::test]
async fn a_handler_may_ask_for_more_time_than_the_plan_gives() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let later = Duration::from_secs(300);
    let handler = Handling::by(async |_: &Message| Err(Failure::retry_after("busy", Some(later))));
    let runtime = Tokio::default();
    let start = setup.now().await;
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained.settled, 1);
    let due: u64 = setup.ask("ZSCORE", "jobs:due", &["a"]).await;
    assert!(due >= start + 300_000);
}

#[tokio::test]
async fn what_surroundings_refuse_is_given_back_for_as_long_as_they_do_and_spends_nothing() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a", "b"]).await;
    let outage = Cell::new(40);
    let handler = Handling::by(async |message: &Message| match (name(message).as_str(), outage.get()) {
        ("a", times) if times > 0 => {
            outage.set(times - 1);
            Err(Failure::release(format!("no store, {times}")))
        }
        ("a", _) => Err(Failure::permanent("never")),
        _ => handled(),
    });
    // Its waits are those of the shortest lease: 1 to 50 ms.
    let runtime = Tokio::default();
    let worker = worker(setup.queue("jobs", *queue::LEASES.start()), &runtime, &handler);
    let dead = async || {
        drain(&worker).await.unwrap();
        setup.jobs().dead_letters(0, 10).await.unwrap().pop()
    };
    let letter = eventually("a dead letter", dead).await;

    assert_eq!((letter.why.deliveries, letter.why.failures, letter.why.crashes), (41, 0, 0));
    let story: Vec<_> =
        letter.history.iter().map(|incident| (incident.given_back, incident.reason.as_deref())).collect();
    assert_eq!(story, [(40, Some("no store, 1")), (0, Some("never"))], "one entry for all times");
    assert!(letter.history[0].since.unwrap() < letter.history[0].at);
    let told = |times| format!("Given back to the queue `jobs`: 1 deliveries. no store, {times}.");
    // It may go on for days: at first, and then after 1, 2, 4, 8, 16 and 32 times.
    assert_eq!(handler.log.take(), [40, 39, 38, 36, 32, 24, 8].map(told));
}

#[tokio::test]
async fn a_whole_batch_that_is_given_back_is_told_once() {
    let setup = Setup::new().await;
    send(&setup, 20).await;
    let later = Duration::from_secs(300);
    let handler =
        Handling::by(async |_: &Message| Err(Failure::Release { reason: "no store".to_owned(), after: later }));
    let (runtime, start) = (Tokio::default(), setup.now().await);
    drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(handler.log.take(), ["Given back to the queue `jobs`: 20 deliveries. no store."]);
    let due: u64 = setup.ask("ZSCORE", "jobs:due", &["m000"]).await;
    assert!(due >= start + 300_000, "a handler may ask for more time");
}

#[tokio::test]
async fn what_a_handler_buries_is_buried_at_once_for_its_reason_and_beside_its_neighbours() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a", "garbled", "z"]).await;
    let handler = Handling::by(async |message: &Message| match name(message).as_str() {
        "garbled" => Err(Failure::undecodable("no JSON")),
        _ => handled(),
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained.settled, 3);
    let letters = setup.jobs().dead_letters(0, 10).await.unwrap();
    assert_eq!(
        (letters.len(), letters[0].id.as_bytes(), letters[0].payload.as_bytes()),
        (1, &b"garbled"[..], &b"garbled"[..])
    );
    assert_eq!((letters[0].why.class, letters[0].why.reason.as_str()), (Class::Undecodable, "no JSON"));
    assert_eq!(handler.buried.take(), [("garbled".to_owned(), Class::Undecodable, "no JSON".to_owned())]);
}

#[tokio::test]
async fn a_message_that_killed_its_workers_is_buried_without_being_handled() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["poison"]).await;
    for _ in 0..3 {
        claimed(&setup.dying(), &claim(1)).await;
    }
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    let handler = Handling::by(async |_: &Message| handled());
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();

    assert_eq!(drained.settled, 1);
    assert_eq!(handler.handled.take(), [""; 0]);
    let letter = setup.jobs().dead_letters(0, 1).await.unwrap().remove(0);
    assert_eq!((letter.why.class, letter.why.crashes, letter.payload.as_bytes()), (Class::Crash, 3, &b"poison"[..]));
    assert!(letter.why.reason.contains("3 times"), "{}", letter.why.reason);
    assert_eq!(letter.history.len(), 3, "each crash is told once: {:?}", letter.history);
    assert_eq!(handler.buried.take()[0].1, Class::Crash);
}

#[tokio::test]
async fn when_the_time_is_up_nothing_more_is_claimed_and_the_caller_is_told() {
    let setup = Setup::new().await;
    send(&setup, 30).await;
    let clock = StandingClock::default();
    let handler = Handling::by(async |_: &Message| {
        clock.elapsed.set(Duration::from_secs(10));
        handled()
    });
    let limited = Worker { until: Duration::from_secs(10), ..worker(setup.jobs(), &clock, &handler) };
    assert_eq!(drain(&limited).await.unwrap(), Drained { settled: 20, late: 0, more: true }, "the batch is finished");
    assert_eq!(drain(&limited).await.unwrap(), Drained { settled: 0, late: 0, more: true });
    let stats = setup.jobs().stats().await.unwrap();
    assert_eq!((stats.visible, stats.invisible), (10, 0));
    assert_eq!(setup.ask::<u64>("EXISTS", "jobs:deliveries", &[]).await, 0, "the others were never leased");
}

#[tokio::test]
async fn a_doorbell_that_rings_while_it_works_is_left_to_the_next_wake() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let handler = Handling::by(async |message: &Message| {
        if name(message) == "a" {
            accept_all(&setup.jobs(), &["b"]).await;
            assert!(setup.ask::<bool>("PERSIST", "jobs:bell", &[]).await, "it rings, from now on without end");
        }
        handled()
    });
    let runtime = Tokio::default();
    drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(handler.handled.take(), ["a", "b"]);
    assert!(setup.ask::<bool>("EXISTS", "jobs:bell", &[]).await);
    drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert!(!setup.ask::<bool>("EXISTS", "jobs:bell", &[]).await);
}

#[tokio::test]
async fn a_redis_that_fails_for_a_moment_makes_no_crash_of_what_was_handled() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let connection = Failing::around(setup.connection.clone());
    let handler = Handling::by(async |_: &Message| {
        connection.fail(&[Fault::Refused, Fault::Refused]);
        handled()
    });
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.on(&connection, "jobs"), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 1, late: 0, more: false });
    assert!(connection.has_failed());
    assert_eq!(handler.handled.take(), ["a"]);
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn a_redis_that_fails_for_a_moment_ends_no_wake() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let connection = Failing::around(setup.connection.clone());
    connection.fail(&[Fault::Refused, Fault::Refused]);
    let handler = Handling::by(async |_: &Message| handled());
    let runtime = Tokio::default();
    let drained = drain(&worker(setup.on(&connection, "jobs"), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 1, late: 0, more: false });
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn who_waits_for_effects_is_told_though_the_answer_to_their_settling_was_lost() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let connection = Failing::around(setup.connection.clone());
    let handler = Handling::by(async |_: &Message| {
        connection.fail(&[Fault::AnswerLost]);
        handled()
    });
    let runtime = Tokio::default();
    drain(&worker(setup.on(&connection, "jobs"), &runtime, &handler)).await.unwrap();
    assert!(connection.has_failed());
    assert_eq!((handler.handled.take(), handler.settled.get()), (vec!["a".to_owned()], 1));
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn a_redis_that_stays_away_for_many_leases_costs_nothing_and_ends_no_wake() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let connection = Failing::around(setup.connection.clone());
    // Before the claim, and again before the settlement.
    connection.fail(&[Fault::Refused; 30]);
    let handler = Handling::by(async |_: &Message| {
        connection.fail(&[Fault::Refused; 30]);
        handled()
    });
    let (runtime, lease) = (Tokio::default(), Duration::from_millis(120));
    let queue = Queue::new(&connection, &setup.namespace, "jobs", queue::Timing { lease, log_retention: LONG });
    let drained = drain(&worker(queue, &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 1, late: 0, more: false });
    assert!(runtime.elapsed() > lease * 6, "it took {:?}", runtime.elapsed());
    assert_eq!(handler.handled.take(), ["a"]);
    let log = handler.log.take();
    assert_eq!(log.len(), 2, "each outage is told once: {log:?}");
    assert!(log[0].contains("LOADING"), "{log:?}");
    assert_all_done(&setup).await;
}

#[tokio::test]
async fn a_verdict_that_comes_late_is_counted_as_such_and_wakes_nobody() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let handler = Handling::by(async |_: &Message| {
        // Another worker takes the message over while this one is stuck.
        claimed(&setup.jobs(), &claim(1)).await;
        handled()
    });
    let clock = StandingClock::default();
    let drained = drain(&worker(setup.queue("jobs", BRIEF), &clock, &handler)).await.unwrap();
    assert_eq!(drained, Drained { settled: 0, late: 1, more: false });
    assert_eq!(handler.settled.get(), 0);
    assert_eq!(setup.jobs().stats().await.unwrap().invisible, 1, "its successor has it");
}

#[tokio::test]
async fn a_worker_that_missed_redis_until_another_had_its_message_did_not_die() {
    for (faults, crashes) in [(&[][..], 1), (&[Fault::Refused][..], 0), (&[Fault::AnswerLost][..], 0)] {
        let setup = Setup::new().await;
        accept_all(&setup.jobs(), &["a"]).await;
        let (connection, successors) = (Failing::around(setup.connection.clone()), RefCell::default());
        let handler = Handling::by(async |_: &Message| {
            connection.fail(faults);
            *successors.borrow_mut() = claimed(&setup.jobs(), &claim(1)).await;
            handled()
        });
        let (runtime, timing) = (Tokio::default(), queue::Timing { lease: BRIEF, log_retention: LONG });
        let queue = Queue::new(&connection, &setup.namespace, "jobs", timing);
        let drained = drain(&worker(queue, &runtime, &handler)).await.unwrap();
        assert_eq!((drained.late, connection.has_failed()), (1, true));
        let successor = successors.take().remove(0);
        assert_eq!(successor.crashes, 1, "nobody knows better yet");
        assert!(settle(&setup.jobs(), &successor, release()).await);
        assert_eq!(claimed(&setup.jobs(), &claim(1)).await[0].crashes, crashes, "{faults:?}");
    }
}

#[tokio::test]
async fn an_empty_queue_is_drained_at_once() {
    let setup = Setup::new().await;
    let handler = Handling::by(async |_: &Message| handled());
    let runtime = Tokio::default();
    let drained = drain(&worker::<Native, _, _>(setup.jobs(), &runtime, &handler)).await.unwrap();
    assert_eq!(drained, Drained::default());
}

#[tokio::test]
async fn a_delivery_whose_message_comes_again_can_emit_messages() {
    let setup = Setup::new().await;
    send(&setup, 1).await;
    let handler = Handling {
        emits: true,
        ..Handling::by(async |message: &Message| match message.delivery {
            1 => Err(Failure::retry("not yet")),
            2 => Err(Failure::release("no store")),
            _ => Ok(Effects::default()),
        })
    };
    let runtime = Tokio::default();
    eventually("the message to be done", async || {
        drain(&worker(setup.jobs(), &runtime, &handler)).await.unwrap();
        (handler.handled.borrow().len() == 3).then_some(())
    })
    .await;
    let lane = setup.jobs().lane("left");
    let emitted = claimed(&lane, &claim(9)).await;
    assert_eq!(ids(&emitted), ["m000.1", "m000.2"]);
}
