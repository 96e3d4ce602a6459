//! Settling: only by the latest delivery, with everything that follows in one step.

use std::time::Duration;

use queue::native::Native;
use queue::{Claim, Class, Effects, Emit, Message, Queue, Settlement, Timing, Verdict};

use super::setup::*;

/// Effects of every kind.
fn effects(name: &str) -> Effects {
    Effects {
        head: Some(format!("head of {name}").into()),
        counter: Some(format!("counted:{name}")),
        emits: vec![emit("events", name), emit("events.lane", name)],
        ..Effects::default()
    }
}

fn emit(queue: &str, name: &str) -> Emit {
    Emit {
        queue: queue.to_owned(),
        id: format!("event of {name}").into(),
        payload: name.into(),
        log: queue == "events",
        after: Duration::ZERO,
    }
}

fn buried(name: &str) -> Verdict {
    Verdict::Bury { class: Class::Permanent, reason: "never".to_owned(), effects: effects(name) }
}

#[tokio::test]
async fn a_done_message_leaves_nothing_behind_whatever_it_went_through() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let patient = Claim { max_crashes: 9, ..claim(1) };
    accept_all(&queue, &["smooth"]).await;
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert!(settle(&queue, &batch[0], done()).await);
    assert!(setup.contents().await.is_empty(), "{:?}", setup.contents().await.keys());

    accept_all(&queue, &["rough"]).await;
    claimed(&setup.dying(), &patient).await;
    for verdict in [retry(BRIEF), release(), bury()] {
        let batch = claimed(&queue, &patient).await;
        assert!(settle(&queue, &batch[0], verdict).await);
    }
    assert_eq!(queue.redrive(&["rough".into()]).await.unwrap(), [true]);
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert!(settle(&queue, &batch[0], done()).await);
    assert!(setup.contents().await.is_empty(), "{:?}", setup.contents().await.keys());
}

/// What a worker may try that comes too late.
fn verdicts() -> Vec<Verdict> {
    vec![Verdict::Done(effects("late")), buried("late"), retry(LONG), release()]
}

async fn assert_refused(setup: &Setup, late: &Message, when: &str) {
    for verdict in verdicts() {
        let before = setup.contents().await;
        let settled = settle(&setup.jobs(), late, verdict.clone()).await;
        assert!(!settled, "{verdict:?} {when}");
        assert!(before == setup.contents().await, "{verdict:?} {when} changed something");
    }
    let before = setup.contents().await;
    let renewed = setup.jobs().renew(&[(&late.id, late.delivery)]).await.unwrap();
    assert_eq!(renewed, [false], "renewed {when}");
    assert!(before == setup.contents().await, "a renewal {when} changed something");
    assert_eq!(setup.ask::<Option<u64>>("HGET", "totals", &["counted:late"]).await, None, "counted {when}");
}

#[tokio::test]
async fn a_worker_whose_lease_was_taken_over_can_change_nothing() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let late = setup.dying().claim(&claim(1)).await.unwrap().remove(0);
    let successor = claimed(&setup.jobs(), &claim(1)).await.remove(0);

    assert_refused(&setup, &late, "while its successor works").await;
    assert!(settle(&setup.jobs(), &successor, retry(LONG)).await);
    assert_refused(&setup, &late, "when its successor gave it back").await;
}

#[tokio::test]
async fn a_worker_that_comes_late_can_change_nothing_about_what_is_done_dead_or_redriven() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b"]).await;
    let late = setup.dying().claim(&claim(2)).await.unwrap();
    for (late, verdict, when) in [(&late[0], done(), "when it is done"), (&late[1], bury(), "when it is dead")] {
        let successor = claimed(&queue, &claim(1)).await.remove(0);
        assert_eq!(successor.id, late.id);
        assert!(settle(&queue, &successor, verdict).await);
        assert_refused(&setup, late, when).await;
    }
    assert_eq!(queue.redrive(&["b".into()]).await.unwrap(), [true]);
    assert_refused(&setup, &late[1], "when it was redriven").await;
    assert_eq!(queue.claim(&claim(1)).await.unwrap()[0].delivery, 3);
    assert_refused(&setup, &late[1], "when it is handed out anew").await;
}

