//! Messages of one subject are worked off one after the other, in the order in which they were accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use queue::native::Native;
use queue::{
    Effects, FollowUp, Followed, Hold, LetGo, Level, Message, MessageState, Pace, Queue, Stock, Terms, Untracked,
    Verdict,
};

use super::setup::{HELD, Setup, accept_all, bury, chance, claim, claimed, done, ids, release, retry, settle, terms};

fn follow_up(id: &str, subject: &str) -> FollowUp {
    FollowUp { id: id.into(), subject: subject.into(), payload: id.into(), recalls: false }
}

fn recall(id: &str, subject: &str) -> FollowUp {
    FollowUp { recalls: true, ..follow_up(id, subject) }
}

async fn follow(queue: &Queue<'_, Native>, id: &str, subject: &str) -> Followed {
    queue.follow(follow_up(id, subject)).await.unwrap()
}

async fn next(queue: &Queue<'_, Native>) -> Message {
    claimed(queue, &claim(1)).await.remove(0)
}

async fn nothing_to_claim(queue: &Queue<'_, Native>) {
    assert_eq!(queue.claim(&claim(10)).await.unwrap(), []);
}

#[tokio::test]
async fn a_follow_up_waits_for_its_subject_and_others_do_not() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::New);
    assert_eq!(follow(&queue, "a/2", "a").await, Followed::New);
    accept_all(&queue, &["b"]).await;

    let batch = queue.claim(&claim(10)).await.unwrap();
    assert_eq!(ids(&batch), ["a", "b"]);
    assert_eq!(batch[0].subject, b"a");
    nothing_to_claim(&queue).await;
    assert!(settle(&queue, &batch[0], done()).await);
    let first = next(&queue).await;
    assert_eq!((first.id.as_bytes(), first.subject.as_bytes(), first.delivery), (&b"a/1"[..], &b"a"[..], 1));
    nothing_to_claim(&queue).await;
    assert!(settle(&queue, &first, done()).await);
    let second = next(&queue).await;
    assert_eq!(second.id, b"a/2");
    assert!(settle(&queue, &second, done()).await);
    assert!(settle(&queue, &batch[1], done()).await);
    for part in ["jobs:line", "jobs:subject", "jobs:body", "jobs:due", "jobs:deliveries"] {
        assert_eq!(setup.tell::<i64>(&["EXISTS", &setup.key(part)]).await, 0, "{part} is left");
    }
}

#[tokio::test]
async fn no_retry_and_no_crash_lets_a_follow_up_overtake() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    follow(&queue, "a/1", "a").await;
    let a = next(&queue).await;
    assert!(settle(&queue, &a, retry(Duration::ZERO)).await);
    let a = next(&setup.dying()).await;
    assert_eq!(a.id, b"a", "after the retry");
    let a = next(&queue).await;
    assert_eq!((a.id.as_bytes(), a.crashes), (&b"a"[..], 1), "after the crash");
    assert!(settle(&queue, &a, release()).await);
    let a = next(&queue).await;
    assert_eq!(a.id, b"a", "after it was given back");
    assert!(settle(&queue, &a, retry(super::setup::LONG)).await);
    nothing_to_claim(&queue).await;
}

#[tokio::test]
async fn a_follow_up_sees_the_head_of_its_subject_and_moves_it() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    follow(&queue, "a/1", "a").await;
    let moving = |head: &[u8]| Verdict::Done(Effects { head: Some(head.into()), ..Effects::default() });
    let a = next(&queue).await;
    assert!(settle(&queue, &a, moving(b"1.1")).await);
    let first = next(&queue).await;
    assert_eq!(first.head, Some("1.1".into()));
    assert!(settle(&queue, &first, moving(b"2.x.1")).await);
    assert_eq!(queue.find(&"a".into(), []).await.unwrap().head, Some("2.x.1".into()));
    assert_eq!(setup.ask::<i64>("HLEN", "head", &[]).await, 1);
}

