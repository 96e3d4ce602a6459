//! A message that is handled in part comes again as it is, and can be hastened.

use std::time::Duration;

use queue::native::Native;
use queue::{Effects, Emit, FollowUp, Leave, Message, Queue, Terms, Untracked, Verdict};

use super::setup::*;

const PARTNER: &str = "pay.test";

fn again(after: Duration) -> Verdict {
    let emit = Emit { queue: "told".to_owned(), id: "e".into(), payload: "e".into(), log: true, after: BRIEF };
    Verdict::Done(Effects {
        head: Some("1.pending.1".into()),
        counter: Some("pending".to_owned()),
        emits: vec![emit],
        again: Some(after),
        ..Effects::default()
    })
}

/// Accepts, claims and holds one message.
async fn held(setup: &Setup, queue: &Queue<'_, Native>) -> Message {
    setup.ask::<()>("HSET", "stock", &["tea", "9"]).await;
    accept_all(queue, &["a"]).await;
    let message = queue.claim(&claim(1)).await.unwrap().remove(0);
    hold(queue, &message).await;
    message
}

async fn hold(queue: &Queue<'_, Native>, message: &Message) -> queue::Hold {
    let terms = Terms { asks: PARTNER, ..terms(Untracked::Allow) };
    queue.hold(message, &terms, [("tea", 2)]).await.unwrap()
}

async fn field(setup: &Setup, part: &str, name: &str) -> Option<String> {
    setup.ask("HGET", part, &[name]).await
}

async fn visible_at(setup: &Setup, id: &str) -> Option<u64> {
    setup.ask::<Option<f64>>("ZSCORE", "jobs:due", &[id]).await.map(|at| at as u64)
}

#[tokio::test]
async fn what_comes_again_has_its_effects_and_stays_as_it_is() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let first = held(&setup, &queue).await;
    assert!(settle(&queue, &first, retry(BRIEF)).await);
    let second = claimed(&queue, &claim(1)).await.remove(0);
    assert_eq!((second.delivery, second.failures), (2, 1));
    let asked = field(&setup, "asked", "a").await;
    assert!(settle(&queue, &second, again(BRIEF)).await);

    assert_eq!(field(&setup, "head", "a").await.as_deref(), Some("1.pending.1"));
    assert_eq!(field(&setup, "totals", "pending").await.as_deref(), Some("1"));
    assert_eq!(field(&setup, "totals", "jobs:again").await.as_deref(), Some("1"));
    assert_eq!(field(&setup, "told:body", "e").await.as_deref(), Some("e"));
    assert_eq!(field(&setup, "asked", "a").await, asked, "its subject isn't decided");
    assert_eq!(field(&setup, "stock", "tea").await.as_deref(), Some("7"), "and holds what it held");

    let third = claimed(&queue, &claim(1)).await.remove(0);
    assert_eq!((third.delivery, third.failures, third.crashes), (3, 0, 0), "it has all its attempts again");
    assert_eq!((&*third.payload, third.head.as_deref()), (&b"a"[..], Some(&b"1.pending.1"[..])));
    assert_eq!(hold(&queue, &third).await, queue::Hold::Held { first: false, leave: Leave::Free });
    assert_eq!(field(&setup, "stock", "tea").await.as_deref(), Some("7"), "a hold takes no more");
    let decided = Effects { head: Some("2.3".into()), stock: Some(queue::LetGo::Back), ..Effects::default() };
    assert!(settle(&queue, &third, Verdict::Done(decided)).await);
    assert_eq!(field(&setup, "stock", "tea").await.as_deref(), Some("9"));
    assert_eq!((field(&setup, "asked", "a").await, field(&setup, "jobs:body", "a").await), (None, None));
}

