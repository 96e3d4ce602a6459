//! `spin:redis/redis`: a component's own connections to Redis.

use std::fmt;

use redis::{Cmd, Value};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Accessor, Resource};

use super::Spin;
use super::redis_error::{broken_connection, describe};
use super::redis_reply::{FromReply, flatten};
use super::resources::{Connection, Link};
use crate::application::redis_address;
use crate::run::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, Payload, RedisParameter, RedisResult,
};
use crate::run::instance::InstanceState;
use crate::watch::calls::{Answer, Operation, Refusal};
use crate::watch::effects::{Failure, Interception, Reply};

type Called<T> = wasmtime::Result<Result<T, Error>>;

impl Host for InstanceState {}

impl HostConnection for InstanceState {
    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for Spin {
    async fn open(store: &Accessor<T, Self>, address: String) -> Called<Resource<Connection>> {
        let context = store.with(|mut access| access.get().context.clone());
        if !context.allows(&address) {
            return Ok(Err(Error::InvalidAddress));
        }
        let operation = || Operation::RedisOpen { address: address.clone() };
        match context.effects.perform(operation, open(&address)).await? {
            Ok(connection) => Ok(Ok(store.with(|mut access| access.get().table.push(connection))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn publish(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Payload,
    ) -> Called<()> {
        call(store, connection, "PUBLISH", vec![text(channel), RedisParameter::Binary(payload)]).await
    }

    async fn get(store: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Called<Option<Payload>> {
        call(store, connection, "GET", vec![text(key)]).await
    }

    async fn set(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Payload,
    ) -> Called<()> {
        call(store, connection, "SET", vec![text(key), RedisParameter::Binary(value)]).await
    }

    async fn incr(store: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Called<i64> {
        call(store, connection, "INCRBY", vec![text(key), RedisParameter::Int64(1)]).await
    }

    async fn del(store: &Accessor<T, Self>, connection: Resource<Connection>, keys: Vec<String>) -> Called<u32> {
        call(store, connection, "DEL", keys.into_iter().map(text).collect()).await
    }

    async fn sadd(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Called<u32> {
        call(store, connection, "SADD", texts(key, values)).await
    }

    async fn smembers(store: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Called<Vec<String>> {
        call(store, connection, "SMEMBERS", vec![text(key)]).await
    }

    async fn srem(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Called<u32> {
        call(store, connection, "SREM", texts(key, values)).await
    }

    async fn execute(
        store: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Called<Vec<RedisResult>> {
        call(store, connection, &command, arguments).await
    }
}

/// Runs one command. Calls made at the same time are pipelined, because each has a clone of the one connection.
async fn call<T: Send, R: FromReply>(
    store: &Accessor<T, Spin>,
    connection: Resource<Connection>,
    command: &str,
    arguments: Vec<RedisParameter>,
) -> Called<R> {
    let (context, connection) = store.with(|mut access| access.get().holding(&connection))?;
    let replied = send(&context.effects, connection, command, arguments).await?;
    Ok(replied.and_then(R::from_reply))
}

async fn send(
    effects: &Interception,
    connection: Connection,
    command: &str,
    arguments: Vec<RedisParameter>,
) -> Called<Vec<RedisResult>> {
    let packed = pack(command, &arguments);
    let operation = || Operation::Redis { command: command.to_owned(), arguments };
    let link = connection.clone();
    Ok(effects.perform_on(|| link.cut(), operation, connection.run(packed)).await?)
}

fn pack(command: &str, arguments: &[RedisParameter]) -> Cmd {
    let mut packed = redis::cmd(command);
    for argument in arguments {
        match argument {
            RedisParameter::Int64(number) => packed.arg(number),
            RedisParameter::Binary(bytes) => packed.arg(bytes.as_slice()),
        };
    }
    packed
}

async fn open(address: &str) -> Result<Connection, Error> {
    // Only an address that can't be read is invalid. Any error of the network is `other`.
    redis_address::client(address).map_err(|_| Error::InvalidAddress)?;
    let connection = redis_address::connect(address).await.map_err(|error| Error::Other(describe(&error)))?;
    Ok(Connection(Link::Open { connection, broken: CancellationToken::new() }))
}

impl Connection {
    async fn run(self, command: Cmd) -> Result<Vec<RedisResult>, Error> {
        let Link::Open { mut connection, broken } = self.0 else {
            let message = "the connection was opened by a ruling, so its calls must be answered too";
            return Err(Error::Other(message.to_owned()));
        };
        let reply = command.query_async::<Value>(&mut connection);
        let reply = broken.run_until_cancelled(reply).await.ok_or_else(Error::lost)?;
        reply.and_then(flatten).map_err(|error| Error::Other(describe(&error)))
    }

    /// Breaks it: whoever waits for an answer gets an error, and so do all later calls.
    fn cut(&self) {
        if let Link::Open { broken, .. } = &self.0 {
            broken.cancel();
        }
    }
}

fn text(text: String) -> RedisParameter {
    RedisParameter::Binary(text.into_bytes())
}

fn texts(first: String, rest: Vec<String>) -> Vec<RedisParameter> {
    std::iter::once(first).chain(rest).map(text).collect()
}

impl Reply for Connection {
    fn from_answer(answer: Answer) -> Option<Self> {
        matches!(answer, Answer::Opened).then_some(Self(Link::Answered))
    }

    fn to_answer(&self) -> Answer {
        Answer::Opened
    }
}

impl Reply for Vec<RedisResult> {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Redis(reply) => Some(reply),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        Answer::Redis(self.clone())
    }
}

impl Failure for Error {
    fn from_refusal(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::Redis(error) => Some(error),
            _ => None,
        }
    }

    fn lost() -> Self {
        Self::Other(broken_connection())
    }

    fn in_words(&self) -> String {
        match self {
            Self::InvalidAddress => "the address is not allowed, or is not an address".to_owned(),
            Self::TooManyConnections => "too many connections".to_owned(),
            Self::TypeError => "the reply is of another type".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::redis_server::RedisServer;
    use crate::watch::calls::{self, Ruling};
    use crate::watch::effects::Installed;

    #[tokio::test]
    async fn a_command_whose_answer_is_lost_was_carried_out_and_its_connection_is_dead() {
        let data = tempfile::TempDir::new().expect("a folder");
        let server = RedisServer::start(data.path()).await.expect("redis-server starts");
        let rule = calls::decide(|call| if call.number == 1 { Ruling::LoseAnswer } else { Ruling::Proceed });
        let effects = Interception::new("door".into(), 1, Some(Installed::new(Arc::new(rule))));
        let [broken, other] = [open(&server.url(0)).await, open(&server.url(0)).await].map(|it| it.expect("it is up"));
        let call = async |connection: &Connection, command: &str, words: &[&str]| {
            let arguments = words.iter().map(|word| text((*word).to_owned())).collect();
            let sent = send(&effects, connection.clone(), command, arguments).await.expect("nothing stops");
            sent.map_err(|error| error.in_words()).map(|mut reply| reply.remove(0))
        };
        let counts = call(&broken, "INCR", &["counted"]);
        let waits = call(&broken, "BLPOP", &["nothing", "0"]);
        let lost = || Err("broken pipe".to_owned());
        assert_eq!(futures::future::join(counts, waits).await, (lost(), lost()));
        assert_eq!(call(&broken, "PING", &[]).await, lost());
        assert_eq!(call(&other, "GET", &["counted"]).await, Ok(RedisResult::Binary(b"1".to_vec())));
    }
}
