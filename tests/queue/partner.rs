//! A partner that fails for all is one incident: one message at a time probes it, the others wait and spend nothing.

use std::time::Duration;

use queue::native::Native;
use queue::{Emit, Hold, Interruption, Leave, Message, Queue, Report, Settlement, Showed, Terms, Untracked, Verdict};

use super::setup::{Setup, accept_all, claim, claimed, done, ids, release, retry, settlement, terms};
use crate::harness::eventually;

const PARTNER: &str = "pay.test";

/// Its first probe comes after 100 ms.
const LEASE: Duration = Duration::from_millis(3200);

const NO_PAUSE: Duration = Duration::ZERO;

fn jobs(setup: &Setup) -> Queue<'_, Native> {
    setup.queue("jobs", LEASE)
}

fn showing(message: &Message, verdict: Verdict, showed: Showed, pause: Duration) -> Settlement {
    let (id, why) = match showed {
        Showed::Failed => ("interrupted", "it is away"),
        _ => ("resumed", ""),
    };
    let news = Emit { queue: "told".to_owned(), id: id.into(), payload: id.into(), log: true, after: NO_PAUSE };
    let (partner, why, news) = (PARTNER.to_owned(), why.to_owned(), Some(news));
    Settlement { report: Some(Report { partner, showed, why, pause, news }), ..settlement(message, verdict) }
}

fn failed(message: &Message) -> Settlement {
    showing(message, retry(Duration::from_millis(1)), Showed::Failed, NO_PAUSE)
}

/// The same for one that doesn't come again.
fn failed_for_good(message: &Message) -> Settlement {
    showing(message, done(), Showed::Failed, NO_PAUSE)
}

fn answered(message: &Message) -> Settlement {
    showing(message, done(), Showed::Answered, NO_PAUSE)
}

/// Later than anything here, unless it is called forward.
fn waits(message: &Message) -> Settlement {
    let Verdict::Release { reason, emits, .. } = release() else { unreachable!() };
    let verdict = Verdict::Release { after: Duration::from_secs(900), reason, emits };
    showing(message, verdict, Showed::Waits, NO_PAUSE)
}

async fn settle(queue: &Queue<'_, Native>, settlements: &[Settlement]) {
    assert_eq!(queue.settle("worker", settlements).await.unwrap(), vec![true; settlements.len()]);
}

async fn take(queue: &Queue<'_, Native>, names: &[&str]) -> Vec<Message> {
    accept_all(queue, names).await;
    let batch = claimed(queue, &claim(names.len())).await;
    assert!(ids(&batch) == names, "others are visible");
    batch
}

/// The same, and each is asked for later than all that was settled before.
async fn asking(setup: &Setup, names: &[&str]) -> Vec<Message> {
    setup.next_millisecond().await;
    let queue = jobs(setup);
    let batch = take(&queue, names).await;
    let terms = Terms { asks: PARTNER, ..terms(Untracked::Allow) };
    for message in &batch {
        let held = queue.hold(message, &terms, []).await.unwrap();
        assert_eq!(held, Hold::Held { first: true, leave: Leave::Free });
    }
    batch
}

/// The partner fails for five messages.
async fn interrupt(queue: &Queue<'_, Native>) {
    let batch = take(queue, &["f1", "f2", "f3", "f4", "f5"]).await;
    let finished: Vec<_> = batch.iter().map(failed_for_good).collect();
    settle(queue, &finished).await;
    assert!(since(queue).await.is_some());
}

async fn since(queue: &Queue<'_, Native>) -> Option<u64> {
    queue.interruptions().await.unwrap().into_iter().find(|known| known.partner == PARTNER)?.since
}

/// Waits until this message has leave to probe.
async fn probe(queue: &Queue<'_, Native>, message: &Message) {
    let leave = async || match queue.ask(message, PARTNER).await.unwrap() {
        Leave::Waits => None,
        leave => Some(leave),
    };
    let leave = eventually("leave to probe", leave).await;
    assert_eq!(leave, Leave::Probe { since: since(queue).await.unwrap() });
}

/// In how many ms a message is visible.
async fn visible_in(setup: &Setup, id: &str) -> i64 {
    let at: f64 = setup.ask("ZSCORE", "jobs:due", &[id]).await;
    at as i64 - setup.now().await as i64
}

