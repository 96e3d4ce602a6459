//! Nothing but its wakes brings a queue on: no schedule, no new message, no person.

use std::time::Duration;

use futures::StreamExt;
use queue::native::Native;
use queue::{Claim, Queue};

use super::setup::*;
use crate::harness::within;

const MESSAGES: usize = 60;

#[tokio::test]
async fn a_queue_is_worked_off_by_its_wakes_alone_though_doorbells_are_lost_and_workers_die() {
    let setup = Setup::new().await;
    let mut chance = chance();
    let queue = setup.queue("jobs", Duration::from_millis(50));
    let timer = format!("__keyspace@0__:{}", setup.key("jobs:timer"));
    let mut wakes = setup.subscribe(&[setup.key("jobs:bell"), timer.clone()]).await;

    let (mut sent, mut done) = (0, 0);
    while done < MESSAGES {
        // Where nothing waits, nothing wakes.
        let at_least = usize::from(sent == done);
        for _ in 0..chance.usize(0..8).max(at_least).min(MESSAGES - sent) {
            accept_all(&queue, &[&format!("m{sent}")]).await;
            sent += 1;
        }
        let wake = within("a wake", wakes.next()).await.unwrap();
        let heard = wake.get_channel_name() == timer || chance.bool();
        if heard {
            done += one_wake(&queue, &mut chance).await;
        }
    }
    assert_eq!(queue.stats().await.unwrap(), queue::Stats { visible: 0, invisible: 0, dead: 0, oldest_visible: None });
}

/// Works until nothing is visible, or dies with a batch in its hands. Says how many messages were done.
async fn one_wake(queue: &Queue<'_, Native>, chance: &mut fastrand::Rng) -> usize {
    let mut done_here = 0;
    let mut wanted = Claim { max_crashes: 1000, silence: true, ..claim(5) };
    loop {
        let batch = queue.claim(&wanted).await.unwrap();
        wanted.silence = false;
        let dies = chance.u8(..) < 32;
        if batch.is_empty() || dies {
            return done_here;
        }
        for message in &batch {
            let verdict = match chance.u8(0..6) {
                0 => retry(Duration::from_millis(chance.u64(0..30))),
                1 => release(),
                _ => done(),
            };
            done_here += usize::from(verdict == done());
            assert!(settle(queue, message, verdict).await);
        }
    }
}
