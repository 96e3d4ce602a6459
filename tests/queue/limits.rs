//! Full means no, not lost.

use std::time::Duration;

use queue::{Accepted, Limits};

use super::setup::*;

const ONE_DEEP: Limits = Limits { depth: Some(1), age: None };

#[tokio::test]
async fn a_queue_that_is_full_takes_nothing_and_keeps_no_trace_of_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    assert_eq!(queue.accept_within(keyed("a", 1, 1, LONG), ONE_DEEP).await.unwrap(), Accepted::New);
    let before = setup.contents().await;
    assert_eq!(queue.accept_within(keyed("b", 2, 2, LONG), ONE_DEEP).await.unwrap(), Accepted::Full);
    assert_eq!(setup.contents().await, before);

    let known = queue.accept_within(keyed("c", 1, 1, LONG), ONE_DEEP).await.unwrap();
    assert_eq!(known, Accepted::Replayed("a".into()), "a known key is answered all the same");

    let a = claimed(&queue, &claim(1)).await.remove(0);
    assert_eq!(queue.accept_within(message("b"), ONE_DEEP).await.unwrap(), Accepted::Full, "leased ones count");
    assert!(settle(&queue, &a, done()).await);
    assert_eq!(queue.accept_within(keyed("b", 2, 2, LONG), ONE_DEEP).await.unwrap(), Accepted::New, "room again");
}

#[tokio::test]
async fn a_queue_whose_oldest_message_waits_too_long_takes_nothing() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let limits = |age| Limits { depth: None, age: Some(age) };
    accept_all(&queue, &["a"]).await;
    assert_eq!(queue.accept_within(message("b"), limits(LONG)).await.unwrap(), Accepted::New);
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    let brief = limits(Duration::from_millis(1));
    assert_eq!(queue.accept_within(message("c"), brief).await.unwrap(), Accepted::Full);
    claimed(&queue, &claim(9)).await;
    assert_eq!(queue.accept_within(message("c"), brief).await.unwrap(), Accepted::New, "nothing waits any more");
}
