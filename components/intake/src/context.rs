//! The settings and the connection, which outlive a request. An instance serves many requests, also at the same time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use guest::{QueueSettings, REQUEST_DEADLINE, Redis, SettingError, Settings, Wasi};
use order::queues;
use queue::{Answered, Limits, Queue, Together};

/// While so few orders are on their way to Redis, the next one doesn't wait for them: it would wait for two calls, and
/// Redis takes two that come at the same time together anyway.
const FEW: usize = 2;

/// The settings and the connection of this instance.
pub(crate) struct Context {
    pub(crate) redis: Redis,
    pub(crate) idempotency_ttl: Duration,
    pub(crate) limits: Limits,
    /// The orders that are about to be accepted.
    pub(crate) together: Together<Wasi, Answered>,
    /// Somebody charges orders.
    pub(crate) has_payments: bool,
    shared: QueueSettings,
}

impl Context {
    /// This instance's context. Its first request reads it, and so does each one after a fault until it can be read.
    pub(crate) async fn get() -> Result<Rc<Self>, SettingError> {
        thread_local! {
            static CONTEXT: RefCell<Option<Rc<Context>>> = const { RefCell::new(None) };
        }
        if let Some(context) = CONTEXT.with_borrow(Clone::clone) {
            return Ok(context);
        }
        let read = Rc::new(Self::read().await?);
        // Requests that came at the same time have read the same. The first one's is kept.
        Ok(CONTEXT.with_borrow_mut(|context| context.get_or_insert(read).clone()))
    }

    async fn read() -> Result<Self, SettingError> {
        let settings = Settings::new("intake");
        let shared = settings.queue().await?;
        // Its value is of no use here, but an order whose events nobody would hear of must not be taken.
        settings.store_url(&shared.redis_url).await?;
        let idempotency_ttl = settings.idempotency_ttl().await?;
        let limits = settings.limits().await?;
        let has_payments = !settings.text("payment_url").await?.is_empty();
        let redis = Redis::for_requests(&shared);
        let together = Together::new(Wasi::default(), FEW, REQUEST_DEADLINE);
        Ok(Self { redis, idempotency_ttl, limits, together, has_payments, shared })
    }

    /// How long an order is kept that has ended; `None`: for ever.
    pub(crate) fn retention(&self) -> Option<Duration> {
        self.shared.retention
    }

    /// The queue of orders.
    pub(crate) fn placed(&self) -> Queue<'_, Redis> {
        Queue::new(&self.redis, &self.shared.namespace, queues::PLACED, self.shared.timing)
    }
}
