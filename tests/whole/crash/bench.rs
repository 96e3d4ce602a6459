//! A Redis that serves many runs, one after the other, and a window to look through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use host::Triggers;
use queue::native::{Native, scripts};
use queue::{Namespace, Queue, Timing};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};

use crate::harness::{Redis, Sluice, start_with};

pub(crate) struct Bench {
    pub(crate) redis: Arc<Redis>,
    /// The queues' database.
    pub(crate) queues: MultiplexedConnection,
    /// The store's.
    pub(crate) store: MultiplexedConnection,
    /// For the verbs of the queue.
    pub(crate) native: Native,
    pub(crate) namespace: Namespace,
    /// An intake of its own, which no run stops. It only answers `GET`, which changes nothing.
    pub(crate) window: Sluice,
}

/// How long a worker has a message for itself. What a crash left behind comes back so soon.
pub(crate) const LEASE: Duration = Duration::from_millis(150);

/// What takes longer will never happen. Far above what a busy machine needs for the slowest scenario.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The orders that have ended, numbered by when they did.
pub(crate) const ENDED: &str = "{orders}:final";

/// When those ended that are to be removed.
pub(crate) const LONG_AGO_MS: u64 = 1000;

/// How often it is asked whether all is done. Whoever did the last of it is gone by then, and can't tell.
const POLL: Duration = Duration::from_millis(3);

impl Bench {
    pub(crate) async fn start() -> Self {
        let redis = Arc::new(Redis::start().await);
        let start = host::StartOptions { triggers: Triggers::Only(["intake".to_owned()].into()), ..start_with(&[]) };
        let window = Sluice::on(redis.clone(), start).await;
        Self {
            queues: connect(&redis, 0).await,
            store: connect(&redis, 1).await,
            native: redis.connect().await,
            namespace: Namespace::new("{orders}").expect("a namespace"),
            window,
            redis,
        }
    }

    /// Empties it, and has it know every script: what a run calls must not depend on the runs before.
    pub(crate) async fn clear(&self) {
        redis::cmd("FLUSHALL").exec_async(&mut self.queues.clone()).await.expect("Redis is up");
        let mut load = redis::pipe();
        for script in scripts() {
            load.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        load.exec_async(&mut self.queues.clone()).await.expect("Redis is up");
    }

    /// A queue, for whatever a component would not do.
    pub(crate) fn queue(&self, name: &str) -> Queue<'_, Native> {
        let timing = Timing { lease: LEASE, log_retention: Duration::from_secs(3600) };
        Queue::new(&self.native, &self.namespace, name, timing)
    }

    /// Waits until no message waits, is leased or is to be retried anywhere. Says whether that came to be.
    pub(crate) async fn is_quiet(&self) -> bool {
        let given_up = Instant::now() + PATIENCE;
        while !self.waiting().await.is_empty() {
            if Instant::now() >= given_up {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }

    /// Whether orders ended so long ago that they are still to be removed. Then they become messages.
    async fn is_any_to_be_removed(&self) -> bool {
        let mut range = redis::cmd("XRANGE");
        range.arg(ENDED).arg("-").arg(LONG_AGO_MS).arg("COUNT").arg(1);
        let entries: Vec<redis::Value> = range.query_async(&mut self.queues.clone()).await.expect("Redis is up");
        !entries.is_empty()
    }

    /// The queues and lanes that hold messages: an empty sorted set is no key. One command, so that no message can be
    /// missed on its way from one queue to the next.
    async fn waiting(&self) -> Vec<String> {
        if self.is_any_to_be_removed().await {
            return vec![ENDED.to_owned()];
        }
        let keys = redis::cmd("KEYS").arg("{orders}:*:due").query_async(&mut self.queues.clone()).await;
        keys.expect("Redis is up")
    }
}

async fn connect(redis: &Redis, database: u8) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = Client::open(redis.url(database)).expect("a Redis URL");
    client.get_multiplexed_async_connection_with_config(&config).await.expect("Redis is up")
}
