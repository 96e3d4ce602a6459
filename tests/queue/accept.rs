//! Accepting: kept once, whatever is sent how often.

use std::time::Duration;

use futures::future::join_all;
use queue::native::Native;
use queue::{Accept, Accepted, Effects, Queue, Verdict};

use super::setup::*;
use crate::harness::eventually;

#[tokio::test]
async fn an_accepted_message_is_handed_out_with_its_payload() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let accepted = queue.accept(Accept { payload: "tea".into(), ..message("a") }).await.unwrap();
    assert_eq!(accepted, Accepted::New);

    let batch = queue.claim(&claim(10)).await.unwrap();
    assert_eq!(ids(&batch), ["a"]);
    assert_eq!(batch[0].payload, b"tea");
    assert_eq!((batch[0].delivery, batch[0].failures, batch[0].crashes), (1, 0, 0));
}

#[tokio::test]
async fn messages_are_handed_out_in_the_order_in_which_they_came() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for id in ["c", "b", "a"] {
        queue.accept(message(id)).await.unwrap();
        setup.next_millisecond().await;
    }
    assert_eq!(ids(&queue.claim(&claim(10)).await.unwrap()), ["c", "b", "a"]);
}

#[tokio::test]
async fn a_known_key_gives_the_first_message_again_or_a_conflict_and_never_a_second_message() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let (key, other_key, body, other_body) = (1, 2, 1, 2);
    let first = || Accepted::Replayed("a".into());
    for (accept, expected) in [
        (keyed("a", key, body, LONG), Accepted::New),
        (keyed("b", key, body, LONG), first()),
        (keyed("c", key, other_body, LONG), Accepted::Conflict("a".into())),
        (keyed("d", key, body, LONG), first()),
        (keyed("e", other_key, body, LONG), Accepted::New),
    ] {
        assert_eq!(queue.accept(accept.clone()).await.unwrap(), expected, "{accept:?}");
    }
    assert_eq!(ids(&queue.claim(&claim(10)).await.unwrap()), ["a", "e"]);
}

#[tokio::test]
async fn a_key_is_still_known_when_its_message_is_long_done() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    queue.accept(keyed("a", 1, 1, LONG)).await.unwrap();
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert!(settle(&queue, &batch[0], done()).await);

    let again = queue.accept(keyed("b", 1, 1, LONG)).await.unwrap();
    assert_eq!(again, Accepted::Replayed("a".into()));
    assert_eq!(queue.claim(&claim(1)).await.unwrap(), []);
}

#[tokio::test]
async fn fifty_concurrent_accepts_of_one_key_give_one_message() {
    let setup = Setup::new().await;
    let connections = join_all((0..50).map(async |_| setup.redis.connect().await)).await;
    let accepts = connections.iter().enumerate().map(async |(n, connection)| {
        let queue = setup.on(connection, "jobs");
        queue.accept(keyed(&format!("m{n}"), 1, 1, LONG)).await.unwrap()
    });
    let answers = join_all(accepts).await;

    let batch = setup.jobs().claim(&claim(50)).await.unwrap();
    assert_eq!(batch.len(), 1);
    let replayed = Accepted::Replayed(batch[0].id.clone());
    assert_eq!(answers.iter().filter(|answer| **answer == Accepted::New).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == replayed).count(), 49);
}

#[tokio::test]
async fn a_key_whose_time_is_up_may_be_used_for_another_body() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    queue.accept(keyed("a", 1, 1, Duration::ZERO)).await.unwrap();
    assert_eq!(queue.accept(keyed("b", 1, 2, LONG)).await.unwrap(), Accepted::New);
    assert_eq!(queue.accept(keyed("c", 1, 2, LONG)).await.unwrap(), Accepted::Replayed("b".into()));
}

#[tokio::test]
async fn keys_whose_time_is_up_are_forgotten_a_few_at_each_call_until_nothing_is_left_of_them() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    outdated_keys(&setup, 0..40).await;

    let mut left: usize = setup.ask("HLEN", "seen", &[]).await;
    for call in 0..20 {
        queue.accept(message(&format!("plain{call}"))).await.unwrap();
        let now_left: usize = setup.ask("HLEN", "seen", &[]).await;
        assert!(left - now_left <= 16, "one call pays for few: {left} to {now_left}");
        left = now_left;
    }
    assert_eq!(setup.tell::<Vec<String>>(&["KEYS", "*:seen*"]).await, [""; 0]);
}

#[tokio::test]
async fn a_key_used_anew_is_not_forgotten_with_its_old_use() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    outdated_keys(&setup, 0..20).await;
    // Its old entry is the last in its list: one call forgets sixteen at most.
    assert_eq!(queue.accept(keyed("anew", 19, 2, LONG)).await.unwrap(), Accepted::New);
    for call in 0..10 {
        queue.accept(message(&format!("plain{call}"))).await.unwrap();
    }
    assert_eq!(setup.ask::<u64>("HLEN", "seen", &[]).await, 1, "the old ones are gone");
    assert_eq!(queue.accept(keyed("b", 19, 2, LONG)).await.unwrap(), Accepted::Replayed("anew".into()));
}