#[tokio::test]
async fn asking_twice_is_asking_once() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::New);
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::Waiting);
    let first = next(&queue).await;
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::Waiting);
    assert!(settle(&queue, &first, bury()).await);
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::Dead);
    nothing_to_claim(&queue).await;
}

#[tokio::test]
async fn a_dead_letter_holds_up_none_behind_it_and_comes_back_behind_them() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    follow(&queue, "a/1", "a").await;
    follow(&queue, "a/2", "a").await;
    let a = next(&queue).await;
    assert!(settle(&queue, &a, bury()).await);
    let first = next(&queue).await;
    assert_eq!(first.id, b"a/1");
    queue.redrive(&["a".into()]).await.unwrap();
    nothing_to_claim(&queue).await;
    assert!(settle(&queue, &first, done()).await);
    let second = next(&queue).await;
    assert_eq!(second.id, b"a/2");
    assert!(settle(&queue, &second, done()).await);
    let again = next(&queue).await;
    assert_eq!((again.id.as_bytes(), again.delivery), (&b"a"[..], 2));
    follow(&queue, "a/3", "a").await;
    nothing_to_claim(&queue).await;
    assert!(settle(&queue, &again, done()).await);
    assert_eq!(next(&queue).await.id, b"a/3");
}

#[tokio::test]
async fn delivery_numbers_of_a_follow_up_that_was_discarded_go_on() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    follow(&queue, "a/1", "a").await;
    let first = next(&queue).await;
    assert!(settle(&queue, &first, bury()).await);
    assert!(queue.discard(&"a/1".into(), "ann", "typo", "").await.unwrap());
    assert_eq!(follow(&queue, "a/1", "a").await, Followed::New);
    assert!(!queue.discard(&"a/1".into(), "ann", "typo", "").await.unwrap(), "it is in the queue again");
    let again = next(&queue).await;
    assert_eq!((again.delivery, again.failures, again.crashes), (2, 0, 0));
}

#[tokio::test]
async fn the_place_of_each_message_of_a_subject_is_told() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    follow(&queue, "a/1", "a").await;
    let places = async || queue.find(&"a".into(), [&"a".into(), &"a/1".into(), &"a/2".into()]).await.unwrap().messages;
    let waiting = |id: &str| Some(MessageState::Queued { payload: id.into() });
    assert_eq!(places().await, [waiting("a"), waiting("a/1"), None]);
    assert_eq!(queue.stats().await.unwrap().invisible, 1, "what waits its turn is counted");
    let a = next(&queue).await;
    assert!(settle(&queue, &a, done()).await);
    assert_eq!(places().await, [None, waiting("a/1"), None]);
}

#[tokio::test]
async fn a_verdict_on_a_follow_up_can_clear_the_dead_letter_of_its_subject() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    let a = next(&queue).await;
    assert!(settle(&queue, &a, bury()).await);
    follow(&queue, "a/1", "a").await;
    let first = next(&queue).await;
    assert!(settle(&queue, &first, Verdict::Done(Effects { clears: true, ..Effects::default() })).await);
    assert_eq!(queue.dead_letters(0, 10).await.unwrap(), []);
    assert_eq!(setup.tell::<i64>(&["EXISTS", &setup.key("jobs:body")]).await, 0);
}

async fn hold_recallable(setup: &Setup, message: &Message, recall: &str) -> Hold {
    let terms = Terms { recall: recall.into(), ..terms(Untracked::Allow) };
    setup.jobs().hold(message, &terms, [("tea", 1)]).await.unwrap()
}

