//! What a native service does with an order, by the same crates as the components: checks it and makes its message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use order::{BodyFault, IdempotencyKey, NewOrder, OrderId, Placed, Timestamp};
use queue::{Accept, IdempotencyRecord, Namespace, Tag, Timing};

/// The manifest's own values.
pub(crate) const TIMING: Timing =
    Timing { lease: Duration::from_secs(30), log_retention: Duration::from_secs(168 * 3600) };
const IDEMPOTENCY_TTL: Duration = Duration::from_secs(86_400);

/// An order on its way into the queue.
pub(crate) struct Incoming {
    pub(crate) id: OrderId,
    pub(crate) order: NewOrder,
    pub(crate) message: Accept,
}

/// The manifest's own namespace.
pub(crate) fn namespace() -> anyhow::Result<Namespace> {
    Namespace::new("{orders}").context("the namespace is malformed")
}

/// Checks a body and makes its message, as the intake does.
pub(crate) fn incoming(body: &[u8], key: Option<&IdempotencyKey>) -> Result<Incoming, BodyFault> {
    let order = NewOrder::parse(body)?;
    let id = OrderId::new(now(), random());
    let canonical = order.canonical_json();
    let idempotency = key.map(|key| IdempotencyRecord {
        digest: key.digest(None),
        fingerprint: canonical.digest(),
        ttl: IDEMPOTENCY_TTL,
    });
    let payload = Placed::encode_parts(&id, None, &canonical, None);
    let tags = order.tags().map(Tag).collect();
    let message = Accept { idempotency, tags, ..Accept::new(id.as_bytes().into(), payload.into()) };
    Ok(Incoming { id, order, message })
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(since.as_millis() as u64)
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
