//! Working orders off one after the other, one round trip to Redis for each: what a worker does that knows no batches.
//!
//! It is given more than such a worker has: it claims many orders at once, and sends an order's stock, record and
//! verdict together, without waiting for what the stock says.

use futures::future::try_join3;
use order::queues::PLACED;
use queue::native::Native;
use queue::{Claim, Hold, Message, Queue, Settlement, Side, Verdict};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::Options;
use super::decide::{decided, effects, placed, terms, wanted};
use super::worker::{connect, on_a_thread};
use crate::native::{TIMING, namespace};

const CLAIM: Claim<'static> = Claim {
    most: 64,
    most_bytes: 1 << 20,
    max_crashes: 3,
    worker: "one by one",
    number: 0,
    again: false,
    silence: false,
    side: Side::Alone,
    places: usize::MAX,
};

/// Works until nothing is left.
pub(crate) fn start(options: Options) {
    on_a_thread(|| run(options));
}

async fn run(options: Options) -> anyhow::Result<()> {
    let (redis, namespace) = (Native::connect(&options.redis).await?, namespace()?);
    let store = connect(&options.store).await?;
    let queue = Queue::new(&redis, &namespace, PLACED, TIMING);
    loop {
        let messages = queue.claim(&CLAIM).await?;
        if messages.is_empty() {
            return Ok(());
        }
        for message in &messages {
            work_off(&queue, store.clone(), message).await?;
        }
    }
}

async fn work_off(
    queue: &Queue<'_, Native>,
    mut store: MultiplexedConnection,
    message: &Message,
) -> anyhow::Result<()> {
    let placed = placed(&message.payload)?;
    let articles = wanted(&placed.order).into_iter().map(|(sku, units)| (sku.to_owned(), units)).collect::<Vec<_>>();
    let (record, head) = decided(placed, message);
    let verdict = Verdict::Done(effects(&record, head));
    let settlement = [Settlement { id: message.id.clone(), delivery: message.delivery, verdict, report: None }];
    let articles = articles.iter().map(|(sku, units)| (sku.as_str(), *units));
    let (held, (), settled) = try_join3(
        async { anyhow::Ok(queue.hold(message, &terms(), articles).await?) },
        async { anyhow::Ok(store.set(head.key(record.id()), record.to_json()).await?) },
        async { anyhow::Ok(queue.settle("one by one", &settlement).await?) },
    )
    .await?;
    anyhow::ensure!(matches!(held, Hold::Held { .. }) && settled == [true], "an order was decided twice");
    Ok(())
}
