//! A connection over redis-rs that answers as Spin's does, so that the queue can be tested without a component.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, Value};

use crate::connection::{Arg, Connection, Error, Reply, Runtime};
use crate::script;

/// The names in a script, in lists: see [`KnownScript`].
pub type Names = script::names::Lists;

/// A script of the queue as Redis knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownScript {
    /// The verb, such as `claim`.
    pub name: &'static str,
    /// What `EVALSHA` calls it by.
    pub digest: &'static str,
    /// What `EVAL` sends.
    pub text: String,
    /// The names of its arguments: those that come once, then each group that may come often.
    pub takes: Names,
    /// The names in each kind of its replies.
    pub gives: Names,
}

/// All scripts. A test tells by them what a call does, a benchmark loads them before it calls them.
pub fn scripts() -> impl Iterator<Item = KnownScript> {
    script::ALL.iter().map(|script| KnownScript {
        name: script.name.trim_end_matches(".lua"),
        digest: script.digest,
        text: script.text(),
        takes: script.takes,
        gives: script.gives,
    })
}

/// A connection of our own process.
#[derive(Clone)]
pub struct Native(MultiplexedConnection);

impl Native {
    /// Connects to `redis://host:port/db`.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let unreachable = |error: redis::RedisError| Error::Unreachable(error.to_string());
        let info = url.into_connection_info().map_err(unreachable)?;
        // A call must not wait until the server has acknowledged the one before.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(unreachable)?;
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        connection.map(Self).map_err(unreachable)
    }
}

impl Connection for Native {
    async fn execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        let mut command = redis::cmd(command);
        for argument in arguments {
            match argument {
                Arg::Int(number) => command.arg(number),
                Arg::Bytes(bytes) => command.arg(bytes),
            };
        }
        let value: Value = command.query_async(&mut self.0.clone()).await.map_err(failed)?;
        let mut replies = Vec::new();
        flatten(value, &mut replies)?;
        Ok(replies)
    }
}

fn failed(error: redis::RedisError) -> Error {
    Error::Failed(error.to_string())
}

/// As Spin does it: nested replies become one list, and maps are refused.
fn flatten(value: Value, replies: &mut Vec<Reply>) -> Result<(), Error> {
    match value {
        Value::Nil => replies.push(Reply::Nil),
        Value::Int(number) => replies.push(Reply::Int(number)),
        Value::BulkString(bytes) => replies.push(Reply::Bytes(bytes)),
        Value::SimpleString(status) => replies.push(Reply::Status(status)),
        Value::Okay => replies.push(Reply::Status("OK".to_owned())),
        Value::Array(values) => {
            for value in values {
                flatten(value, replies)?;
            }
        }
        other => return Err(Error::Failed(format!("a reply of this kind can't be flattened: {other:?}"))),
    }
    Ok(())
}

/// Tokio's clock and the system's randomness.
pub struct Tokio {
    start: Instant,
}

impl Default for Tokio {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Runtime for Tokio {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u64 {
        getrandom::u64().expect("the system gives random bytes")
    }
}