#[tokio::test]
async fn what_is_discarded_gives_its_stock_back_unless_its_subject_has_a_head() {
    for (has_head, left) in [(false, "9"), (true, "7")] {
        let setup = Setup::new().await;
        let queue = setup.jobs();
        let mut message = held(&setup, &queue).await;
        if has_head {
            assert!(settle(&queue, &message, again(Duration::ZERO)).await);
            message = claimed(&queue, &claim(1)).await.remove(0);
        }
        assert!(settle(&queue, &message, bury()).await);
        assert!(queue.discard(&"a".into(), "ann", "typo", "").await.unwrap());
        assert_eq!(field(&setup, "stock", "tea").await.as_deref(), Some(left), "{has_head}");
    }
}

#[tokio::test]
async fn what_comes_again_waits_its_time() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let message = held(&setup, &queue).await;
    let before = setup.now().await;
    assert!(settle(&queue, &message, again(Duration::from_secs(60))).await);
    let at = visible_at(&setup, "a").await.unwrap();
    assert!((before + 60_000..=setup.now().await + 60_000).contains(&at), "{at}");
    assert!(!settle(&queue, &message, again(BRIEF)).await, "a delivery is settled once");
    assert_eq!(visible_at(&setup, "a").await, Some(at));
}

#[tokio::test]
async fn what_recalls_a_message_goes_before_it_comes_again() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let recall = |id: &str| FollowUp { id: id.into(), subject: "a".into(), payload: id.into(), recalls: true };
    let message = held(&setup, &queue).await;
    queue.follow(recall("a/cancel")).await.unwrap();
    assert!(settle(&queue, &message, again(LONG)).await);
    let cancel = queue.claim(&claim(9)).await.unwrap();
    assert_eq!(ids(&cancel), ["a/cancel"], "it came while a worker had the message");
    let clears = Effects { head: Some("2.cancel.1".into()), clears: true, ..Effects::default() };
    assert!(settle(&queue, &cancel[0], Verdict::Done(clears)).await);
    assert_eq!(field(&setup, "jobs:body", "a").await, None);

    accept_all(&queue, &["a"]).await;
    let message = queue.claim(&claim(1)).await.unwrap().remove(0);
    assert!(settle(&queue, &message, again(LONG)).await);
    queue.follow(recall("a/cancel")).await.unwrap();
    assert_eq!(ids(&queue.claim(&claim(9)).await.unwrap()), ["a/cancel"], "it came while the message waited");
}

#[tokio::test]
async fn a_message_that_waits_for_its_time_can_be_hastened_and_wakes_a_worker() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let message = held(&setup, &queue).await;
    assert!(settle(&queue, &message, again(LONG)).await);
    setup.tell::<()>(&["DEL", &setup.key("jobs:bell")]).await;
    for _ in 0..2 {
        queue.hasten(&"a".into()).await.unwrap();
    }
    assert!(setup.tell::<bool>(&["EXISTS", &setup.key("jobs:bell")]).await, "the doorbell rings");
    let batch = queue.claim(&claim(9)).await.unwrap();
    assert_eq!((ids(&batch), batch[0].delivery), (vec!["a"], 2), "once, though it was hastened twice");
}

#[tokio::test]
async fn nothing_else_is_hastened() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    bury_all(&queue, &["dead"], queue::Class::Handler).await;
    accept_all(&queue, &["leased"]).await;
    let leased = queue.claim(&claim(1)).await.unwrap();
    accept_all(&queue, &["visible"]).await;
    let follow_up = FollowUp { id: "f".into(), subject: "leased".into(), payload: "f".into(), recalls: false };
    queue.follow(follow_up).await.unwrap();
    setup.next_millisecond().await;
    setup.tell::<()>(&["DEL", &setup.key("jobs:bell")]).await;
    let before = setup.contents().await;
    for id in ["dead", "leased", "visible", "f", "unknown"] {
        queue.hasten(&id.into()).await.unwrap();
        assert_eq!(setup.contents().await, before, "{id}");
    }
    assert!(!setup.tell::<bool>(&["EXISTS", &setup.key("jobs:bell")]).await);
    assert!(settle(&queue, &leased[0], done()).await, "its lease is as it was");
}