#[tokio::test]
async fn a_delivery_is_settled_once() {
    let setup = Setup::new().await;
    for (n, verdict) in [done(), retry(LONG), bury(), release()].into_iter().enumerate() {
        let queue = setup.jobs();
        accept_all(&queue, &[&n.to_string()]).await;
        let batch = queue.claim(&claim(1)).await.unwrap();
        assert!(settle(&queue, &batch[0], verdict).await);
        assert_refused(&setup, &batch[0], "when it is settled").await;
        // Out of the next one's way.
        for message in queue.claim(&claim(1)).await.unwrap() {
            assert!(settle(&queue, &message, done()).await);
        }
    }
}

#[tokio::test]
async fn a_lease_that_ran_out_unnoticed_is_no_reason_to_refuse() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let batch = setup.dying().claim(&claim(1)).await.unwrap();
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    assert!(settle(&setup.jobs(), &batch[0], done()).await);
}

#[tokio::test]
async fn a_message_that_nobody_sent_can_not_be_settled() {
    let setup = Setup::new().await;
    let never_sent = Message {
        id: "a".into(),
        subject: "a".into(),
        delivery: 0,
        failures: 0,
        crashes: 0,
        suspect: false,
        exhausted: false,
        since: 0,
        thrown_back: false,
        head: None,
        payload: "".into(),
    };
    assert_refused(&setup, &never_sent, "though it never was").await;
    assert!(setup.contents().await.is_empty());
    assert!(setup.jobs().settle("worker", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_with_every_verdict_and_a_late_one_is_settled_in_one_step_with_all_effects() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["late"]).await;
    let late = setup.dying().claim(&claim(1)).await.unwrap().remove(0);
    claimed(&queue, &claim(1)).await;
    accept_all(&queue, &["bury", "done", "release", "retry"]).await;
    let batch = queue.claim(&claim(10)).await.unwrap();
    assert_eq!(ids(&batch), ["bury", "done", "release", "retry"]);

    let settlements = [
        settlement(&batch[0], buried("bury")),
        settlement(&late, Verdict::Done(effects("late"))),
        settlement(&batch[1], Verdict::Done(effects("done"))),
        settlement(&batch[2], release()),
        settlement(&batch[3], retry(LONG)),
    ];
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), [true, false, true, true, true]);

    let mut heads: Vec<String> = setup.ask("HGETALL", "head", &[]).await;
    heads.sort();
    assert_eq!(heads, ["bury", "done", "head of bury", "head of done"]);
    let events = setup.queue("events", LONG).claim(&claim(10)).await.unwrap();
    assert_eq!(ids(&events), ["event of bury", "event of done"]);
    assert_eq!(events[1].payload, b"done");
    let lane = setup.queue("events", LONG).lane("lane").claim(&claim(10)).await.unwrap();
    assert_eq!(ids(&lane), ["event of bury", "event of done"]);
    assert_eq!(setup.log().await.1, ["bury", "done"]);

    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.visible, stats.invisible, stats.dead), (1, 2, 1), "released; late and retrying; buried");
    assert_eq!(ids(&queue.claim(&claim(10)).await.unwrap()), ["release"]);
    assert_eq!(
        totals(&setup).await,
        [
            "counted:bury=1",
            "counted:done=1",
            "jobs:bury=1",
            "jobs:done=1",
            "jobs:late=1",
            "jobs:release=1",
            "jobs:retry=1"
        ]
    );
}

async fn totals(setup: &Setup) -> Vec<String> {
    let pairs: Vec<(String, u64)> = setup.ask("HGETALL", "totals", &[]).await;
    let mut totals: Vec<_> = pairs.into_iter().map(|(name, count)| format!("{name}={count}")).collect();
    totals.sort();
    totals
}