#[tokio::test]
async fn a_key_that_is_kept_for_long_keeps_no_other_one() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    queue.accept(keyed("long", 255, 1, LONG)).await.unwrap();
    outdated_keys(&setup, 0..20).await;
    for call in 0..10 {
        queue.accept(keyed(&format!("next{call}"), 100 + call, 1, LONG)).await.unwrap();
    }
    assert_eq!(setup.ask::<u64>("HLEN", "seen", &[]).await, 11, "only those are known whose time isn't up");
    assert_eq!(queue.accept(keyed("b", 255, 1, LONG)).await.unwrap(), Accepted::Replayed("long".into()));
}

/// As release 0.1 left them: one list for all, in the order of their coming.
#[tokio::test]
async fn the_keys_of_release_0_1_are_forgotten_when_their_time_is_up_and_not_before() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let now = setup.now().await;
    let ends = [now + 3_600_000].into_iter().chain([now - 1; 20]).chain([now + 400; 3]);
    for (digest, until) in ends.enumerate() {
        let until = &until.to_be_bytes()[2..];
        let digest = [digest as u8; 14];
        let record = [until, &[1; 16], b"old"].concat();
        let () = setup.ask_bytes("HSET", "seen", &[&digest, &record]).await;
        let () = setup.ask_bytes("RPUSH", "seen:order", &[&[until, &digest].concat()]).await;
    }
    for call in 0..8 {
        queue.accept(message(&format!("plain{call}"))).await.unwrap();
    }
    assert_eq!(setup.ask::<u64>("HLEN", "seen", &[]).await, 4, "those whose time is up are gone");
    assert_eq!(queue.accept(keyed("b", 0, 1, LONG)).await.unwrap(), Accepted::Replayed("old".into()));
    assert_eq!(setup.ask::<u64>("EXISTS", "seen:order", &[]).await, 0, "the old list is used up");
}

/// Accepts one message for each key, and returns when all these keys have had their time.
async fn outdated_keys(setup: &Setup, keys: std::ops::Range<u8>) {
    let ttl = Duration::from_millis(200);
    let accepts = keys.map(async |key| setup.jobs().accept(keyed(&format!("k{key}"), key, 1, ttl)).await.unwrap());
    assert!(join_all(accepts).await.iter().all(|answer| *answer == Accepted::New));
    let end = setup.now().await + ttl.as_millis() as u64;
    eventually("the keys to be outdated", async || (setup.now().await > end).then_some(())).await;
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    NeverArrived,
    Waiting,
    Leased,
    Retrying,
    Dead,
    Done,
}

#[tokio::test]
async fn sending_the_same_id_again_is_safe_whatever_became_of_the_first_try() {
    let setup = Setup::new().await;
    let mut keys = 0..;
    // The outdated keys last: the calls after them forget them.
    for (kind, ttl) in [("plain", None), ("keyed", Some(LONG)), ("outdated", Some(Duration::ZERO))] {
        for (fate, visible_after) in [
            (Fate::NeverArrived, 1),
            (Fate::Waiting, 1),
            (Fate::Leased, 0),
            (Fate::Retrying, 0),
            (Fate::Dead, 0),
            (Fate::Done, 0),
        ] {
            let id = format!("{fate:?} {kind}");
            let queue = setup.queue(&id, LONG);
            let first = ttl.map_or(message(&id), |ttl| keyed(&id, keys.next().unwrap(), 1, ttl));
            suffer(&queue, &first, fate).await;
            let before = setup.contents().await;

            let again = queue.accept(Accept { again: true, ..first }).await.unwrap();
            assert_eq!(again, Accepted::New, "{id}: the sender's own first try is no replay");
            assert_eq!(queue.stats().await.unwrap().visible, visible_after, "{id}");
            if !matches!(fate, Fate::NeverArrived) && kind != "outdated" {
                assert!(setup.contents().await == before, "{id}: something changed");
            }
        }
    }
}

async fn suffer(queue: &Queue<'_, Native>, first: &Accept, fate: Fate) {
    if matches!(fate, Fate::NeverArrived) {
        return;
    }
    queue.accept(first.clone()).await.unwrap();
    if matches!(fate, Fate::Waiting) {
        return;
    }
    let batch = queue.claim(&claim(1)).await.unwrap();
    let verdict = match fate {
        Fate::NeverArrived | Fate::Waiting | Fate::Leased => return,
        Fate::Retrying => retry(LONG),
        Fate::Dead => bury(),
        Fate::Done => Verdict::Done(Effects { head: Some("1.1".into()), ..Effects::default() }),
    };
    assert!(settle(queue, &batch[0], verdict).await);
}
