//! Dead letters, and looking for messages.

use queue::{Claim, Class, Effects, MessageState, Stats, Verdict};

use super::setup::*;

#[tokio::test]
async fn a_dead_letter_tells_its_whole_story() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let start = setup.now().await;
    accept_all(&queue, &["a"]).await;
    claimed(&setup.dying(), &Claim { worker: "first", ..claim(1) }).await;
    let batch = claimed(&queue, &claim(1)).await;
    queue.settle("second", &[settlement(&batch[0], retry(BRIEF))]).await.unwrap();
    let batch = claimed(&queue, &claim(1)).await;
    let verdict = Verdict::Bury { class: Class::Handler, reason: "gave up".to_owned(), effects: Effects::default() };
    queue.settle("third", &[settlement(&batch[0], verdict)]).await.unwrap();

    let letter = queue.dead_letters(0, 10).await.unwrap().remove(0);
    let end = setup.now().await;
    assert_eq!((letter.id.as_bytes(), letter.payload.as_bytes()), (&b"a"[..], &b"a"[..]));
    assert!((start..=end).contains(&letter.buried_at));
    assert_eq!((letter.why.class, letter.why.reason.as_str()), (Class::Handler, "gave up"));
    assert_eq!((letter.why.deliveries, letter.why.failures, letter.why.crashes), (3, 2, 1));
    let story: Vec<_> = letter
        .history
        .iter()
        .map(|incident| (incident.delivery, incident.kind, incident.reason.as_deref(), incident.worker.as_str()))
        .collect();
    assert_eq!(
        story,
        [
            (1, Class::Crash, None, "first"),
            (2, Class::Handler, Some("not yet"), "second"),
            (3, Class::Handler, Some("gave up"), "third"),
        ]
    );
    assert!(letter.history.iter().all(|incident| (start..=end).contains(&incident.at)));
}

#[tokio::test]
async fn a_reason_that_is_not_the_handlers_failure_spends_no_attempt() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for class in [Class::Undecodable, Class::Permanent, Class::Crash] {
        accept_all(&queue, &["a"]).await;
        let batch = queue.claim(&claim(1)).await.unwrap();
        let verdict = Verdict::Bury { class, reason: "so".to_owned(), effects: Effects::default() };
        assert!(settle(&queue, &batch[0], verdict).await);
        let letter = queue.dead_letters(0, 1).await.unwrap().remove(0);
        assert_eq!((letter.why.class, letter.why.failures), (class, 0));
        queue.redrive(&["a".into()]).await.unwrap();
        let batch = queue.claim(&claim(1)).await.unwrap();
        assert!(settle(&queue, &batch[0], done()).await);
    }
}

#[tokio::test]
async fn dead_letters_are_listed_oldest_first_and_by_pages() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for id in ["d", "c", "b", "a"] {
        bury_all(&queue, &[id], Class::Permanent).await;
        setup.next_millisecond().await;
    }
    for (offset, most, expected) in
        [(0, 10, "dcba"), (0, 2, "dc"), (2, 1, "b"), (3, 10, "a"), (4, 10, ""), (0, 0, ""), (2, 0, "")]
    {
        let page = queue.dead_letters(offset, most).await.unwrap();
        let page: String = page.iter().map(|letter| str::from_utf8(&letter.id).unwrap()).collect();
        assert_eq!(page, expected, "{most} from {offset}");
    }
}

#[tokio::test]
async fn only_the_last_of_a_long_history_is_kept() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a"]).await;
    for _ in 0..40 {
        let batch = claimed(&queue, &claim(1)).await;
        assert!(settle(&queue, &batch[0], retry(BRIEF)).await);
    }
    let batch = claimed(&queue, &claim(1)).await;
    assert!(settle(&queue, &batch[0], bury()).await);
    let letter = queue.dead_letters(0, 1).await.unwrap().remove(0);
    let kept: Vec<_> = letter.history.iter().map(|incident| incident.delivery).collect();
    assert_eq!(kept, (10..=41).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_lane_has_its_own_dead_letters() {
    let setup = Setup::new().await;
    let lanes = [setup.jobs(), setup.jobs().lane("x"), setup.jobs().lane("y")];
    for lane in &lanes {
        bury_all(lane, &[lane.name()], Class::Permanent).await;
    }
    assert_eq!(lanes[1].redrive(&["jobs.y".into()]).await.unwrap(), [false]);
    for lane in &lanes {
        let letters = lane.dead_letters(0, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].id, lane.name().as_bytes());
    }
}

#[tokio::test]
async fn a_message_is_found_wherever_it_is() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let place = async || queue.find(&"a".into(), [&"a".into()]).await.unwrap().messages[0].clone();
    let waiting = || Some(MessageState::Queued { payload: "a".into() });
    assert_eq!(place().await, None, "never seen");
    accept_all(&queue, &["a"]).await;
    assert_eq!(place().await, waiting());
    let batch = queue.claim(&claim(1)).await.unwrap();
    assert_eq!(place().await, waiting(), "leased");
    assert!(settle(&queue, &batch[0], bury()).await);
    match place().await {
        Some(MessageState::Dead { payload, why }) => {
            assert_eq!((payload, why.class, why.reason.as_str()), ("a".into(), Class::Permanent, "never"));
        }
        other => panic!("{other:?}"),
    }

    queue.redrive(&["a".into()]).await.unwrap();
    let batch = queue.claim(&claim(1)).await.unwrap();
    let head = Effects { head: Some("1.2".into()), ..Effects::default() };
    assert!(settle(&queue, &batch[0], Verdict::Done(head)).await);
    let found = queue.find(&"a".into(), [&"a".into()]).await.unwrap();
    assert_eq!((found.head, found.messages), (Some("1.2".into()), [None]));
    assert!(found.now.abs_diff(setup.now().await) < 10_000, "Redis's clock");

    accept_all(&queue, &["a"]).await;
    assert_eq!(place().await, Some(MessageState::Queued { payload: vec![].into() }), "withheld where there is a head");
}

#[tokio::test]
async fn a_queue_is_counted() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let none = Stats { visible: 0, invisible: 0, dead: 0, oldest_visible: None };
    assert_eq!(queue.stats().await.unwrap(), none);
    bury_all(&queue, &["dead"], Class::Permanent).await;
    accept_all(&queue, &["leased"]).await;
    queue.claim(&claim(1)).await.unwrap();
    assert_eq!(queue.stats().await.unwrap(), Stats { invisible: 1, dead: 1, ..none }, "no age where none is visible");

    let accepted_at = setup.now().await;
    accept_all(&queue, &["a", "b"]).await;
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    let stats = queue.stats().await.unwrap();
    assert_eq!(Stats { oldest_visible: None, ..stats }, Stats { visible: 2, invisible: 1, dead: 1, ..none });
    let at_most = setup.now().await - accepted_at;
    let age = stats.oldest_visible.unwrap().as_millis() as u64;
    assert!((1..=at_most).contains(&age), "{age} of {at_most} ms");
}
