//! The resources that a component holds: connections to Redis, and key-value stores.

use std::fmt;
use std::sync::Arc;

use redis::RedisResult;
use redis::aio::{ConnectionManager, MultiplexedConnection};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::application::redis_address;

/// A connection as a component holds it. It closes when it is dropped, at the latest with its instance.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection(pub(super) Link);

#[derive(Clone)]
pub(super) enum Link {
    Open {
        connection: MultiplexedConnection,
        /// Cancelled when a ruling broke it.
        broken: CancellationToken,
    },
    /// It was opened by a ruling, so there is no server.
    Answered,
}

/// A store behind a label. All instances of a running application share its connection.
pub(crate) struct Backend {
    label: String,
    address: String,
    connection: OnceCell<ConnectionManager>,
}

/// A store as a component holds it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Store {
    pub(super) backend: Arc<Backend>,
    /// It was opened by a ruling, so there is no connection.
    pub(super) answered: bool,
}

impl Backend {
    pub(crate) fn new(label: String, address: String) -> Self {
        Self { label, address, connection: OnceCell::new() }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The connection, which the first call makes.
    pub(super) async fn connection(&self) -> RedisResult<ConnectionManager> {
        self.connection.get_or_try_init(|| redis_address::connect_shared(&self.address)).await.cloned()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.backend.label)
    }
}
