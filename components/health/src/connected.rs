//! The connection to Redis, which outlives a request: an instance answers many probes.

use std::cell::RefCell;
use std::rc::Rc;

use guest::{QueueSettings, Redis};
use queue::{Error, Queue, RedisClock};

/// The connection of this instance.
pub(crate) struct Connected {
    pub(crate) redis: Redis,
    pub(crate) settings: QueueSettings,
}

impl Connected {
    /// The first request that could read the settings makes it. An instance keeps its settings.
    pub(crate) fn get(settings: QueueSettings) -> Rc<Self> {
        thread_local! {
            static CONNECTED: RefCell<Option<Rc<Connected>>> = const { RefCell::new(None) };
        }
        CONNECTED.with_borrow_mut(|kept| {
            kept.get_or_insert_with(|| Rc::new(Self { redis: Redis::for_requests(&settings), settings })).clone()
        })
    }

    pub(crate) fn queue(&self, name: &str) -> Queue<'_, Redis> {
        Queue::new(&self.redis, &self.settings.namespace, name, self.settings.timing)
    }

    /// Makes good a missed wake of a queue. A connection may have died since it was last used, so it is tried again.
    pub(crate) async fn rearm(&self, name: &str) -> Result<RedisClock, Error> {
        let (queue, may_have_died) = (self.queue(name), self.redis.is_connected());
        match queue.rearm().await {
            Err(Error::Failed(_)) if may_have_died => queue.rearm().await,
            answered => answered,
        }
    }
}
