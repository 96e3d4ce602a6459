//! Callers who may send only so many messages a second.

use std::cell::Cell;
use std::time::Duration;

use ::redis::AsyncCommands;
use queue::{Accept, Accepted, Allowance, Answered, Limits, Owner, Rate};

use super::setup::{LONG, Setup, keyed, message};
use crate::harness::eventually;

fn of(name: &str, per_second: u32, burst: u32) -> Option<Owner> {
    Some(Owner { name: name.to_owned(), rate: Some(Rate { per_second, burst }) })
}

impl Setup {
    /// Sends one message, and says what became of it and how many more its caller may send.
    async fn send(&self, message: Accept) -> (Accepted, Option<Allowance>) {
        let answers = self.jobs().accept_together(&[message], Limits::default()).await.unwrap();
        let [Answered { accepted, allowance }] = <[Answered; 1]>::try_from(answers).unwrap();
        (accepted, allowance)
    }

    async fn burst(&self, caller: &str, prefix: &str, messages: usize, rate: (u32, u32)) -> Vec<Accepted> {
        let (per_second, burst) = rate;
        let messages: Vec<_> = (0..messages)
            .map(|n| Accept { owner: of(caller, per_second, burst), ..message(&format!("{prefix}{n}")) })
            .collect();
        let answers = self.jobs().accept_together(&messages, Limits::default()).await.unwrap();
        answers.into_iter().map(|answer| answer.accepted).collect()
    }
}

fn taken(verdicts: &[Accepted]) -> usize {
    verdicts.iter().filter(|verdict| **verdict == Accepted::New).count()
}

#[tokio::test]
async fn a_caller_may_send_a_burst_and_then_no_more_than_its_tokens_come_and_others_are_not_held_up() {
    let setup = Setup::new().await;
    let verdicts = setup.burst("webshop", "a", 5, (1, 3)).await;
    assert_eq!(taken(&verdicts), 3, "{verdicts:?}");
    assert_eq!(verdicts[3..], [Accepted::Limited, Accepted::Limited]);
    let (accepted, allowance) = setup.send(Accept { owner: of("webshop", 1, 3), ..message("b") }).await;
    let Allowance { left, next, full } = allowance.unwrap();
    assert_eq!((accepted, left), (Accepted::Limited, 0));
    assert!(next > Duration::ZERO && next <= Duration::from_secs(1), "{next:?}");
    assert!(full > Duration::from_secs(1) && full <= Duration::from_secs(3), "{full:?}");
    assert_eq!(taken(&setup.burst("outlet", "c", 3, (1, 3)).await), 3, "another caller has a bucket of its own");
    assert_eq!(setup.send(message("d")).await, (Accepted::New, None), "who names no rate has no limit");
    let waiting = setup.jobs().stats().await.unwrap().visible;
    assert_eq!(waiting, 7, "nothing was written of what was refused");
}

#[tokio::test]
async fn tokens_come_steadily_by_the_queues_clock() {
    let setup = Setup::new().await;
    // At a thousand a second each millisecond brings one.
    let first = taken(&setup.burst("webshop", "a", 64, (1000, 20)).await);
    assert!((20..40).contains(&first), "{first}");
    let later = Cell::new(0);
    eventually("tokens to come", async || {
        let so_far = later.get();
        later.set(so_far + taken(&setup.burst("webshop", &format!("b{so_far}-"), 8, (1000, 20)).await));
        (later.get() >= 16).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_known_is_answered_though_no_token_is_left() {
    let setup = Setup::new().await;
    let owner = of("webshop", 1, 1);
    let first = Accept { owner: owner.clone(), ..keyed("a", 1, 1, LONG) };
    assert_eq!(setup.send(first.clone()).await.0, Accepted::New);
    assert_eq!(
        setup.send(Accept { owner: owner.clone(), ..keyed("b", 1, 1, LONG) }).await.0,
        Accepted::Replayed("a".into())
    );
    assert_eq!(
        setup.send(Accept { owner: owner.clone(), ..keyed("b", 1, 2, LONG) }).await.0,
        Accepted::Conflict("a".into())
    );
    assert_eq!(setup.send(Accept { again: true, ..first }).await.0, Accepted::New, "its own answer was lost");
    assert_eq!(setup.send(Accept { owner, ..keyed("c", 2, 2, LONG) }).await.0, Accepted::Limited);
}

#[tokio::test]
async fn what_a_stranger_wrote_over_the_buckets_holds_up_nobody_for_long() {
    let setup = Setup::new().await;
    let () = setup.redis.raw().await.hset(setup.key("rates"), "webshop", "soon").await.unwrap();
    assert_eq!(setup.send(Accept { owner: of("webshop", 1, 1), ..message("a") }).await.0, Accepted::New);
}
