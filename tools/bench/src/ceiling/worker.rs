//! The workers, natively: the queue's own loop, woken by its doorbell.

use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use futures::future::try_join;
use order::queues::{CHANGES, PLACED};
use queue::native::{Native, Tokio};
use queue::{Backoff, Handler, Joined, Linger, Queue, Worker};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::Options;
use super::decide::Decider;
use super::notify::Notifier;
use crate::native::{TIMING, namespace};

/// Orders decided at the same time, as in the processor.
const BATCH: usize = 256;

/// Both workers, on a thread of their own.
pub(crate) struct Workers;

impl Workers {
    /// Works until the process ends. Whoever reads the log finds why it didn't.
    pub(crate) fn start(options: Options) {
        on_a_thread(|| Self::run(options));
    }

    async fn run(options: Options) -> anyhow::Result<()> {
        let (redis, namespace) = (Native::connect(&options.redis).await?, namespace()?);
        let queue = |name: &str| Queue::new(&redis, &namespace, name.to_owned(), TIMING);
        let changed = Notify::new();
        let holds = Joined::new(queue::limits::TOGETHER);
        let decider = Decider { queue: queue(PLACED), holds, store: connect(&options.store).await?, changed: &changed };
        let notifier = Notifier::new(options.endpoint);
        let (runtime, backoff) = (Tokio::default(), backoff());
        let deciding = worker(queue(PLACED), &decider, &runtime, &backoff);
        let notifying = worker(queue(CHANGES), &notifier, &runtime, &backoff);

        let mut bells = Client::open(options.redis)?.get_async_pubsub().await?;
        bells.subscribe(format!("{}:{PLACED}:bell", namespace.as_str())).await?;
        let mut bells = bells.on_message();
        let mut decide = async || -> anyhow::Result<()> {
            loop {
                deciding.drain().await?;
                bells.next().await.context("the connection to Redis ended")?;
            }
        };
        let notify = async || -> anyhow::Result<()> {
            loop {
                notifying.drain().await?;
                changed.notified().await;
            }
        };
        try_join(decide(), notify()).await.map(drop)
    }
}

/// Runs `work` on a thread of its own: the queue's futures stay where they began, as in a component.
pub(crate) fn on_a_thread<W: Future<Output = anyhow::Result<()>>>(work: impl FnOnce() -> W + Send + 'static) {
    std::thread::spawn(move || {
        let ended = Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from);
        if let Err(error) = ended.and_then(|runtime| runtime.block_on(work())) {
            eprintln!("a worker of the ceiling ended: {error:#}");
        }
    });
}

/// A connection for the store's records.
pub(crate) async fn connect(url: &str) -> anyhow::Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    Ok(Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?)
}

/// The queue's own loop, for as long as there is something to do.
pub(crate) fn worker<'a, H: Handler>(
    queue: Queue<'a, Native>,
    handler: &'a H,
    runtime: &'a Tokio,
    backoff: &'a Backoff,
) -> Worker<'a, Native, Tokio, H> {
    let (name, until) = ("native", Duration::MAX);
    Worker {
        queue,
        handler,
        runtime,
        name,
        backoff,
        max_crashes: 3,
        batch: BATCH,
        linger: Linger::WhileMoreComes,
        until,
    }
}

/// The manifest's own plan of attempts.
pub(crate) fn backoff() -> Backoff {
    Backoff::Exponential { base: Duration::from_secs(1), cap: Duration::from_secs(300), attempts: 5 }
}
