//! A Redis for one test.

use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, PubSubStream};
use ::redis::{AsyncConnectionConfig, Client};
use queue::native::Native;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A `redis-server` set up as Sluice wants it: what was answered is on disk, keyspace events are told. It and its data
/// go with this guard.
pub(crate) struct Redis {
    _server: Child,
    port: u16,
    _data: TempDir,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let data = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
            .args(["--notify-keyspace-events", "KEx$", "--dir"])
            .arg(data.path())
            .stdout(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let redis = Self { _server: server, port, _data: data };
        super::eventually("redis", async || Client::open(redis.url(0)).unwrap().get_multiplexed_async_connection().await.ok()).await;
        redis
    }

    /// Where a database of it is.
    pub(crate) fn url(&self, database: u8) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.port)
    }

    /// A connection to database 0 for the queue.
    pub(crate) async fn connect(&self) -> Native {
        Native::connect(&self.url(0)).await.unwrap()
    }

    /// A connection to database 0 for any command, to look behind the queue.
    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(20)));
        self.client().get_multiplexed_async_connection_with_config(&config).await.unwrap()
    }

    /// What is published on `channels` from now on.
    pub(crate) async fn subscribe(&self, channels: &[String]) -> PubSubStream {
        let mut subscription = self.client().get_async_pubsub().await.unwrap();
        subscription.subscribe(channels).await.unwrap();
        subscription.into_on_message()
    }

    fn client(&self) -> Client {
        Client::open(self.url(0)).unwrap()
    }
}
