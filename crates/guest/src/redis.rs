//! Redis through Spin's interface. It adds a deadline to each call, and a new connection after a failure.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use queue::{Arg, Error, Reply};
use spin_sdk::redis::{self, RedisParameter, RedisResult};

use crate::deadline::Deadline;
use crate::redis_address::RedisAddress;
use crate::runtime::{now_ms, within};
use crate::settings::QueueSettings;

/// One connection, opened when first used and again after it failed. Calls made at the same time are pipelined on it.
pub struct Redis {
    address: RedisAddress,
    limit: Limit,
    connection: RefCell<Option<Rc<redis::Connection>>>,
}

/// How long a client who waits for an answer can wait for Redis.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(2);

/// How long a call may take.
enum Limit {
    /// Each has a timer of its own.
    Each(Duration),
    /// All calls are of one task and share timers.
    OfOneTask(Deadline),
}

impl Redis {
    /// The queue's Redis, for a component that answers requests. It connects on first use. A Redis that is silent but
    /// connected would hang its caller for ever, so each call ends with [`Error::TimedOut`] after 2 s.
    pub fn for_requests(settings: &QueueSettings) -> Self {
        Self::at(&settings.redis_url)
    }

    /// The Redis at `address`, [for a component that answers requests](Self::for_requests).
    pub fn at(address: &RedisAddress) -> Self {
        Self::new(address, Limit::Each(REQUEST_DEADLINE))
    }

    /// The queue's Redis, for a worker. Its calls are all of one task and end as [`call_deadline`](queue::Timing) says.
    /// They share timers, so some end an eighth later: see [`Deadline`].
    pub fn for_worker(settings: &QueueSettings) -> Self {
        Self::new(&settings.redis_url, Limit::OfOneTask(Deadline::new(settings.timing.call_deadline())))
    }

    fn new(address: &RedisAddress, limit: Limit) -> Self {
        Self { address: address.clone(), limit, connection: RefCell::default() }
    }

    /// Whether the next call uses a connection that was opened before, and so may have died since.
    pub fn is_connected(&self) -> bool {
        self.connection.borrow().is_some()
    }

    async fn connection(&self) -> Result<Rc<redis::Connection>, Error> {
        if let Some(connection) = &*self.connection.borrow() {
            return Ok(connection.clone());
        }
        let opened = redis::Connection::open(self.address.with_password()).await.map_err(|error| match error {
            // Its form was checked before.
            redis::Error::InvalidAddress => Error::Unreachable(format!(
                "redis_host does not allow its address; set it to {}, as in redis_url",
                self.address.server()
            )),
            redis::Error::TooManyConnections => Error::Unreachable("too many open connections".to_owned()),
            other => Error::Unreachable(describe(other)),
        })?;
        // Calls that waited for the first connection at the same time each open one; the last is kept.
        let opened = Rc::new(opened);
        *self.connection.borrow_mut() = Some(opened.clone());
        Ok(opened)
    }

    async fn try_execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        let connection = self.connection().await?;
        let arguments = arguments.into_iter().map(|argument| match argument {
            Arg::Int(number) => RedisParameter::Int64(number),
            Arg::Bytes(bytes) => RedisParameter::Binary(bytes),
        });
        let results = connection.execute(command, arguments).await;
        let results = results.map_err(|error| Error::Failed(describe(error)))?;
        Ok(results.into_iter().map(to_reply).collect())
    }
}

impl queue::Connection for Redis {
    async fn execute(&self, command: &str, arguments: Vec<Arg>) -> Result<Vec<Reply>, Error> {
        let call = self.try_execute(command, arguments);
        let (answer, deadline) = match &self.limit {
            Limit::Each(deadline) => (within(*deadline, call).await, *deadline),
            Limit::OfOneTask(deadline) => (deadline.within(call).await, deadline.length()),
        };
        let answer = answer.unwrap_or(Err(Error::TimedOut(deadline)));
        match &answer {
            Ok(_) => {}
            Err(Error::Failed(failure)) if queue::is_unknown_script(failure) => {}
            // Late replies would be read as the next call's, or the connection is dead already.
            Err(_) => *self.connection.borrow_mut() = None,
        }
        answer
    }

    fn clock_ms(&self) -> u64 {
        now_ms()
    }
}

/// The server's words, fit for a line of the log.
fn describe(error: redis::Error) -> String {
    match error {
        redis::Error::Other(text) => queue::one_line(&text),
        other => other.to_string(),
    }
}

fn to_reply(result: RedisResult) -> Reply {
    match result {
        RedisResult::Nil => Reply::Nil,
        RedisResult::Status(status) => Reply::Status(status),
        RedisResult::Int64(number) => Reply::Int(number),
        RedisResult::Binary(bytes) => Reply::Bytes(bytes),
    }
}
