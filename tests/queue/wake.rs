//! Waking a worker: the doorbell, the timer behind it, and what brings a queue back that lost both.

use std::num::NonZeroU32;
use std::time::Duration;

use ::redis::aio::PubSubStream;
use futures::StreamExt;
use queue::native::Native;
use queue::{Claim, Class, Effects, Emit, Message, Pace, Queue, Verdict};

use super::setup::*;
use crate::harness::within;

/// How often the doorbell rang since the last call.
pub(crate) async fn rings(setup: &Setup, bell: &mut PubSubStream) -> usize {
    // Comes after all that was published before it.
    let _: u64 = setup.ask("PUBLISH", "jobs:bell", &["asked"]).await;
    let mut rings = 0;
    loop {
        let message = within("a message of the doorbell", bell.next()).await.unwrap();
        match message.get_payload_bytes() {
            b"asked" => return rings,
            _ => rings += 1,
        }
    }
}

fn silencing() -> Claim<'static> {
    Claim { silence: true, ..claim(1) }
}

#[tokio::test]
async fn the_doorbell_rings_once_until_a_worker_has_heard_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;
    accept_all(&queue, &["a", "b", "c"]).await;
    assert_eq!(rings(&setup, &mut bell).await, 1, "for three messages");

    queue.claim(&claim(1)).await.unwrap();
    accept_all(&queue, &["d"]).await;
    assert_eq!(rings(&setup, &mut bell).await, 0, "a claim within a wake does not silence it");

    queue.claim(&silencing()).await.unwrap();
    accept_all(&queue, &["e", "f"]).await;
    assert_eq!(rings(&setup, &mut bell).await, 1, "silenced, it rings anew");

    queue.ring().await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 0, "it is ringing already");
    queue.claim(&silencing()).await.unwrap();
    queue.ring().await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 1);
}

#[tokio::test]
async fn a_doorbell_that_nobody_hears_keeps_quiet_for_a_second_at_most() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let left: u64 = setup.ask("PTTL", "jobs:bell", &[]).await;
    assert!((1..=1000).contains(&left), "{left} ms");
}

#[tokio::test]
async fn redriving_rings_and_a_replay_does_not() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    queue.accept(keyed("a", 1, 1, LONG)).await.unwrap();
    let batch = queue.claim(&silencing()).await.unwrap();
    assert!(settle(&queue, &batch[0], bury()).await);
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;

    queue.accept(keyed("b", 1, 1, LONG)).await.unwrap();
    queue.redrive(&["unknown".into()]).await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 0);
    queue.redrive(&["a".into()]).await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 1);

    let batch = queue.claim(&silencing()).await.unwrap();
    assert!(settle(&queue, &batch[0], bury()).await);
    queue.redrive_some(None, Pace::AtOnce, 0).await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 0);
    queue.redrive_some(None, Pace::AtOnce, 1).await.unwrap();
    assert_eq!(rings(&setup, &mut bell).await, 1);
}

#[tokio::test]
async fn the_lanes_of_a_queue_share_its_doorbell_and_its_timer() {
    let setup = Setup::new().await;
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;
    accept_all(&setup.jobs().lane("slow"), &["a"]).await;
    accept_all(&setup.jobs().lane("fast"), &["b"]).await;
    assert_eq!(rings(&setup, &mut bell).await, 1);
    assert!(timer(&setup, "jobs").await.is_some());
    let keys: Vec<String> = setup.tell(&["KEYS", "*.*:bell"]).await;
    assert!(keys.is_empty(), "{keys:?}");
}

/// When the timer of a queue expires, in ms since the epoch.
async fn timer(setup: &Setup, queue: &str) -> Option<u64> {
    expires(setup, &format!("{queue}:timer")).await
}

