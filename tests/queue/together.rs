//! Several messages in one call: what becomes of each is what would if it came alone.

use std::time::Duration;

use queue::limits::TOGETHER;
use queue::{Accept, Accepted, Effects, Limits, Verdict};

use super::doubles::Failing;
use super::setup::*;

const DEEP: Limits = Limits { depth: Some(4), age: None };

fn again(accept: Accept) -> Accept {
    Accept { again: true, ..accept }
}

#[tokio::test]
async fn each_message_of_a_call_has_the_verdict_that_it_would_have_alone() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    queue.accept(keyed("old", 1, 1, LONG)).await.unwrap();
    queue.accept(message("sent")).await.unwrap();
    let replayed = |id: &str| Accepted::Replayed(id.into());
    let table = [
        ("a new one", keyed("a", 2, 2, LONG), Accepted::New),
        ("a known key with its body", keyed("b", 1, 1, LONG), replayed("old")),
        ("a known key with another body", keyed("c", 1, 9, LONG), Accepted::Conflict("old".into())),
        ("a key of this call with its body", keyed("d", 2, 2, LONG), replayed("a")),
        ("a key of this call with another body", keyed("e", 2, 9, LONG), Accepted::Conflict("a".into())),
        ("the same id once more", again(keyed("a", 2, 2, LONG)), Accepted::New),
        ("an id of an earlier call once more", again(message("sent")), Accepted::New),
        ("the last for which there is room", keyed("f", 3, 3, LONG), Accepted::New),
        ("one past the limit", keyed("g", 4, 4, LONG), Accepted::Full),
        ("the key of one that was not taken", keyed("h", 4, 9, LONG), Accepted::Full),
        ("one past the limit that was sent before", again(message("i")), Accepted::Full),
        ("a known key past the limit", keyed("j", 3, 3, LONG), replayed("f")),
    ];
    let messages: Vec<_> = table.iter().map(|(_, message, _)| message.clone()).collect();
    let verdicts = queue.accept_together(&messages, DEEP).await.unwrap();
    assert_eq!(verdicts.len(), table.len());
    for ((what, _, expected), verdict) in table.iter().zip(&verdicts) {
        assert_eq!(verdict.accepted, *expected, "{what}");
    }
    setup.next_millisecond().await;
    let mut kept = ids(&queue.claim(&claim(10)).await.unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    kept.sort();
    assert_eq!(kept, ["a", "f", "old", "sent"]);
}

#[tokio::test]
async fn a_call_of_many_messages_is_one_command_and_rings_one_bell() {
    let setup = Setup::new().await;
    let connection = &Failing::around(setup.connection.clone());
    let queue = setup.on(connection, "jobs");
    queue.accept(message("first")).await.unwrap();
    let sent = connection.sent.get();
    let messages: Vec<_> = (0..TOGETHER).map(|n| keyed(&format!("m{n:02}"), n as u8, 1, LONG)).collect();
    let verdicts = queue.accept_together(&messages, Limits::default()).await.unwrap();
    assert!(
        verdicts.len() == TOGETHER && verdicts.iter().all(|verdict| verdict.accepted == Accepted::New),
        "{verdicts:?}"
    );
    assert_eq!(connection.sent.get() - sent, 1);
    assert_eq!(queue.stats().await.unwrap().visible, TOGETHER as u64 + 1);
    let entries: usize = setup.ask("LLEN", &format!("seen:order:{}", LONG.as_millis()), &[]).await;
    assert_eq!(entries, TOGETHER, "each key is to be forgotten some day");
}

#[tokio::test]
async fn a_call_without_messages_gives_no_verdicts_and_changes_nothing() {
    let setup = Setup::new().await;
    assert_eq!(setup.jobs().accept_together(&[], DEEP).await.unwrap(), []);
    assert!(setup.contents().await.is_empty());
}

/// What a sender might send, with ids that are used once unless it is sent again.
struct Sender {
    chance: fastrand::Rng,
    sent: Vec<Accept>,
}

impl Sender {
    fn next(&mut self) -> Accept {
        if let Some(before) = self.chance.choice(&self.sent)
            && self.chance.u8(0..4) == 0
        {
            return again(before.clone());
        }
        let id = format!("m{:03}", self.sent.len());
        let (key, body) = (self.chance.u8(0..12), self.chance.u8(0..2));
        // A key whose time is up at once is as good as none.
        let new = match self.chance.u8(0..8) {
            0..5 => keyed(&id, key, body, LONG),
            5 => keyed(&id, key, body, Duration::ZERO),
            _ => message(&id),
        };
        self.sent.push(new.clone());
        new
    }
}

/// Two queues on two Redis: what the one gets in a call, the other gets one by one. Both forget nothing but by time.
#[tokio::test]
async fn in_any_order_calls_of_many_leave_what_calls_of_one_leave() {
    let (together, alone) = (Setup::new().await, Setup::new().await);
    let mut sender = Sender { chance: chance(), sent: vec![] };
    for round in 0..60 {
        let size = sender.chance.usize(1..=16);
        let limits = Limits { depth: sender.chance.bool().then(|| sender.chance.u64(1..40)), age: None };
        let messages: Vec<_> = (0..size).map(|_| sender.next()).collect();
        let mut expected = vec![];
        for message in &messages {
            expected.push(alone.jobs().accept_within(message.clone(), limits).await.unwrap());
        }
        let answers = together.jobs().accept_together(&messages, limits).await.unwrap();
        let verdicts: Vec<_> = answers.into_iter().map(|answer| answer.accepted).collect();
        assert_eq!(verdicts, expected, "{limits:?} {messages:?}");
        assert_eq!(kept(&together).await, kept(&alone).await, "after {round} rounds, {messages:?}");
        if sender.chance.u8(0..3) == 0 {
            for setup in [&together, &alone] {
                finish_first(setup).await;
            }
        }
    }
}

/// The bodies, the known keys with their bodies and messages, and how many are in the queue.
async fn kept(setup: &Setup) -> (Vec<(String, String)>, Vec<(Vec<u8>, Vec<u8>)>, usize) {
    let mut bodies: Vec<(String, String)> = setup.ask("HGETALL", "jobs:body", &[]).await;
    bodies.sort();
    // A record begins with the time of its end. What is over may be forgotten or not.
    let records: Vec<(Vec<u8>, Vec<u8>)> = setup.ask("HGETALL", "seen", &[]).await;
    let now = setup.now().await.to_be_bytes();
    let mut records: Vec<_> = records.into_iter().filter(|(_, record)| record[..6] > now[2..]).collect();
    records.iter_mut().for_each(|(_, record)| drop(record.drain(..6)));
    records.sort();
    (bodies, records, setup.ask("ZCARD", "jobs:due", &[]).await)
}

/// Handles the message with the least id, whichever came first, and gives the others back.
async fn finish_first(setup: &Setup) {
    setup.next_millisecond().await;
    let batch = setup.jobs().claim(&claim(1000)).await.unwrap();
    let Some(first) = batch.iter().map(|message| &message.id).min() else { return };
    let effects = Effects { head: Some("1.1".into()), ..Effects::default() };
    let settlements: Vec<_> = batch
        .iter()
        .map(|message| match message.id == *first {
            true => settlement(message, Verdict::Done(effects.clone())),
            false => settlement(message, release()),
        })
        .collect();
    assert!(setup.jobs().settle("worker", &settlements).await.unwrap().iter().all(|settled| *settled));
    setup.next_millisecond().await;
}