#[tokio::test]
async fn counters_add_up_over_batches() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b", "c"]).await;
    let counted = || Verdict::Done(Effects { counter: Some("sold".to_owned()), ..Effects::default() });
    for most in [1, 2] {
        let batch = queue.claim(&claim(most)).await.unwrap();
        let settlements: Vec<_> = batch.iter().map(|message| settlement(message, counted())).collect();
        assert_eq!(queue.settle("worker", &settlements).await.unwrap(), vec![true; most]);
    }
    assert_eq!(totals(&setup).await, ["jobs:done=3", "sold=3"]);
}

#[tokio::test]
async fn a_retry_waits_its_time_and_then_comes() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b"]).await;
    let batch = queue.claim(&claim(2)).await.unwrap();
    let wait = Duration::from_millis(30);
    let settled_at = setup.now().await;
    let settlements = [settlement(&batch[0], retry(wait)), settlement(&batch[1], release_after(wait * 2))];
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), [true, true]);

    for (id, wait) in [("a", wait), ("b", wait * 2)] {
        assert_eq!(ids(&claimed(&queue, &claim(2)).await), [id]);
        assert!(setup.now().await >= settled_at + wait.as_millis() as u64, "{id} came too early");
    }
}

#[tokio::test]
async fn every_lane_that_was_written_to_is_known_by_its_name() {
    let setup = Setup::new().await;
    let events = setup.queue("events", LONG);
    assert_eq!(events.lanes().await.unwrap(), Vec::<String>::new());
    accept_all(&setup.jobs(), &["a"]).await;
    let batch = setup.jobs().claim(&claim(1)).await.unwrap();
    let lanes = ["events.erp", "events.shop.eu", "events", "others.crm"];
    let emits = lanes.map(|lane| emit(lane, "a")).to_vec();
    assert!(settle(&setup.jobs(), &batch[0], Verdict::Done(Effects { emits, ..Effects::default() })).await);
    events.lane("mail").accept(message("b")).await.unwrap();

    let mut known = events.lanes().await.unwrap();
    known.sort();
    assert_eq!(known, ["erp", "mail", "shop.eu"]);
}

fn remembering(setup: &Setup, log_retention: Duration) -> Queue<'_, Native> {
    let timing = Timing { lease: LONG, log_retention };
    Queue::new(&setup.connection, &setup.namespace, "jobs", timing)
}

async fn settle_with_logged_events(queue: &Queue<'_, Native>, from: usize) {
    for n in from..from + 10 {
        queue.accept(message(&n.to_string())).await.unwrap();
        let message = queue.claim(&claim(1)).await.unwrap().remove(0);
        let emits = (0..50).map(|event| emit("events", &format!("{n}-{event}"))).collect();
        let verdict = Verdict::Done(Effects { emits, ..Effects::default() });
        assert_eq!(queue.settle("worker", &[settlement(&message, verdict)]).await.unwrap(), [true]);
    }
}

#[tokio::test]
async fn the_log_keeps_what_is_young_and_drops_what_is_old() {
    let setup = Setup::new().await;
    settle_with_logged_events(&remembering(&setup, LONG), 0).await;
    let (_, young) = setup.log().await;
    assert_eq!((young.len(), young[0].as_str(), young[499].as_str()), (500, "0-0", "9-49"));

    setup.next_millisecond().await;
    setup.next_millisecond().await;
    settle_with_logged_events(&remembering(&setup, BRIEF), 10).await;
    let (_, left) = setup.log().await;
    // Redis drops whole nodes of a hundred entries.
    assert!(left.len() <= 700 && !left.contains(&"8-49".to_owned()), "{} left", left.len());
    assert_eq!(left.last().unwrap(), "19-49");
}

#[tokio::test]
async fn a_batch_of_hundreds_with_many_events_each_is_settled() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let sent: Vec<String> = (0..256).map(|n| format!("m{n:03}")).collect();
    accept_all(&queue, &sent.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let batch = queue.claim(&claim(256)).await.unwrap();
    let settlements: Vec<Settlement> =
        batch.iter().zip(&sent).map(|(message, name)| settlement(message, Verdict::Done(effects(name)))).collect();
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), [true; 256]);
    assert_eq!(setup.queue("events", LONG).stats().await.unwrap().visible, 256);
}
