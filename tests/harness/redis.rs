//! A Redis for one test.

use ::redis::aio::{MultiplexedConnection, PubSubStream};
use ::redis::{AsyncConnectionConfig, Client, InfoDict};
use host::redis_server::RedisServer;
use queue::native::Native;
use tempfile::TempDir;

use super::{SettableClock, eventually};

/// A `redis-server` set up as Sluice wants it: what was answered is on disk, changes of keys are told. It ends with
/// this guard, its data too.
pub struct Redis {
    server: RedisServer,
    _data: TempDir,
}

/// What makes Redis refuse every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// OOM: `maxmemory` is reached.
    Full,
    /// MISCONF: it could not save its data.
    Unsaved,
    /// READONLY: it became a replica.
    ReadOnly,
    /// NOREPLICAS: it has fewer replicas than it must have.
    Alone,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Unsaved, Self::ReadOnly, Self::Alone];

    /// Lets it begin at a server.
    pub async fn begin(self, server: &RedisServer) {
        match self {
            Self::Full => tell(server, &["CONFIG", "SET", "maxmemory", "1"]).await,
            Self::Unsaved => {
                fail_a_save(server).await;
                tell(server, &["CONFIG", "SET", "save", "3600 1000000000"]).await;
            }
            Self::ReadOnly => tell(server, &["REPLICAOF", "127.0.0.1", "1"]).await,
            Self::Alone => tell(server, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await,
        }
    }

    /// Lets it end.
    pub async fn end(self, server: &RedisServer) {
        match self {
            Self::Full => tell(server, &["CONFIG", "SET", "maxmemory", "0"]).await,
            Self::Unsaved => tell(server, &["CONFIG", "SET", "save", ""]).await,
            Self::ReadOnly => tell(server, &["REPLICAOF", "NO", "ONE"]).await,
            Self::Alone => tell(server, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await,
        }
    }
}

/// A save fails, because a folder lies where its file is to be. Redis remembers that until one goes well.
async fn fail_a_save(server: &RedisServer) {
    let obstacle = server.data().join("dump.rdb/obstacle");
    std::fs::create_dir_all(obstacle).expect("a folder can be made");
    eventually("a save to fail", async || {
        let status: InfoDict =
            ::redis::cmd("INFO").arg("persistence").query_async(&mut raw(server).await).await.ok()?;
        if status.get::<String>("rdb_last_bgsave_status")? == "err" {
            return Some(());
        }
        if status.get::<u8>("rdb_bgsave_in_progress")? == 0 {
            tell(server, &["BGSAVE", "SCHEDULE"]).await;
        }
        None
    })
    .await;
}

async fn tell(server: &RedisServer, words: &[&str]) {
    let mut command = ::redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.exec_async(&mut raw(server).await).await.expect("Redis obeys");
}

/// A connection to database 0 of a server.
async fn raw(server: &RedisServer) -> MultiplexedConnection {
    // Redis-rs gives up after half a second by default, which a busy machine may need.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = Client::open(server.url(0)).expect("a Redis URL");
    client.get_multiplexed_async_connection_with_config(&config).await.expect("Redis answers")
}

impl Redis {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        let data = TempDir::new().expect("a folder can be made");
        let server = RedisServer::start(data.path()).await.expect("redis-server starts");
        Self { server, _data: data }
    }

    /// Starts one whose clock can be set.
    pub async fn with_clock() -> (Self, SettableClock) {
        let data = TempDir::new().expect("a folder can be made");
        let clock = SettableClock::new(data.path());
        let server = RedisServer::start_in(data.path(), clock.environment()).await.expect("redis-server starts");
        (Self { server, _data: data }, clock)
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
        raw(&self.server).await
    }

    /// Any command whose answer doesn't matter.
    pub async fn tell(&self, words: &[&str]) {
        tell(&self.server, words).await;
    }

    /// Lets a trouble begin.
    pub async fn begin(&self, trouble: Trouble) {
        trouble.begin(&self.server).await;
    }

    /// Lets it end.
    pub async fn end(&self, trouble: Trouble) {
        trouble.end(&self.server).await;
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
