//! Messages whose worker died: they wait for no one, hold up no one, and one that kills takes no other along.

use queue::{Claim, Class, Effects, Message, Verdict};

use super::setup::*;
use crate::harness::within;

/// Everything that was claimed with this is visible again, as if its worker had been killed.
async fn killed(setup: &Setup, most: usize) -> Vec<Message> {
    let batch = setup.dying().claim(&claim(most)).await.unwrap();
    setup.next_millisecond().await;
    setup.next_millisecond().await;
    batch
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:02}")).collect()
}

async fn send(setup: &Setup, names: &[String]) {
    accept_all(&setup.jobs(), &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn after_a_kill_the_suspects_and_what_came_since_take_turns() {
    let setup = Setup::new().await;
    let (old, fresh) = (names("old", 40), names("new", 25));
    send(&setup, &old).await;
    assert_eq!(killed(&setup, 64).await.len(), 40);
    send(&setup, &fresh).await;

    let mut batches = Vec::new();
    for _ in 0..5 {
        batches.push(setup.jobs().claim(&claim(20)).await.unwrap());
    }
    let batches: Vec<_> = batches.iter().map(|batch| ids(batch)).collect();
    assert_eq!(batches, [&fresh[..20], &old[..16], &fresh[20..], &old[16..32], &old[32..]]);
}

#[tokio::test]
async fn a_worker_that_claims_once_in_each_wake_comes_to_the_suspects_too() {
    let setup = Setup::new().await;
    send(&setup, &names("old", 2)).await;
    killed(&setup, 10).await;
    let mut handed_out = Vec::new();
    for n in 0..4 {
        send(&setup, &names(&format!("new{n}"), 1)).await;
        let batch = setup.jobs().claim(&Claim { silence: true, ..claim(1) }).await.unwrap();
        handed_out.extend(ids(&batch).into_iter().map(str::to_owned));
    }
    assert_eq!(handed_out, ["new000", "old00", "new100", "old01"]);
}

#[tokio::test]
async fn what_one_more_crash_would_bury_is_handed_out_alone_though_it_was_settled_since() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    send(&setup, &names("m", 3)).await;
    killed(&setup, 3).await;
    let twice = killed(&setup, 3).await;
    assert_eq!(twice.len(), 3, "they went together after the first crash");
    let alone = queue.claim(&claim(3)).await.unwrap();
    assert_eq!((ids(&alone), alone[0].crashes), (vec!["m00"], 2));
    assert!(settle(&queue, &alone[0], release()).await);
    send(&setup, &names("new", 2)).await;

    let mut batches = Vec::new();
    for _ in 0..4 {
        batches.push(queue.claim(&claim(9)).await.unwrap());
    }
    let batches: Vec<_> = batches.iter().map(|batch| ids(batch)).collect();
    assert_eq!(batches, [&["new00", "new01"][..], &["m01"], &["m02"], &["m00"]]);
}

#[tokio::test]
async fn what_is_only_to_be_buried_goes_together_and_with_no_other() {
    let setup = Setup::new().await;
    let budget = Claim { max_crashes: 1, ..claim(20) };
    send(&setup, &names("m", 20)).await;
    killed(&setup, 20).await;
    send(&setup, &names("new", 1)).await;
    let mut batches = Vec::new();
    for _ in 0..3 {
        batches.push(setup.jobs().claim(&budget).await.unwrap());
    }
    let shown = |batch: &Vec<Message>| (batch.len(), batch.iter().all(|message| message.exhausted));
    assert_eq!(batches.iter().map(shown).collect::<Vec<_>>(), [(1, false), (16, true), (4, true)]);
}

/// Fifty orders are killed together with a poison, which then kills each worker that gets it.
#[tokio::test]
async fn a_message_that_kills_every_worker_takes_no_neighbour_along() {
    let setup = Setup::new().await;
    let queue = setup.jobs();
    let innocent = names("m", 50);
    send(&setup, &innocent[..25]).await;
    accept_all(&queue, &["m24-poison"]).await;
    send(&setup, &innocent[25..]).await;
    let (mut handled, deaths) = within("all to be handled or buried", work_off(&setup, innocent.len())).await;
    handled.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(ids(&handled), innocent);
    assert_eq!(deaths, 3);
    let dragged_down_twice = handled.iter().filter(|message| message.crashes == 2).count();
    assert!(dragged_down_twice <= 15, "with the poison only those went that one batch may hold: {dragged_down_twice}");
    let dead = queue.dead_letters(0, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].why.class, dead[0].why.crashes), (1, Class::Crash, 3));
    assert_eq!(dead[0].payload, b"m24-poison");
}

/// Works as workers do that die whenever they have the poison before them. Gives what was handled, and how many died.
async fn work_off(setup: &Setup, innocent: usize) -> (Vec<Message>, usize) {
    let queue = setup.jobs();
    let is_poison = |message: &Message| message.id == b"m24-poison" && !message.exhausted;
    let (mut handled, mut deaths) = (Vec::new(), 0);
    while queue.stats().await.unwrap().dead == 0 || handled.len() < innocent {
        let batch = claimed(&setup.dying(), &claim(64)).await;
        if batch.iter().any(is_poison) {
            deaths += 1;
            continue;
        }
        for message in batch {
            let verdict = if message.exhausted { crashed() } else { done() };
            assert!(settle(&queue, &message, verdict).await);
            handled.extend((!message.exhausted).then_some(message));
        }
    }
    (handled, deaths)
}

fn crashed() -> Verdict {
    Verdict::Bury { class: Class::Crash, reason: "its worker died".to_owned(), effects: Effects::default() }
}