#[tokio::test]
async fn it_fails_for_all_once_it_failed_for_five_subjects_with_no_answer_between() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    let batch = take(&queue, &["a", "b", "c", "d", "e", "f"]).await;
    for message in &batch[..4] {
        settle(&queue, &[failed(message)]).await;
    }
    assert_eq!(since(&queue).await, None);
    for _ in 0..9 {
        let again = claimed(&queue, &claim(1)).await;
        settle(&queue, &[failed(&again[0])]).await;
    }
    assert_eq!(since(&queue).await, None, "four subjects, however often");
    settle(&queue, &[answered(&batch[4])]).await;
    // What fails in the same millisecond counts for nothing.
    setup.next_millisecond().await;
    let all = async || (queue.stats().await.unwrap().visible == 4).then_some(());
    eventually("the retries to be visible", all).await;
    let again = queue.claim(&claim(4)).await.unwrap();
    for message in again.iter().chain(&batch[5..]) {
        assert_eq!(since(&queue).await, None, "none of these counts any more");
        settle(&queue, &[failed(message)]).await;
    }
    assert!(since(&queue).await.is_some());
    let [known] = queue.interruptions().await.unwrap().try_into().unwrap();
    let expected = Interruption { partner: PARTNER.to_owned(), since: known.since, why: "it is away".to_owned() };
    assert_eq!(known, expected);
}

#[tokio::test]
async fn failures_count_for_nothing_beside_an_answer_in_the_same_batch_whichever_is_settled_first() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    for (place, names) in [(0, ["a", "b", "c", "d", "e", "f"]), (5, ["g", "h", "i", "j", "k", "l"])] {
        let batch = take(&queue, &names).await;
        let mut finished: Vec<_> = batch.iter().map(failed_for_good).collect();
        finished[place] = answered(&batch[place]);
        settle(&queue, &finished).await;
        assert_eq!(since(&queue).await, None, "answered in place {place}");
    }
    interrupt(&queue).await;
}

#[tokio::test]
async fn what_it_was_asked_before_its_last_answer_shows_nothing_by_failing_later() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    let slow = asking(&setup, &["a", "b", "c", "d", "e"]).await;
    let quick = asking(&setup, &["quick"]).await;
    settle(&queue, &[answered(&quick[0])]).await;
    let finished: Vec<_> = slow.iter().map(failed_for_good).collect();
    settle(&queue, &finished).await;
    assert_eq!(since(&queue).await, None, "they were asked before");
    let finished: Vec<_> = asking(&setup, &["f", "g", "h", "i", "j"]).await.iter().map(failed_for_good).collect();
    settle(&queue, &finished).await;
    assert!(since(&queue).await.is_some(), "these were asked after it");
}

#[tokio::test]
async fn what_it_fails_for_spends_an_attempt_until_it_fails_for_all_and_none_after_that() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    let batch = take(&queue, &["a", "b", "c", "d", "e", "f"]).await;
    let finished: Vec<_> = batch.iter().map(failed).collect();
    settle(&queue, &finished).await;
    let states: Vec<String> = setup.ask("HMGET", "jobs:deliveries", &["a", "b", "c", "d", "e", "f"]).await;
    assert_eq!(states, ["1,1,0", "1,1,0", "1,1,0", "1,1,0", "1,0,0", "1,0,0"]);
    assert_eq!(setup.ask::<Vec<String>>("ZRANGE", "jobs:parked", &["0", "-1"]).await, ["e", "f"]);
}

