//! The desk, open for one request: its caller may make it, the settings are read, and Redis can be asked.

use std::time::Duration;

use guest::{Problem, QueueSettings, Redis, Settings};
use order::queues;
use queue::{Queue, Stock};

pub(crate) struct Desk {
    settings: QueueSettings,
    /// How long an idempotency key is remembered.
    pub(crate) idempotency_ttl: Duration,
    redis: Redis,
}

impl Desk {
    /// Opens the desk for a caller who was admitted.
    pub(crate) async fn open(settings: Settings) -> Result<Self, Problem> {
        let idempotency_ttl = settings.idempotency_ttl().await?;
        let settings = settings.queue().await?;
        let redis = Redis::for_requests(&settings);
        Ok(Self { settings, idempotency_ttl, redis })
    }

    /// A queue or a lane, unless there is no such. A slip in the name must not read as "no dead letters".
    pub(crate) async fn queue(&self, name: &str) -> Result<Queue<'_, Redis>, Problem> {
        if !queues::is_queue(name) {
            return Err(Problem::NothingAtTheDesk);
        }
        let Some((root, lane)) = name.split_once('.') else { return Ok(self.root(name)) };
        let root = self.root(root);
        if !root.lanes().await?.iter().any(|known| known == lane) {
            return Err(Problem::NothingAtTheDesk);
        }
        Ok(root.lane(lane))
    }

    /// The queues themselves, without their lanes.
    pub(crate) fn roots(&self) -> [Queue<'_, Redis>; 2] {
        [self.placed(), self.root(queues::CHANGES)]
    }

    /// The queue of orders.
    pub(crate) fn placed(&self) -> Queue<'_, Redis> {
        self.root(queues::PLACED)
    }

    /// The changes, to whose lanes the endpoints subscribe.
    pub(crate) fn changes(&self) -> Queue<'_, Redis> {
        self.root(queues::CHANGES)
    }

    pub(crate) fn stock(&self) -> Stock<'_, Redis> {
        Stock::new(&self.redis, &self.settings.namespace)
    }

    fn root(&self, name: &str) -> Queue<'_, Redis> {
        Queue::new(&self.redis, &self.settings.namespace, name, self.settings.timing)
    }
}