/// When a key expires, in ms since the epoch.
async fn expires(setup: &Setup, key: &str) -> Option<u64> {
    let at: i64 = setup.ask("PEXPIRETIME", key, &[]).await;
    u64::try_from(at).ok()
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Does something, and checks that the timer of `jobs` then expires so long after it was done.
async fn arms<T>(setup: &Setup, what: &str, after: Duration, act: impl Future<Output = T>) -> T {
    let after = after.as_millis() as u64;
    let start = setup.now().await;
    let output = act.await;
    let end = setup.now().await;
    let at = timer(setup, "jobs").await.unwrap_or_else(|| panic!("{what}: no timer"));
    assert!((start + after..=end + after + 1).contains(&at), "{what}: {} ms, not {after}", at as i64 - start as i64);
    output
}

/// Does something, and checks that the timer of `jobs` is what it was, but for how long a script runs.
async fn leaves_armed<T>(setup: &Setup, what: &str, act: impl Future<Output = T>) -> T {
    let before = timer(setup, "jobs").await.unwrap();
    let output = act.await;
    let after = timer(setup, "jobs").await.unwrap();
    assert!(after <= before && before - after < 50, "{what}: {after} instead of {before}");
    output
}

#[tokio::test]
async fn the_timer_is_armed_for_the_earliest_and_never_put_off() {
    let setup = Setup::new().await;
    let leased = |lease| setup.queue("jobs", seconds(lease));
    let take = async |lease| leased(lease).claim(&silencing()).await.unwrap();
    let jobs = setup.jobs();

    arms(&setup, "a doorbell that may be lost", seconds(90), leased(90).accept(message("a"))).await.unwrap();
    leaves_armed(&setup, "a second message", leased(80).accept(message("b"))).await.unwrap();
    let a = arms(&setup, "what a claim leaves visible", seconds(80), take(80)).await.remove(0);
    let b = arms(&setup, "a lease", seconds(70), take(70)).await.remove(0);
    leaves_armed(&setup, "a renewal", leased(300).renew(&[(&a.id, a.delivery)])).await.unwrap();
    arms(&setup, "a retry", seconds(60), settle(&jobs, &a, retry(seconds(60)))).await;
    leaves_armed(&setup, "a later release", settle(&jobs, &b, release_after(seconds(65)))).await;
    leaves_armed(&setup, "a claim of nothing", take(300)).await;

    fire(&setup).await;
    take(300).await;
    assert_timer_at(&setup, "jobs:due", "a").await;
}

/// The timer expires when the message is due, give or take how long a script runs.
async fn assert_timer_at(setup: &Setup, due: &str, id: &str) {
    let due: f64 = setup.ask("ZSCORE", due, &[id]).await;
    let at = timer(setup, "jobs").await.unwrap();
    assert!((due as u64..due as u64 + 50).contains(&at), "{at} for {due}");
}

/// The timer expires, and nobody hears it.
async fn fire(setup: &Setup) {
    assert_eq!(setup.ask::<u64>("DEL", "jobs:timer", &[]).await, 1);
}

#[tokio::test]
async fn a_redrive_that_is_spread_over_time_is_watched() {
    let setup = Setup::new().await;
    bury_all(&setup.jobs(), &["a", "b", "c"], Class::Permanent).await;
    arms(&setup, "the second", seconds(1), setup.jobs().redrive_some(None, Pace::PerSecond(NonZeroU32::MIN), 9))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_renewed_lease_is_watched_though_the_timer_of_the_first_one_is_over() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let a = setup.jobs().claim(&claim(1)).await.unwrap().remove(0);
    fire(&setup).await;
    arms(&setup, "a renewal", LONG, setup.jobs().renew(&[(&a.id, a.delivery)])).await.unwrap();
}

#[tokio::test]
async fn events_in_another_queue_are_watched_in_case_nobody_is_told() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let a = setup.jobs().claim(&claim(1)).await.unwrap().remove(0);
    let emits = ["events", "others.lane"].map(emit).to_vec();
    assert!(settle(&setup.jobs(), &a, Verdict::Done(Effects { emits, ..Effects::default() })).await);
    let now = setup.now().await;
    for queue in ["events", "others"] {
        let at = timer(&setup, queue).await.unwrap();
        assert!(at > now && at <= now + LONG.as_millis() as u64, "{queue}");
    }
}

fn emit(queue: &str) -> Emit {
    Emit { queue: queue.to_owned(), id: "event".into(), payload: vec![].into(), log: false, after: Duration::ZERO }
}

/// What the timer's trigger listens to.
fn timer_channel(setup: &Setup) -> String {
    format!("__keyspace@0__:{}", setup.key("jobs:timer"))
}

async fn timer_expires(timer: &mut PubSubStream) {
    let told = within("the timer's expiry", timer.next()).await.unwrap();
    assert_eq!(told.get_payload_bytes(), b"expired", "nothing else is ever told of it");
}

/// Claims when the timer says so. It may be early, but is then armed anew.
async fn claim_by_timer(timer: &mut PubSubStream, queue: &Queue<'_, Native>) -> Message {
    loop {
        timer_expires(timer).await;
        if let Some(message) = queue.claim(&silencing()).await.unwrap().pop() {
            return message;
        }
    }
}

#[tokio::test]
async fn the_timer_tells_when_a_lost_doorbell_a_crash_or_a_retry_is_due() {
    let setup = Setup::new().await;
    let mut timer = setup.subscribe(&[timer_channel(&setup)]).await;
    let queue = setup.queue("jobs", Duration::from_millis(50));

    accept_all(&queue, &["a"]).await;
    assert_eq!(claim_by_timer(&mut timer, &queue).await.delivery, 1, "a lost doorbell");
    let message = claim_by_timer(&mut timer, &queue).await;
    assert_eq!((message.delivery, message.crashes), (2, 1), "a crash");
    assert!(settle(&queue, &message, retry(Duration::from_millis(20))).await);
    let message = claim_by_timer(&mut timer, &queue).await;
    assert_eq!((message.delivery, message.failures), (3, 1), "a retry");
}