#[tokio::test]
async fn one_message_at_a_time_probes_it_and_the_others_wait_for_their_turn() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let batch = take(&queue, &["a", "b", "c"]).await;
    assert_eq!(queue.ask(&batch[0], PARTNER).await.unwrap(), Leave::Waits, "not at once");
    assert_eq!(queue.ask(&batch[0], "other.test").await.unwrap(), Leave::Free);
    probe(&queue, &batch[0]).await;
    assert!(matches!(queue.ask(&batch[0], PARTNER).await.unwrap(), Leave::Probe { .. }), "its answer may be lost");
    assert_eq!(queue.ask(&batch[1], PARTNER).await.unwrap(), Leave::Waits);

    settle(&queue, &[waits(&batch[1]), failed(&batch[0])]).await;
    assert_eq!(queue.ask(&batch[2], PARTNER).await.unwrap(), Leave::Waits, "the pause is 200 ms now");
    let (b, a) = (visible_in(&setup, "b").await, visible_in(&setup, "a").await);
    assert!(b < a && a <= LEASE.as_millis() as i64 * 10, "the probe goes behind: {b} and {a} ms");
    probe(&queue, &batch[2]).await;
    assert_eq!(setup.ask::<String>("HGET", "jobs:deliveries", &["a"]).await, "1,0,0", "a probe spends nothing");
    assert_eq!(setup.log().await.0, ["interrupted"]);
}

#[tokio::test]
async fn none_waits_longer_than_ten_leases_for_its_turn_however_many_wait() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let names: Vec<String> = (0..400).map(|n| format!("w{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batch = take(&queue, &names).await;
    let finished: Vec<_> = batch.iter().map(waits).collect();
    settle(&queue, &finished).await;
    let (first, last) = (visible_in(&setup, "w000").await, visible_in(&setup, "w399").await);
    let most = LEASE.as_millis() as i64 * 10 + 100;
    assert!(first < 2000 && (most - 2000..=most).contains(&last), "{first} and {last} ms");
}

#[tokio::test]
async fn a_probe_whose_worker_died_keeps_nobody_from_probing_once_its_lease_is_over() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let other = take(&queue, &["a"]).await;
    accept_all(&queue, &["dies"]).await;
    let dying = claimed(&setup.queue("jobs", Duration::from_millis(400)), &claim(1)).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(matches!(queue.ask(&dying[0], PARTNER).await.unwrap(), Leave::Probe { .. }));
    assert_eq!(queue.ask(&other[0], PARTNER).await.unwrap(), Leave::Waits);
    probe(&queue, &other[0]).await;
}

#[tokio::test]
async fn a_probe_that_was_given_back_for_another_reason_makes_room_for_the_next() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let batch = take(&queue, &["a", "b"]).await;
    probe(&queue, &batch[0]).await;
    settle(&queue, &[settlement(&batch[0], release())]).await;
    assert!(matches!(queue.ask(&batch[1], PARTNER).await.unwrap(), Leave::Probe { .. }));
}

#[tokio::test]
async fn an_answer_to_a_probe_calls_forward_all_that_wait_but_not_what_a_worker_has() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let batch = take(&queue, &["a", "b", "c", "d"]).await;
    settle(&queue, &[waits(&batch[1]), waits(&batch[2])]).await;
    probe(&queue, &batch[0]).await;
    let held = eventually("the message that waits to be visible", async || {
        let visible = queue.claim(&claim(9)).await.unwrap();
        visible.into_iter().find(|message| message.id == "b")
    });
    let held = held.await;
    setup.tell::<()>(&["DEL", &setup.key("jobs:timer")]).await;
    settle(&queue, &[answered(&batch[0])]).await;
    assert_eq!(since(&queue).await, None);
    assert!(visible_in(&setup, "b").await > 1000, "a worker has it");
    assert!(visible_in(&setup, "c").await <= 0);
    assert!(setup.ask::<i64>("PTTL", "jobs:timer", &[]).await <= 20, "a worker is woken at once");
    assert!(!setup.ask::<bool>("EXISTS", "jobs:parked", &[]).await);

    // They had no leave, and come back to a partner that answers.
    settle(&queue, &[waits(&held), waits(&batch[3])]).await;
    assert!(visible_in(&setup, "b").await <= 0 && visible_in(&setup, "d").await <= 0);
    assert_eq!(queue.ask(&batch[3], PARTNER).await.unwrap(), Leave::Free);
    assert_eq!(setup.log().await.0, ["interrupted", "resumed"]);
}

#[tokio::test]
async fn what_waits_is_called_forward_in_the_settlement_in_which_it_began_to_wait() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let batch = take(&queue, &["a", "b", "c"]).await;
    probe(&queue, &batch[1]).await;
    settle(&queue, &[waits(&batch[0]), answered(&batch[1]), waits(&batch[2])]).await;
    assert!(visible_in(&setup, "a").await <= 0 && visible_in(&setup, "c").await <= 0);
}