#[tokio::test]
async fn what_recalls_a_message_goes_before_it_whether_that_waits_or_is_to_be_retried() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b"]).await;
    // What is visible since the same millisecond has no order of time.
    setup.next_millisecond().await;
    queue.follow(recall("a/1", "a")).await.unwrap();
    follow(&queue, "b/1", "b").await;
    let batch = queue.claim(&claim(9)).await.unwrap();
    assert_eq!(ids(&batch), ["b", "a/1"], "another follow-up waits its turn");
    assert!(settle(&queue, &batch[1], done()).await);
    assert_eq!(next(&queue).await.id, b"a");

    accept_all(&queue, &["c"]).await;
    let c = next(&queue).await;
    assert!(settle(&queue, &c, retry(super::setup::LONG)).await);
    follow(&queue, "c/0", "c").await;
    nothing_to_claim(&queue).await;
    queue.follow(recall("c/1", "c")).await.unwrap();
    let recalling = next(&queue).await;
    assert_eq!(recalling.id, b"c/1");
    nothing_to_claim(&queue).await;
    assert!(settle(&queue, &recalling, retry(Duration::ZERO)).await);
    let recalling = next(&queue).await;
    assert_eq!(recalling.id, b"c/1", "none of its own retries lets another one pass");
    assert!(settle(&queue, &recalling, done()).await);
    for id in ["c", "c/0"] {
        let message = next(&queue).await;
        assert_eq!(message.id, id);
        assert!(settle(&queue, &message, done()).await);
    }
}

#[tokio::test]
async fn a_worker_learns_that_its_message_is_recalled_and_lets_that_go_first() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for verdict in [release(), retry(super::setup::LONG)] {
        accept_all(&queue, &["a"]).await;
        let a = next(&queue).await;
        queue.follow(recall("a/1", "a")).await.unwrap();
        nothing_to_claim(&queue).await;
        assert_eq!(hold_recallable(&setup, &a, "a/1").await, Hold::Recalled);
        assert_eq!(hold_recallable(&setup, &a, "a/2").await, HELD, "nothing else recalls it");
        assert_eq!(hold_recallable(&setup, &a, "a/1").await, Hold::Recalled, "though it holds");
        assert!(settle(&queue, &a, verdict).await);
        let recalling = next(&queue).await;
        assert_eq!(recalling.id, b"a/1");
        let effects = Effects { clears: true, head: Some("1".into()), ..Effects::default() };
        assert!(settle(&queue, &recalling, Verdict::Done(effects)).await);
        nothing_to_claim(&queue).await;
        let parts = ["line", "subject", "body", "due", "deliveries", "history"];
        for part in parts.map(|part| setup.key(&format!("jobs:{part}"))).iter().chain([&setup.key("held")]) {
            assert_eq!(setup.tell::<i64>(&["EXISTS", part]).await, 0, "{part} is left");
        }
    }
}

#[tokio::test]
async fn a_letter_that_recalls_goes_first_in_whatever_order_letters_are_redriven() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for (n, order) in [["a", "a/1"], ["a/1", "a"]].into_iter().enumerate() {
        accept_all(&queue, &["a"]).await;
        let a = next(&queue).await;
        assert!(settle(&queue, &a, bury()).await);
        queue.follow(recall("a/1", "a")).await.unwrap();
        let recalling = next(&queue).await;
        assert!(settle(&queue, &recalling, bury()).await);
        queue.redrive(&["a".into()]).await.unwrap();
        let a = next(&queue).await;
        assert_eq!(hold_recallable(&setup, &a, "a/1").await, Hold::RecallBuried);
        assert!(settle(&queue, &a, bury()).await);
        if n == 0 {
            queue.redrive_some(None, Pace::AtOnce, 9).await.unwrap();
        } else {
            queue.redrive(&order.map(Into::into)).await.unwrap();
        }
        for id in ["a/1", "a"] {
            let message = next(&queue).await;
            assert_eq!(message.id, id);
            nothing_to_claim(&queue).await;
            assert!(settle(&queue, &message, done()).await);
        }
    }
}

