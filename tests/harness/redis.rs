//! A Redis for one test.

use ::redis::aio::{MultiplexedConnection, PubSubStream};
use ::redis::{AsyncConnectionConfig, Client};
use host::redis_server::RedisServer;
use queue::native::Native;
use tempfile::TempDir;

/// A `redis-server` set up as Sluice wants it: what was answered is on disk, changes of keys are told. It ends with
/// this guard, its data too.
pub struct Redis {
    server: RedisServer,
    _data: TempDir,
}

impl Redis {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let data = TempDir::new().expect("a folder can be made");
        let server = RedisServer::start(data.path()).await.expect("redis-server starts");
        Self { server, _data: data }
    }

    /// Where a database of it is.
    pub fn url(&self, database: u8) -> String {
        self.server.url(database)
    }

    /// A connection to database 0 for the queue.
    pub async fn connect(&self) -> Native {
        Native::connect(&self.url(0)).await.expect("Redis answers")
    }

    /// A connection to database 0 for any command, to look behind the queue.
    pub async fn raw(&self) -> MultiplexedConnection {
        // Redis-rs gives up after half a second by default, which a busy machine may need.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        self.client().get_multiplexed_async_connection_with_config(&config).await.expect("Redis answers")
    }

    /// Any command whose answer doesn't matter.
    pub async fn tell(&self, words: &[&str]) {
        let mut command = ::redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec_async(&mut self.raw().await).await.expect("Redis obeys");
    }

    /// What is published on `channels` from now on.
    pub async fn subscribe(&self, channels: &[String]) -> PubSubStream {
        let mut subscription = self.client().get_async_pubsub().await.expect("Redis answers");
        subscription.subscribe(channels).await.expect("anyone may subscribe");
        subscription.into_on_message()
    }

    fn client(&self) -> Client {
        Client::open(self.url(0)).expect("a Redis URL")
    }
}