#[tokio::test]
async fn more_than_one_step_can_move_are_called_forward_by_the_next_answers() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let names: Vec<String> = (0..1200).map(|n| format!("w{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let batch = take(&queue, &names).await;
    let finished: Vec<_> = batch[3..].iter().map(waits).collect();
    settle(&queue, &finished).await;
    probe(&queue, &batch[0]).await;
    for message in &batch[..3] {
        assert!(visible_in(&setup, "w1199").await > 1000);
        settle(&queue, &[answered(message)]).await;
    }
    assert!(visible_in(&setup, "w1199").await <= 0);
}

#[tokio::test]
async fn a_late_probe_and_one_that_was_no_probe_change_nothing() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    let before = take(&queue, &["x", "y"]).await;
    interrupt(&queue).await;
    settle(&queue, &[answered(&before[0])]).await;
    assert!(since(&queue).await.is_some(), "it was asked before the interruption");
    probe(&queue, &before[1]).await;
    let late = Message { delivery: before[1].delivery - 1, ..before[1].clone() };
    assert_eq!(queue.settle("worker", &[answered(&late)]).await.unwrap(), [false]);
    assert!(since(&queue).await.is_some(), "another worker has that message by now");
    assert_eq!(setup.log().await.0, ["interrupted"]);
}

#[tokio::test]
async fn a_pause_that_the_partner_asks_for_is_kept() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    let batch = take(&queue, &["a", "b", "c", "d", "e", "f"]).await;
    let pause = Duration::from_millis(700);
    let begun = std::time::Instant::now();
    let finished: Vec<_> = batch[..5].iter().map(|m| showing(m, done(), Showed::Failed, pause)).collect();
    settle(&queue, &finished).await;
    settle(&queue, &[waits(&batch[5])]).await;
    assert!(visible_in(&setup, "f").await > 400, "it is called after the pause");
    let other = take(&queue, &["g"]).await;
    probe(&queue, &other[0]).await;
    assert!(begun.elapsed() >= pause);
}

#[tokio::test]
async fn an_order_that_waits_holds_its_stock_and_is_known_to_have_asked_nobody() {
    let setup = Setup::new().await;
    let queue = jobs(&setup);
    interrupt(&queue).await;
    let batch = take(&queue, &["a"]).await;
    let asking = Terms { asks: PARTNER, ..terms(Untracked::Allow) };
    let held = queue.hold(&batch[0], &asking, [("tea", 1)]).await.unwrap();
    assert_eq!(held, Hold::Held { first: true, leave: Leave::Waits });
    let refusing = Terms { refuses: true, ..asking.clone() };
    let held = queue.hold(&batch[0], &refusing, [("tea", 1)]).await.unwrap();
    assert_eq!(held, Hold::Held { first: true, leave: Leave::Free }, "who asks only when it is short asks nobody now");
    assert!(setup.ask::<bool>("HEXISTS", "held", &["a"]).await);

    let batch = take(&queue, &["b"]).await;
    let hold = async || queue.hold(&batch[0], &asking, [("tea", 1)]).await.unwrap();
    let asked = async || queue.find_own(&"b".into()).await.unwrap().unwrap().asked.map(|asked| asked.whom);
    hold().await;
    assert_eq!(asked().await.as_deref(), Some(""));
    let leave = async || match hold().await {
        Hold::Held { leave: Leave::Probe { .. }, first } => Some(first),
        _ => None,
    };
    assert!(eventually("leave to probe", leave).await, "nobody was asked before");
    assert_eq!(asked().await.as_deref(), Some(PARTNER));
    settle(&queue, &[failed(&batch[0])]).await;
    let again = eventually("its next turn", async || {
        let visible = queue.claim(&claim(9)).await.unwrap();
        visible.into_iter().find(|message| message.id == "b")
    });
    let held = queue.hold(&again.await, &asking, [("tea", 1)]).await.unwrap();
    assert!(matches!(held, Hold::Held { first: false, .. }), "{held:?}");
    assert_eq!(asked().await.as_deref(), Some(PARTNER), "it stays asked");
}
