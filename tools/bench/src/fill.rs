//! Filling the queue past the door, for figures that begin with a backlog.

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use order::queues;
use queue::Accepted;

use crate::native::incoming;
use crate::orders::Orders;
use crate::store::Store;

/// Calls on their way at the same time.
const IN_FLIGHT: usize = 512;

/// Accepts `count` orders with their idempotency records, and returns the bytes of their payloads.
pub(crate) async fn fill(store: &Store, orders: &Orders, count: u64) -> anyhow::Result<u64> {
    let queue = store.queue(queues::PLACED);
    let accept = async |_| {
        let request = orders.next();
        let key = request.key.parse().context("our own key is malformed")?;
        let incoming = incoming(&request.body, Some(&key)).context("our own order is malformed")?;
        let bytes = incoming.message.payload.len() as u64;
        let accepted = queue.accept(incoming.message).await?;
        anyhow::ensure!(accepted == Accepted::New, "a new order was not taken as one: {accepted:?}");
        Ok(bytes)
    };
    let bytes = stream::iter(0..count).map(accept).buffer_unordered(IN_FLIGHT);
    bytes.try_fold(0, async |all, bytes| Ok(all + bytes)).await
}

/// [`fill`] without waiting for the disk each time: how the backlog came to be is not what is measured.
pub(crate) async fn fill_fast(store: &mut Store, orders: &Orders, count: u64) -> anyhow::Result<u64> {
    store.durable(false).await?;
    let bytes = fill(store, orders, count).await?;
    store.durable(true).await?;
    store.flush().await?;
    Ok(bytes)
}