#[tokio::test]
async fn a_worker_that_dies_at_the_timer_before_its_claim_leaves_another_wake_one_lease_later() {
    let setup = Setup::new().await;
    let channels = [timer_channel(&setup), timer_channel(&setup).replace(":timer", ":guard")];
    let mut wakes = setup.subscribe(&channels).await;
    let lease = Duration::from_millis(300);
    let queue = setup.queue("jobs", lease);
    let start = setup.now().await;
    accept_all(&queue, &["a"]).await;
    for (channel, leases) in channels.iter().zip(1..) {
        let wake = within("a wake", wakes.next()).await.unwrap();
        assert_eq!((wake.get_channel_name(), wake.get_payload_bytes()), (channel.as_str(), &b"expired"[..]));
        assert!(setup.now().await - start >= leases * lease.as_millis() as u64);
    }
    assert_eq!(queue.claim(&silencing()).await.unwrap().len(), 1);
    let armed = [timer(&setup, "jobs").await, expires(&setup, "jobs:guard").await];
    assert!(armed.iter().all(Option::is_some), "both are armed anew: {armed:?}");
}

#[tokio::test]
async fn a_timer_that_is_due_while_a_long_script_runs_still_tells() {
    let setup = Setup::new().await;
    let mut timer = setup.subscribe(&[timer_channel(&setup)]).await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b"]).await;
    let batch = queue.claim(&claim(2)).await.unwrap();
    let emits = (0..5000).map(|n| Emit { id: format!("{n}").as_str().into(), ..emit("events") }).collect();
    let long = Verdict::Done(Effects { emits, ..Effects::default() });
    let settlements = [settlement(&batch[0], long), settlement(&batch[1], retry(BRIEF))];
    assert_eq!(queue.settle("worker", &settlements).await.unwrap(), [true, true]);
    timer_expires(&mut timer).await;
    assert_eq!(ids(&queue.claim(&claim(1)).await.unwrap()), ["b"]);
}

/// Loses doorbell, timer and guard, and says how often the next probe rings, when the last one is long ago.
async fn revive(setup: &Setup, bell: &mut PubSubStream) -> usize {
    let lost = ["jobs:bell", "jobs:timer", "jobs:guard", "jobs:rearmed"].map(|part| setup.key(part));
    let _: u64 = setup.tell(&["DEL", &lost[0], &lost[1], &lost[2], &lost[3]]).await;
    rings(setup, bell).await;
    setup.jobs().rearm().await.unwrap();
    rings(setup, bell).await
}

#[tokio::test]
async fn a_probe_revives_a_queue_whose_doorbell_and_timer_are_gone() {
    let setup = Setup::new().await;
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;
    let (queue, lane) = (setup.jobs(), setup.jobs().lane("lane"));
    assert_eq!(revive(&setup, &mut bell).await, 0);
    assert_eq!(timer(&setup, "jobs").await, None, "nothing waits");

    accept_all(&lane, &["a"]).await;
    assert_eq!(revive(&setup, &mut bell).await, 1, "visible in a lane");
    assert!(timer(&setup, "jobs").await.is_some());

    let a = lane.claim(&silencing()).await.unwrap().remove(0);
    assert!(settle(&lane, &a, retry(seconds(60))).await);
    assert_eq!(revive(&setup, &mut bell).await, 0, "too early to ring");
    assert_timer_at(&setup, "jobs.lane:due", "a").await;

    accept_all(&queue, &["b"]).await;
    assert_eq!(revive(&setup, &mut bell).await, 1, "visible in the queue");
}

#[tokio::test]
async fn whether_the_server_tells_of_expiry_is_known_or_said_to_be_unknown() {
    let setup = Setup::new().await;
    for (flags, enough) in [("KEx$", true), ("", false), ("KA", true), ("Kx", false)] {
        let _: () = setup.tell(&["CONFIG", "SET", "notify-keyspace-events", flags]).await;
        assert_eq!(queue::server(&setup.connection).await.unwrap().tells_changes, enough, "{flags}");
    }
    let _: () = setup.tell(&["ACL", "SETUSER", "default", "-config"]).await;
    assert!(queue::server(&setup.connection).await.is_err());
}

#[tokio::test]
async fn a_probe_rings_though_a_bell_is_ringing_that_nobody_heard_but_once_a_second_at_most() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let mut bell = setup.subscribe(&[setup.key("jobs:bell")]).await;
    for _ in 0..50 {
        setup.jobs().rearm().await.unwrap();
    }
    assert_eq!(rings(&setup, &mut bell).await, 1);
}

#[tokio::test]
async fn of_many_probes_in_a_second_one_writes() {
    let setup = Setup::new().await;
    let written = async || {
        let info: String = setup.tell(&["INFO", "persistence"]).await;
        let size = info.lines().find_map(|line| line.strip_prefix("aof_current_size:")).unwrap().to_owned();
        size.parse::<u64>().unwrap()
    };
    setup.jobs().rearm().await.unwrap();
    let before = written().await;
    for _ in 0..50 {
        setup.jobs().rearm().await.unwrap();
    }
    assert_eq!(written().await, before);
}
