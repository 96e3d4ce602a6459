//! What people do with dead letters: send them back, one or many, or give them up.

use std::num::NonZeroU32;

use queue::{Class, MessageId, MessageState, Pace};

use super::doubles::AfterFirst;
use super::setup::*;

#[tokio::test]
async fn a_redriven_message_has_new_attempts_but_goes_on_counting_its_deliveries() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    claimed(&setup.dying(), &claim(1)).await;
    let batch = claimed(&queue, &claim(1)).await;
    assert!(settle(&queue, &batch[0], retry(BRIEF)).await);
    let batch = claimed(&queue, &claim(1)).await;
    assert!(settle(&queue, &batch[0], bury()).await);

    assert_eq!(queue.redrive(&["a".into()]).await.unwrap(), [true]);
    assert_eq!(queue.dead_letters(0, 1).await.unwrap(), []);
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert_eq!((batch[0].delivery, batch[0].failures, batch[0].crashes), (4, 0, 0));
    assert_eq!(batch[0].payload, b"a");
    assert!(settle(&queue, &batch[0], bury()).await);
    let letter = queue.dead_letters(0, 1).await.unwrap().remove(0);
    assert_eq!(letter.history.len(), 4, "what went wrong before is not forgotten");
    assert_eq!(letter.why.deliveries, 4);
}

#[tokio::test]
async fn redriving_is_idempotent_and_says_what_was_a_dead_letter() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["a", "b"], Class::Permanent).await;
    accept_all(&queue, &["waiting"]).await;
    setup.next_millisecond().await;
    let redriven = queue.redrive(&["a", "unknown", "waiting", "a"].map(MessageId::from)).await.unwrap();
    assert_eq!(redriven, [true, false, false, false]);
    assert_eq!(queue.redrive(&["a".into()]).await.unwrap(), [false]);
    assert_eq!(queue.redrive(&[]).await.unwrap(), Vec::<bool>::new());
    assert_eq!(ids(&queue.claim(&claim(10)).await.unwrap()), ["waiting", "a"]);
    assert_eq!(queue.stats().await.unwrap().dead, 1);
}

#[tokio::test]
async fn dead_letters_of_one_class_go_back_and_the_others_stay() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["a", "b"], Class::Permanent).await;
    bury_all(&queue, &["c", "d", "e"], Class::Undecodable).await;
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), Pace::AtOnce, 2).await.unwrap(), 2, "at most so many");
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), Pace::AtOnce, 2).await.unwrap(), 1);
    assert_eq!(
        queue.redrive_some(Some(Class::Undecodable), Pace::AtOnce, 2).await.unwrap(),
        0,
        "asked again, nothing happens"
    );
    assert_eq!(ids(&claimed(&queue, &claim(9)).await), ["c", "d", "e"]);
    assert_eq!(queue.stats().await.unwrap().dead, 2);
}

#[tokio::test]
async fn the_letters_of_a_class_are_found_behind_thousands_of_others() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for (front, wanted) in [("front", "first"), ("middle", "last")] {
        letters(&setup, front, 6000, Class::Permanent).await;
        letters(&setup, wanted, 1, Class::Undecodable).await;
    }
    let undecodable = Some(Class::Undecodable);
    assert_eq!(queue.redrive_some(undecodable, Pace::PerSecond(NonZeroU32::new(1).unwrap()), 10).await.unwrap(), 2);
    let [first, last] = ["first1", "last1"].map(async |id| setup.ask::<u64>("ZSCORE", "jobs:due", &[id]).await);
    let between = last.await.abs_diff(first.await);
    assert!((1000..1500).contains(&between), "they go on at the same rate: {between} ms");
    assert_eq!(queue.redrive_some(undecodable, Pace::AtOnce, 10).await.unwrap(), 0);
    assert_eq!(queue.stats().await.unwrap().dead, 12_000);
}

