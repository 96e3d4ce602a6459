//! Full means no, not lost; and what people may do with many dead letters.

use std::time::Duration;

use queue::native::Native;
use queue::{Accepted, Class, Effects, Limits, Place, Queue, Verdict};

use super::setup::{LONG, Setup, accept_all, bury, claim, claimed, ids, keyed, message, settle};

const ONE_DEEP: Limits = Limits { depth: 1, age: Duration::ZERO };

#[tokio::test]
async fn a_queue_that_is_full_takes_nothing_and_keeps_no_trace_of_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    assert_eq!(queue.accept_within(keyed("a", 1, 1, LONG), ONE_DEEP).await.unwrap(), Accepted::New);
    let before = setup.contents().await;
    assert_eq!(queue.accept_within(keyed("b", 2, 2, LONG), ONE_DEEP).await.unwrap(), Accepted::Full);
    assert_eq!(setup.contents().await, before);

    let known = queue.accept_within(keyed("c", 1, 1, LONG), ONE_DEEP).await.unwrap();
    assert_eq!(known, Accepted::Replayed(b"a".to_vec()), "a known key is answered all the same");

    let a = claimed(&queue, &claim(1)).await.remove(0);
    assert_eq!(queue.accept_within(message("b"), ONE_DEEP).await.unwrap(), Accepted::Full, "leased ones count");
    assert!(settle(&queue, &a, super::setup::done()).await);
    assert_eq!(queue.accept_within(keyed("b", 2, 2, LONG), ONE_DEEP).await.unwrap(), Accepted::New, "room again");
}

#[tokio::test]
async fn a_queue_whose_oldest_message_waits_too_long_takes_nothing() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let limits = |age| Limits { depth: 0, age };
    accept_all(&queue, &["a"]).await;
    assert_eq!(queue.accept_within(message("b"), limits(LONG)).await.unwrap(), Accepted::New);
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    let brief = limits(Duration::from_millis(1));
    assert_eq!(queue.accept_within(message("c"), brief).await.unwrap(), Accepted::Full);
    claimed(&queue, &claim(9)).await;
    assert_eq!(queue.accept_within(message("c"), brief).await.unwrap(), Accepted::New, "nothing waits any more");
}

async fn bury_all(queue: &Queue<'_, Native>, ids: &[&str], class: Class) {
    accept_all(queue, ids).await;
    for letter in claimed(queue, &claim(ids.len())).await {
        let verdict = Verdict::Bury { class, reason: "never".to_owned(), effects: Effects::default() };
        assert!(settle(queue, &letter, verdict).await);
    }
}

#[tokio::test]
async fn dead_letters_of_one_class_go_back_and_the_others_stay() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["a", "b"], Class::Permanent).await;
    bury_all(&queue, &["c", "d", "e"], Class::Undecodable).await;
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), 0, 2).await.unwrap(), 2, "at most so many");
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), 0, 2).await.unwrap(), 1);
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), 0, 2).await.unwrap(), 0, "asked again, nothing happens");
    assert_eq!(ids(&claimed(&queue, &claim(9)).await), ["c", "d", "e"]);
    assert_eq!(queue.stats().await.unwrap().dead, 2);
}

#[tokio::test]
async fn dead_letters_go_back_at_the_rate_that_was_asked_for() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["a", "b", "c"], Class::Permanent).await;
    let before = setup.now().await;
    assert_eq!(queue.redrive_some(None, 10, 9).await.unwrap(), 3);
    let mut times = vec![];
    for id in ["a", "b", "c"] {
        times.push(setup.ask::<u64>("ZSCORE", "jobs:due", &[id]).await);
    }
    assert!(times[0] >= before);
    assert_eq!([times[1] - times[0], times[2] - times[0]], [100, 200]);
}

#[tokio::test]
async fn a_discarded_letter_leaves_only_who_gave_it_up_and_why() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    let a = claimed(&queue, &claim(1)).await.remove(0);
    assert!(!queue.discard(b"a", "ann", "typo").await.unwrap(), "only dead letters");
    assert!(settle(&queue, &a, bury()).await);
    assert!(queue.discard(b"a", "ann", "typo").await.unwrap());
    assert!(!queue.discard(b"a", "bob", "again").await.unwrap(), "once is once");
    let Some(Place::Discarded(discarded)) = queue.find(b"a").await.unwrap().place else { panic!("it is discarded") };
    assert_eq!((discarded.by.as_str(), discarded.why.as_str()), ("ann", "typo"));
    assert_eq!(setup.contents().await.into_keys().collect::<Vec<_>>(), [setup.key("jobs:discarded")]);
    assert_eq!(queue.redrive(&[b"a"]).await.unwrap(), [false]);
}