#[tokio::test]
async fn what_a_subject_holds_goes_back_or_out_by_its_follow_up_once() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 9).await.unwrap();
    for (subject, let_go, expected) in
        [("a", LetGo::Back, Level { available: 9, held: 0 }), ("b", LetGo::Out, Level { available: 7, held: 0 })]
    {
        accept_all(&queue, &[subject]).await;
        let placed = next(&queue).await;
        assert_eq!(queue.hold(&placed, &terms(Untracked::Allow), [("tea", 2)]).await.unwrap(), HELD);
        assert!(settle(&queue, &placed, done()).await);
        for n in 0..2 {
            follow(&queue, &format!("{subject}/{n}"), subject).await;
            let message = next(&queue).await;
            let verdict = Verdict::Done(Effects { stock: Some(let_go), ..Effects::default() });
            assert!(settle(&queue, &message, verdict).await);
            assert_eq!(stock.read("tea").await.unwrap(), Some(expected), "{subject}, {n}");
        }
    }
}

#[tokio::test]
async fn a_follow_up_that_is_discarded_leaves_the_stock_of_its_subject_alone() {
    let setup = Setup::new().await;
    let (queue, stock) = (setup.jobs(), Stock::new(&setup.connection, &setup.namespace));
    stock.set("tea", 9).await.unwrap();
    accept_all(&queue, &["a"]).await;
    let a = next(&queue).await;
    queue.hold(&a, &terms(Untracked::Allow), [("tea", 2)]).await.unwrap();
    assert!(settle(&queue, &a, done()).await);
    follow(&queue, "a/1", "a").await;
    let first = next(&queue).await;
    assert!(settle(&queue, &first, bury()).await);
    queue.discard(&"a/1".into(), "ann", "typo", "").await.unwrap();
    assert_eq!(stock.read("tea").await.unwrap(), Some(Level { available: 7, held: 2 }));
}

/// Many subjects, each with a few follow-ups; workers that retry, crash, bury and redrive at random.
#[tokio::test]
async fn whatever_happens_the_messages_of_a_subject_end_in_turn_and_never_two_are_out() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let mut chance = chance();
    let mut ended: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let mut accepted: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let mut open: Vec<Message> = Vec::new();
    for step in 0..600 {
        match chance.u8(0..8) {
            0 if accepted.len() < 40 => {
                let id = format!("s{step}");
                accept_all(&queue, &[&id]).await;
                accepted.insert(id.clone().into(), vec![id.into()]);
            }
            1 if !accepted.is_empty() => {
                let at = chance.usize(..accepted.len());
                let (subject, messages) = accepted.iter_mut().nth(at).unwrap();
                let subject = String::from_utf8(subject.clone()).unwrap();
                let id = format!("{subject}/{step}");
                follow(&queue, &id, &subject).await;
                messages.push(id.into());
            }
            2..5 => open.extend(queue.claim(&claim(3)).await.unwrap()),
            _ if !open.is_empty() => {
                let message = open.swap_remove(chance.usize(..open.len()));
                let verdict = match chance.u8(0..3) {
                    0 => retry(Duration::ZERO),
                    _ => done(),
                };
                if verdict == done() {
                    ended.entry(message.subject.to_vec()).or_default().push(message.id.to_vec());
                }
                assert!(settle(&queue, &message, verdict).await);
            }
            _ => {}
        }
        let mut subjects: Vec<&[u8]> = open.iter().map(|message| message.subject.as_bytes()).collect();
        subjects.sort_unstable();
        assert!(subjects.windows(2).all(|pair| pair[0] != pair[1]), "two of one subject are out after step {step}");
    }
    for message in open {
        ended.entry(message.subject.to_vec()).or_default().push(message.id.to_vec());
        assert!(settle(&queue, &message, done()).await);
    }
    while queue.stats().await.unwrap().visible > 0 {
        for message in queue.claim(&claim(50)).await.unwrap() {
            ended.entry(message.subject.to_vec()).or_default().push(message.id.to_vec());
            assert!(settle(&queue, &message, done()).await);
        }
    }
    assert_eq!(ended, accepted);
}
