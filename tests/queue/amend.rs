//! A follow-up that is a dead letter goes back with an addition to its payload.

use queue::{Amended, FollowUp};

use super::setup::{Setup, accept_all, amendment, bury, claim, claimed, done, ids, settle};

#[tokio::test]
async fn a_dead_follow_up_goes_back_with_an_addition_and_once() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let amend = async |letter: &str| queue.amend(&letter.into(), amendment("a/cancel", "a")).await.unwrap();
    let follow_up =
        |payload: &str| FollowUp { id: "a/cancel".into(), subject: "a".into(), payload: payload.into(), recalls: true };
    for (payload, expected) in [
        (r#"{"for":1}"#, r#"{"for":1,"word":"ours"}"#),
        (r#"{"for":1,"more":"x"}"#, r#"{"for":1,"more":"x","word":"ours"}"#),
        (r#"{"for":1,"word":"theirs"}"#, r#"{"for":1,"word":"ours"}"#),
        ("broken", r#"{"for":1,"word":"ours"}"#),
    ] {
        queue.follow(follow_up(payload)).await.unwrap();
        assert_eq!(amend("a/cancel").await, Amended::Waiting, "it may be in work");
        let batch = claimed(&queue, &claim(1)).await;
        assert!(settle(&queue, &batch[0], bury()).await);
        for _ in 0..2 {
            assert_eq!(amend("a/cancel").await, Amended::Sent, "a lost answer is asked for again");
        }
        let batch = claimed(&queue, &claim(9)).await;
        assert_eq!((ids(&batch), batch[0].delivery, batch[0].failures), (vec!["a/cancel"], 2, 0), "once");
        assert_eq!(batch[0].payload, expected, "{payload}");
        assert!(settle(&queue, &batch[0], done()).await);
        assert_eq!(amend("a/cancel").await, Amended::Unknown);
    }
}

#[tokio::test]
async fn a_follow_up_is_sent_with_a_word_for_a_subject_that_is_dead_or_when_it_was_discarded() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let amend = async |letter: &str| queue.amend(&letter.into(), amendment("a/cancel", "a")).await.unwrap();
    accept_all(&queue, &["a"]).await;
    assert_eq!(amend("a").await, Amended::Unknown, "it waits");
    let batch = claimed(&queue, &claim(1)).await;
    assert!(settle(&queue, &batch[0], bury()).await);
    assert_eq!(amend("a/cancel").await, Amended::Unknown, "nobody asked for it");
    assert_eq!(amend("a").await, Amended::Sent);
    let batch = claimed(&queue, &claim(9)).await;
    assert_eq!((ids(&batch), batch[0].subject.as_bytes()), (vec!["a/cancel"], &b"a"[..]));
    assert!(settle(&queue, &batch[0], bury()).await);
    assert!(queue.discard(&"a/cancel".into(), "ann", "wrong", "").await.unwrap());
    assert_eq!(amend("a/cancel").await, Amended::Sent, "who discards may be wrong");
    let batch = claimed(&queue, &claim(9)).await;
    assert_eq!((ids(&batch), batch[0].delivery), (vec!["a/cancel"], 2));
}
