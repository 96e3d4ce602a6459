//! The queue carries bytes, and changes none.

use std::time::Duration;

use queue::{Accept, Accepted, Claim, Class, Effects, Emit, Head, MessageId, MessageState, Payload, Verdict};

use super::setup::*;

fn every_byte() -> Vec<u8> {
    (0..=255).collect()
}

/// Strings that some layer might take for something else.
fn awkward() -> Vec<Vec<u8>> {
    let texts = ["", "0", "123", "-1", "1e5", "nil", "*", "\0", "a\0b", "a,b", "\r\n", "{}", "\u{2028}\u{1f600}"];
    let mut awkward: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    awkward.extend([every_byte(), vec![0xff], vec![0; 40]]);
    awkward
}

#[tokio::test]
async fn ids_and_payloads_of_any_bytes_go_their_whole_way_unharmed() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for bytes in awkward() {
        let (id, payload) = (MessageId::from(bytes.clone()), Payload::from(bytes.clone()));
        queue.accept(Accept::new(id.clone(), payload.clone())).await.unwrap();
        assert_eq!(
            queue.find(&id.as_subject(), [&id]).await.unwrap().messages,
            [Some(MessageState::Queued { payload: payload.clone() })]
        );
        let message = queue.claim(&claim(1)).await.unwrap().remove(0);
        assert_eq!((&message.id, &message.payload), (&id, &payload));
        assert_eq!(queue.renew(&[(&id, 1)]).await.unwrap(), [true]);
        assert!(settle(&queue, &message, bury()).await);

        let letter = queue.dead_letters(0, 1).await.unwrap().remove(0);
        assert_eq!((&letter.id, &letter.payload), (&id, &payload));
        assert_eq!(queue.redrive(std::slice::from_ref(&id)).await.unwrap(), [true]);
        let message = queue.claim(&claim(1)).await.unwrap().remove(0);
        assert!(settle(&queue, &message, done()).await);
        assert_eq!(queue.find(&id.as_subject(), [&id]).await.unwrap().messages, [None]);
    }
    assert!(setup.contents().await.is_empty());
}

#[tokio::test]
async fn heads_and_events_of_any_bytes_arrive_unharmed() {
    let setup = Setup::new().await;
    let (queue, events) = (setup.jobs(), setup.queue("events", LONG));
    for bytes in awkward() {
        let id = MessageId::from([b"id", bytes.as_slice()].concat());
        queue.accept(Accept { id: id.clone(), ..message("") }).await.unwrap();
        let batch = queue.claim(&claim(1)).await.unwrap();
        let emit = Emit {
            queue: "events".to_owned(),
            id: bytes.clone().into(),
            payload: bytes.clone().into(),
            log: true,
            after: Duration::ZERO,
        };
        let effects =
            Effects { head: Some(bytes.clone().into()), counter: None, emits: vec![emit], ..Effects::default() };
        assert!(settle(&queue, &batch[0], Verdict::Done(effects)).await);

        let head = Some(Head::from(bytes.clone())).filter(|head| !head.is_empty());
        assert_eq!(queue.find(&id.as_subject(), []).await.unwrap().head, head);
        let event = events.claim(&claim(1)).await.unwrap().remove(0);
        assert_eq!((event.id, event.payload), (bytes.clone().into(), bytes.clone().into()));
        let logged: Vec<(String, Vec<Vec<u8>>)> = setup.ask("XREVRANGE", "log", &["+", "-", "COUNT", "1"]).await;
        assert_eq!(logged[0].1, [b"id", bytes.as_slice(), b"event", &bytes]);
    }
}

#[tokio::test]
async fn idempotency_holds_for_digests_and_ids_of_any_bytes() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for (digest, fingerprint) in [(0, 0), (0xff, 0xff), (b'\n', 0x80)] {
        let id = MessageId::from([&[digest][..], &every_byte()].concat());
        let first = Accept { id: id.clone(), ..keyed("", digest, fingerprint, LONG) };
        assert_eq!(queue.accept(first).await.unwrap(), Accepted::New);
        let same = keyed("other", digest, fingerprint, LONG);
        assert_eq!(queue.accept(same).await.unwrap(), Accepted::Replayed(id.clone()));
        let changed = keyed("other", digest, fingerprint ^ 1, LONG);
        assert_eq!(queue.accept(changed).await.unwrap(), Accepted::Conflict(id));
    }
}

#[tokio::test]
async fn of_a_long_reason_only_the_beginning_is_kept() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for (id, reason, kept) in [("a", "é".repeat(5000), 1024), ("b", format!("x{}", "é".repeat(5000)), 1023)] {
        accept_all(&queue, &[id]).await;
        let message = queue.claim(&claim(1)).await.unwrap().remove(0);
        let verdict = Verdict::Bury { class: Class::Permanent, reason: reason.clone(), effects: Effects::default() };
        assert!(settle(&queue, &message, verdict).await);
        let letter = queue.dead_letters(0, 10).await.unwrap().pop().unwrap();
        assert_eq!(letter.why.reason, reason[..kept]);
        assert_eq!(letter.history[0].reason.as_deref(), Some(&reason[..kept]));
    }
}

#[tokio::test]
async fn reasons_and_names_of_workers_are_kept_to_the_letter() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    for text in [
        "plain",
        "",
        "\"quoted\" and \\escaped\\ and a/b",
        "two\nlines\r\n\tand a tab",
        "Größe 5 µm, 値段, \u{1f4a5}",
        "\0 nul \u{1b} escape \u{7f} delete \u{2028} separator",
        "1,2,3,name",
        "]]--",
        &"long ".repeat(200),
    ] {
        accept_all(&queue, &["a"]).await;
        let crash = Claim { worker: text, ..claim(1) };
        claimed(&setup.dying(), &crash).await;
        let message = claimed(&queue, &crash).await.remove(0);
        let again = Verdict::Retry { after: Duration::ZERO, reason: text.to_owned(), emits: vec![] };
        assert_eq!(queue.settle(text, &[settlement(&message, again)]).await.unwrap(), [true], "{text:?}");
        let message = claimed(&queue, &crash).await.remove(0);
        let verdict = Verdict::Bury { class: Class::Permanent, reason: text.to_owned(), effects: Effects::default() };
        assert_eq!(queue.settle(text, &[settlement(&message, verdict)]).await.unwrap(), [true], "{text:?}");

        let letter = queue.dead_letters(0, 1).await.unwrap().remove(0);
        assert_eq!(letter.why.reason, text);
        let reasons: Vec<_> = letter.history.iter().map(|incident| incident.reason.as_deref()).collect();
        assert_eq!(reasons, [None, Some(text), Some(text)]);
        assert!(letter.history.iter().all(|incident| incident.worker == text), "{:?}", letter.history);
        queue.redrive(&["a".into()]).await.unwrap();
        let message = queue.claim(&claim(1)).await.unwrap().remove(0);
        assert!(settle(&queue, &message, done()).await);
    }
}
