//! A claim whose answer was lost is repeated with its token. Nobody died, so nothing may count as a crash.

use queue::native::Tokio;
use queue::{Claim, Class, Effects, Incident, Linger, Message, Side, Worker};

use super::doubles::{Failing, Fault, Handling};
use super::setup::*;
use crate::harness::within;

/// A worker's third claim.
const LOST: Claim<'_> = Claim {
    most: 3,
    most_bytes: 1 << 20,
    max_crashes: 3,
    worker: "ann",
    number: 3,
    again: false,
    silence: false,
    side: Side::Alone,
    places: usize::MAX,
};

fn again(claim: &Claim<'static>) -> Claim<'static> {
    Claim { again: true, ..claim.clone() }
}

/// The same, but a repeated claim doesn't know since when they were visible.
fn since(at: u64, batch: Vec<Message>) -> Vec<Message> {
    batch.into_iter().map(|message| Message { since: at, ..message }).collect()
}

fn deliveries(batch: &[Message]) -> Vec<(&Message, u64, u32)> {
    batch.iter().map(|message| (message, message.delivery, message.crashes)).collect()
}

#[tokio::test]
async fn a_repeated_claim_gives_the_same_deliveries_again_and_leases_nothing_else() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    accept_all(&queue, &["a", "b", "c", "d"]).await;
    let first = queue.claim(&LOST).await.unwrap();
    for _ in 0..3 {
        setup.next_millisecond().await;
        let repeated = since(first[0].since, queue.claim(&again(&LOST)).await.unwrap());
        assert_eq!(deliveries(&repeated), deliveries(&since(first[0].since, first.clone())));
    }
    assert_eq!(queue.stats().await.unwrap().visible, 1, "the fourth is still there for others");
    assert_eq!(ids(&first), ["a", "b", "c"]);
    for message in &first {
        assert!(settle(&queue, message, done()).await, "it is the latest delivery still");
    }
    assert_eq!(ids(&queue.claim(&again(&LOST)).await.unwrap()), ["d"], "nothing is left of it, so this is a new claim");
}

#[tokio::test]
async fn a_repeated_claim_leaves_to_others_what_they_took_meanwhile() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a", "b", "c"]).await;
    assert_eq!(setup.dying().claim(&LOST).await.unwrap().len(), 3);
    let taken = claimed(&setup.jobs(), &claim(1)).await;
    assert_eq!(ids(&taken), ["a"]);
    assert_eq!(ids(&setup.jobs().claim(&again(&LOST)).await.unwrap()), ["b", "c"]);
    assert!(settle(&setup.jobs(), &taken[0], done()).await);
}

#[tokio::test]
async fn a_claim_that_was_not_carried_out_leases_when_it_is_repeated() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    assert_eq!(ids(&setup.jobs().claim(&again(&LOST)).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_lease_that_ends_before_its_worker_knew_of_it_is_no_crash_and_after_that_it_is_one() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    for _ in 0..9 {
        let batch = claimed(&setup.dying(), &again(&LOST)).await;
        assert_eq!((batch[0].crashes, batch[0].exhausted), (0, false));
        claimed(&setup.dying(), &Claim { worker: "bob", number: 1, ..again(&LOST) }).await;
    }
    let batch = claimed(&setup.dying(), &again(&LOST)).await;
    assert_eq!(setup.dying().renew(&[(&batch[0].id, batch[0].delivery)]).await.unwrap(), [true]);
    let batch = claimed(&setup.jobs(), &claim(1)).await;
    assert_eq!(batch[0].crashes, 1);
}

#[tokio::test]
async fn what_is_only_to_be_buried_is_given_so_again() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a"]).await;
    for _ in 0..3 {
        claimed(&setup.dying(), &claim(1)).await;
    }
    let first = claimed(&setup.jobs(), &LOST).await;
    assert!(first[0].exhausted);
    assert_eq!(since(first[0].since, setup.jobs().claim(&again(&LOST)).await.unwrap()), first);
    assert!(settle(&setup.jobs(), &first[0], bury()).await);
    let letter = setup.jobs().dead_letters(0, 1).await.unwrap().remove(0);
    let crash = |incident: &&Incident| incident.kind == Class::Crash && incident.worker == "worker";
    assert_eq!(letter.history.iter().filter(crash).count(), 3, "each crash is told once: {:?}", letter.history);
}

#[tokio::test]
async fn it_is_found_among_thousands_that_wait_and_are_leased() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a", "b", "c"]).await;
    let lost = setup.jobs().claim(&LOST).await.unwrap();
    let script = "for n = 1, 4000 do redis.call('ZADD', KEYS[1], ARGV[1] + n * 100, 'other' .. n) end";
    let (due, now) = (setup.key("jobs:due"), setup.now().await.to_string());
    setup.tell::<()>(&["EVAL", script, "1", &due, &now]).await;
    assert_eq!(since(0, setup.jobs().claim(&again(&LOST)).await.unwrap()), since(0, lost));
}

#[tokio::test]
async fn a_worker_whose_claims_lose_their_answers_handles_each_message_once_and_spends_nothing() {
    let setup = Setup::new().await;
    accept_all(&setup.jobs(), &["a", "b", "c"]).await;
    let connection = Failing::around(setup.connection.clone());
    let handler = Handling::by(async |message: &Message| {
        assert_eq!((message.delivery, message.crashes), (1, 0));
        connection.fail(&[Fault::AnswerLost]);
        Ok(Effects::default())
    });
    let runtime = Tokio::default();
    let backoff = queue::Backoff::Exponential { base: BRIEF, cap: BRIEF, attempts: 1 };
    let worker = Worker {
        queue: setup.on(&connection, "jobs"),
        handler: &handler,
        runtime: &runtime,
        name: "ann",
        backoff: &backoff,
        max_crashes: 1,
        batch: 1,
        linger: Linger::Briefly,
        until: LONG,
    };
    // Three tries of the first claim; later each settling.
    connection.fail(&[Fault::AnswerLost, Fault::AnswerLost, Fault::AnswerLost]);
    let drained = within("the drain", worker.drain()).await.unwrap();
    assert!(connection.has_failed());
    assert_eq!(handler.handled.take(), ["a", "b", "c"]);
    assert_eq!(drained.settled + drained.late, 3, "{drained:?}");
    assert!(setup.contents().await.is_empty());
}