#[tokio::test]
async fn letters_that_leave_while_others_are_looked_for_make_none_be_missed() {
    let setup = Setup::new().await;
    let connection = AfterFirst::around(setup.connection.clone(), async || {
        // The one where the search stopped, and some before it.
        let first: Vec<String> = setup.ask("ZRANGE", "jobs:dead", &["1990", "1999"]).await;
        let ids: Vec<MessageId> = first.into_iter().map(MessageId::from).collect();
        assert_eq!(setup.jobs().redrive(&ids).await.unwrap(), [true; 10]);
    });
    letters(&setup, "front", 2500, Class::Permanent).await;
    letters(&setup, "wanted", 20, Class::Undecodable).await;
    let queue = setup.on(&connection, "jobs");
    assert_eq!(queue.redrive_some(Some(Class::Undecodable), Pace::AtOnce, 100).await.unwrap(), 20);
}

/// Dead letters that were all buried in one millisecond, as the queue keeps them.
async fn letters(setup: &Setup, name: &str, count: u32, class: Class) {
    setup.next_millisecond().await;
    let script = r#"
        for n = 1, ARGV[2] do
          redis.call('ZADD', KEYS[1] .. 'dead', ARGV[3], ARGV[1] .. n)
          redis.call('HSET', KEYS[1] .. 'body', ARGV[1] .. n, 'payload')
          redis.call('HSET', KEYS[1] .. 'why', ARGV[1] .. n, ARGV[4])
        end"#;
    let why = format!(r#"{{"reason":"a \"class\":\"undecodable\"","class":"{}"}}"#, class.name());
    let (key, now, count) = (setup.key("jobs:"), setup.now().await.to_string(), count.to_string());
    setup.tell::<()>(&["EVAL", script, "1", &key, name, &count, &now, &why]).await;
}

#[tokio::test]
async fn dead_letters_go_back_at_the_rate_that_was_asked_for() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["a", "b", "c"], Class::Permanent).await;
    let before = setup.now().await;
    assert_eq!(queue.redrive_some(None, Pace::PerSecond(NonZeroU32::new(10).unwrap()), 9).await.unwrap(), 3);
    let mut times = vec![];
    for id in ["a", "b", "c"] {
        times.push(setup.ask::<u64>("ZSCORE", "jobs:due", &[id]).await);
    }
    assert!(times[0] >= before);
    assert_eq!([times[1] - times[0], times[2] - times[0]], [100, 200]);
}

#[tokio::test]
async fn the_rate_of_a_redrive_holds_over_repeated_calls() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let letters: Vec<String> = (0..6).map(|n| format!("m{n}")).collect();
    bury_all(&queue, &letters.iter().map(String::as_str).collect::<Vec<_>>(), Class::Permanent).await;
    let pace = Pace::PerSecond(NonZeroU32::new(10).unwrap());
    for _ in 0..3 {
        assert_eq!(queue.redrive_some(None, pace, 2).await.unwrap(), 2);
    }
    let mut times = vec![];
    for id in &letters {
        times.push(setup.ask::<u64>("ZSCORE", "jobs:due", &[id]).await);
    }
    times.sort_unstable();
    let steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(steps, [100; 5]);
}

#[tokio::test]
async fn a_discarded_letter_leaves_only_who_gave_it_up_and_why() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    let a = queue.claim(&claim(1)).await.unwrap().remove(0);
    assert!(!queue.discard(&"a".into(), "ann", "typo", "").await.unwrap(), "only dead letters");
    assert!(settle(&queue, &a, bury()).await);
    assert!(queue.discard(&"a".into(), "ann", "typo", "").await.unwrap());
    assert!(queue.discard(&"a".into(), "bob", "again", "").await.unwrap(), "it stays so");
    let [Some(MessageState::Discarded(discarded))] = queue.find(&"a".into(), [&"a".into()]).await.unwrap().messages
    else {
        panic!("it is discarded")
    };
    assert_eq!((discarded.by.as_str(), discarded.why.as_str()), ("ann", "typo"));
    assert_eq!(setup.contents().await.into_keys().collect::<Vec<_>>(), [setup.key("jobs:discarded")]);
    assert_eq!(queue.redrive(&["a".into()]).await.unwrap(), [false]);
}
