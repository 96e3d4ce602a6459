//! Reading records from the store.

use std::time::Duration;

use guest::within;
use order::{Head, OrderId};
use spin_sdk::key_value::Store;

use crate::problem::Problem;

/// How long the store may take for one record.
const DEADLINE: Duration = Duration::from_secs(2);

/// Which record is an order's present one; `None` while it has none.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Problem> {
    match bytes {
        [] => Ok(None),
        head => Head::parse(head)
            .map(Some)
            .ok_or_else(|| unavailable(format!("the head of the order is no version: {head:?}"))),
    }
}

/// The bytes of a record. `None`: it isn't there, which is so for a moment when the order has just moved on.
pub(crate) async fn read(id: OrderId, head: Head) -> Result<Option<Vec<u8>>, Problem> {
    let read = async {
        let store = Store::open_default().await?;
        store.get(head.key(id)).await
    };
    match within(DEADLINE, read).await {
        Some(Ok(record)) => Ok(record),
        Some(Err(error)) => Err(unavailable(format!("the store failed: {error}"))),
        None => Err(unavailable(format!("the store did not answer within {} s", DEADLINE.as_secs()))),
    }
}

pub(crate) fn unavailable(detail: String) -> Problem {
    Problem::Unavailable { detail }
}
