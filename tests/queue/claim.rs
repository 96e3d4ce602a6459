//! Claiming: leases, their loss, and the budgets that keep a bad message from doing harm for ever.

use std::collections::BTreeSet;

use futures::future::join_all;
use queue::{Accept, Claim, Effects, Verdict};

use super::setup::*;
use crate::harness::within;

#[tokio::test]
async fn a_leased_message_is_nobody_elses_while_the_lease_lasts() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    assert_eq!(ids(&setup.jobs().claim(&claim(10)).await.unwrap()), ["a"]);
    assert_eq!(setup.jobs().claim(&claim(10)).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_whose_lease_ran_out_comes_back_with_the_next_number_and_a_crash() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    for crashes in 0..3 {
        let batch = claimed(&setup.dying(), &Claim { max_crashes: 10, ..claim(10) }).await;
        assert_eq!((batch[0].delivery, batch[0].crashes, batch[0].failures), (u64::from(crashes) + 1, crashes, 0));
        assert_eq!(batch[0].payload, b"a");
    }
}

#[tokio::test]
async fn eight_workers_at_once_get_each_message_once() {
    let setup = Setup::new().await;
    let sent: BTreeSet<String> = (0..100).map(|n| format!("m{n}")).collect();
    let sends = sent.iter().map(async |id| setup.jobs().accept(message(id)).await.unwrap());
    join_all(sends).await;

    let connections = join_all((0..8).map(async |_| setup.redis.connect().await)).await;
    let workers = connections.iter().map(async |connection| {
        let queue = setup.on(connection, "jobs");
        let mut got = Vec::new();
        loop {
            let batch = queue.claim(&claim(7)).await.unwrap();
            if batch.is_empty() {
                return got;
            }
            got.extend(batch);
        }
    });
    let got = within("an empty queue", join_all(workers)).await.concat();
    assert_eq!(got.len(), 100);
    assert_eq!(ids(&got).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), sent);
}

#[tokio::test]
async fn a_batch_is_bounded_in_messages_and_in_bytes_but_never_empty_for_the_sake_of_bytes() {
    let setup = Setup::new().await;
    let most = |most, most_bytes| Claim { most_bytes, ..claim(most) };
    for (case, sizes, claim, expected) in [
        ("messages", &[1, 1, 1][..], most(2, 1000), 2),
        ("bytes", &[400, 400, 400], most(10, 1000), 2),
        ("bytes to the last", &[500, 500, 1], most(10, 1000), 2),
        ("one too large", &[1001, 1], most(10, 1000), 1),
        ("empty payloads", &[0, 0, 0], most(10, 0), 3),
        ("none wanted", &[1], most(0, 1000), 0),
    ] {
        let queue = setup.queue(&case.replace(' ', "-"), LONG);
        for (n, size) in sizes.iter().enumerate() {
            queue.accept(Accept { payload: vec![7; *size].into(), ..message(&n.to_string()) }).await.unwrap();
        }
        let batch = queue.claim(&claim).await.unwrap();
        assert_eq!(batch.len(), expected, "{case}");
        let left = queue.stats().await.unwrap();
        assert_eq!(left.visible as usize, sizes.len() - expected, "{case}: what was not given was not leased");
    }
}

#[tokio::test]
async fn past_its_crash_budget_a_message_comes_without_payload_and_only_to_be_buried() {
    let setup = Setup::new().await;
    let budget = |max_crashes| Claim { max_crashes, ..claim(10) };
    for max_crashes in [1, 2, 3] {
        let id = format!("m{max_crashes}");
        accept_all(&setup.jobs(), &[&id]).await;
        for crashes in 0..max_crashes {
            let batch = claimed(&setup.dying(), &budget(max_crashes)).await;
            assert_eq!((batch[0].crashes, batch[0].exhausted), (crashes, false), "{id}");
            assert_eq!(batch[0].payload, id.as_bytes());
        }
        // Whoever shall bury it may die too.
        for crashes in max_crashes..max_crashes + 3 {
            let batch = claimed(&setup.dying(), &budget(max_crashes)).await;
            assert_eq!((batch[0].crashes, batch[0].exhausted), (crashes, true), "{id}");
            assert_eq!(batch[0].payload, b"");
        }
        let batch = claimed(&setup.jobs(), &budget(max_crashes)).await;
        assert!(settle(&setup.jobs(), &batch[0], bury()).await);
    }
    let letters = setup.jobs().dead_letters(0, 10).await.unwrap();
    let payloads: Vec<_> = letters.iter().map(|letter| letter.payload.as_bytes()).collect();
    assert_eq!(payloads, [b"m1", b"m2", b"m3"], "only withheld, not lost");
}

#[tokio::test]
async fn what_is_given_back_unhandled_spends_nothing() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    for delivery in 1..10 {
        let batch = queue.claim(&Claim { max_crashes: 1, ..claim(1) }).await.unwrap();
        assert_eq!(batch[0].delivery, delivery);
        assert_eq!((batch[0].failures, batch[0].crashes, batch[0].exhausted), (0, 0, false));
        assert!(settle(&queue, &batch[0], release()).await);
    }
}

#[tokio::test]
async fn failures_crashes_and_releases_are_counted_apart() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    let patient = Claim { max_crashes: 100, ..claim(1) };
    let (mut failures, mut crashes) = (0, 0);
    for (delivery, step) in "FCRRCFFCR".chars().enumerate() {
        let batch = claimed(&setup.dying(), &patient).await;
        let message = &batch[0];
        assert_eq!(
            (message.delivery as usize, message.failures, message.crashes),
            (delivery + 1, failures, crashes),
            "before {step}"
        );
        match step {
            'F' => {
                assert!(settle(&queue, message, retry(BRIEF)).await);
                failures += 1;
            }
            'R' => assert!(settle(&queue, message, release()).await),
            _ => crashes += 1,
        }
    }
}

#[tokio::test]
async fn a_message_comes_with_the_head_of_its_subject() {
    let setup = Setup::new().await;
    let (first, second) = (setup.jobs(), setup.queue("later", LONG));
    accept_all(&first, &["a"]).await;
    let batch = first.claim(&claim(1)).await.unwrap();
    assert_eq!(batch[0].head, None, "none yet");
    let effects = Effects { head: Some("1.1".into()), ..Effects::default() };
    assert!(settle(&first, &batch[0], Verdict::Done(effects)).await);

    accept_all(&second, &["a", "b"]).await;
    let batch = second.claim(&claim(2)).await.unwrap();
    let heads: Vec<_> = batch.into_iter().map(|message| message.head).collect();
    assert_eq!(heads, [Some("1.1".into()), None]);
}

#[tokio::test]
async fn a_renewed_lease_lasts_from_now() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    let batch = setup.dying().claim(&claim(1)).await.unwrap();
    let renewed = setup.jobs().renew(&[(&batch[0].id, batch[0].delivery), (&"unknown".into(), 1)]).await.unwrap();
    assert_eq!(renewed, [true, false]);

    setup.next_millisecond().await;
    setup.next_millisecond().await;
    assert_eq!(setup.jobs().claim(&claim(1)).await.unwrap(), [], "the first lease is over, the second is not");
    assert!(settle(&setup.jobs(), &batch[0], done()).await);
}
