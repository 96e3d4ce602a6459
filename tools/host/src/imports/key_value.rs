//! `spin:key-value/key-value`: stores on Redis, each value under its plain key.

use futures::future::BoxFuture;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Cmd, FromRedisValue, RedisResult, cmd};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::Spin;
use super::redis_error::{broken_connection, describe};
use super::resources::{Backend, Store};
use crate::run::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::run::instance::InstanceState;
use crate::watch::calls::{Answer, Operation, Refusal};
use crate::watch::effects::{Failure, Reply};

type Called<T> = wasmtime::Result<Result<T, Error>>;
type Keys = (StreamReader<String>, FutureReader<Result<(), Error>>);

impl Host for InstanceState {}

impl HostStore for InstanceState {
    fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send> HostStoreWithStore<T> for Spin {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Called<Resource<Store>> {
        let context = accessor.with(|mut access| access.get().context.clone());
        let Some(backend) = context.component.stores.get(&label) else {
            tracing::warn!(
                component = %context.component.name,
                "may not open the key-value store `{label}`: add it to the component's key_value_stores"
            );
            return Ok(Err(Error::AccessDenied));
        };
        let operation = || Operation::KeyValueOpen { store: label.clone() };
        match context.effects.perform(operation, open(backend)).await? {
            Ok(Opened { answered }) => {
                let store = Store { backend: backend.clone(), answered };
                Ok(Ok(accessor.with(|mut access| access.get().table.push(store))?))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn get(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Called<Option<Vec<u8>>> {
        let command = cmd("GET").arg(&key).take();
        call(accessor, store, query(command), |store| Operation::KeyValueGet { store, key }).await
    }

    async fn set(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String, value: Vec<u8>) -> Called<()> {
        let command = cmd("SET").arg(&key).arg(value.as_slice()).take();
        call(accessor, store, query(command), |store| Operation::KeyValueSet { store, key, value }).await
    }

    async fn delete(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Called<()> {
        let command = cmd("DEL").arg(&key).take();
        call(accessor, store, query(command), |store| Operation::KeyValueDelete { store, key }).await
    }

    async fn exists(accessor: &Accessor<T, Self>, store: Resource<Store>, key: String) -> Called<bool> {
        let command = cmd("EXISTS").arg(&key).take();
        call(accessor, store, query(command), |store| Operation::KeyValueExists { store, key }).await
    }

    async fn get_keys(accessor: &Accessor<T, Self>, store: Resource<Store>) -> wasmtime::Result<Keys> {
        let keys = call(accessor, store, scan, |store| Operation::KeyValueKeys { store }).await?;
        let (keys, ended) = match keys {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            Ok((keys, FutureReader::new(&mut access, async { Ok::<_, wasmtime::Error>(ended) })?))
        })
    }
}

/// Opens a store. Makes its connection, if it has none yet.
async fn open(backend: &Backend) -> Result<Opened, Error> {
    connection(backend).await.map(|_| Opened { answered: false })
}

async fn call<T: Send, R: Reply>(
    accessor: &Accessor<T, Spin>,
    store: Resource<Store>,
    command: impl Command<R>,
    operation: impl FnOnce(String) -> Operation,
) -> Called<R> {
    let (context, store) = accessor.with(|mut access| access.get().holding(&store))?;
    let label = store.backend.label().to_owned();
    Ok(context.effects.perform(|| operation(label), run(store, command)).await?)
}

async fn run<R>(store: Store, command: impl Command<R>) -> Result<R, Error> {
    if store.answered {
        let message = "the store was opened by a ruling, so its calls must be answered too";
        return Err(Error::Other(message.to_owned()));
    }
    command(connection(&store.backend).await?).await.map_err(|error| Error::Other(describe(&error)))
}

async fn connection(backend: &Backend) -> Result<ConnectionManager, Error> {
    backend.connection().await.map_err(|error| Error::Other(describe(&error)))
}

/// Something to do on a store's connection.
trait Command<R>: FnOnce(ConnectionManager) -> BoxFuture<'static, RedisResult<R>> + Send {}
impl<R, F: FnOnce(ConnectionManager) -> BoxFuture<'static, RedisResult<R>> + Send> Command<R> for F {}

fn query<R: FromRedisValue>(command: Cmd) -> impl Command<R> {
    move |mut connection| Box::pin(async move { command.query_async(&mut connection).await }) as _
}

/// Every key of the database, by SCAN, so that no other client waits. A key may show twice, as Redis warns.
fn scan(mut connection: ConnectionManager) -> BoxFuture<'static, RedisResult<Vec<String>>> {
    Box::pin(async move {
        let mut keys = Vec::new();
        let mut found = connection.scan::<String>().await?;
        while let Some(key) = found.next_item().await {
            keys.push(key?);
        }
        Ok(keys)
    })
}

/// A store that is open.
struct Opened {
    answered: bool,
}

impl Reply for Opened {
    fn from_answer(answer: Answer) -> Option<Self> {
        matches!(answer, Answer::Opened).then_some(Self { answered: true })
    }

    fn to_answer(&self) -> Answer {
        Answer::Opened
    }
}

impl Reply for Option<Vec<u8>> {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Value(value) => Some(value),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        Answer::Value(self.clone())
    }
}

impl Reply for () {
    fn from_answer(answer: Answer) -> Option<Self> {
        matches!(answer, Answer::Done).then_some(())
    }

    fn to_answer(&self) -> Answer {
        Answer::Done
    }
}

impl Reply for bool {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Exists(exists) => Some(exists),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        Answer::Exists(*self)
    }
}

impl Reply for Vec<String> {
    fn from_answer(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Keys(keys) => Some(keys),
            _ => None,
        }
    }

    fn to_answer(&self) -> Answer {
        Answer::Keys(self.clone())
    }
}

impl Failure for Error {
    fn from_refusal(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::KeyValue(error) => Some(error),
            _ => None,
        }
    }

    fn lost() -> Self {
        Self::Other(broken_connection())
    }

    fn in_words(&self) -> String {
        match self {
            Self::StoreTableFull => "too many stores are open".to_owned(),
            Self::NoSuchStore => "there is no such store".to_owned(),
            Self::AccessDenied => "the component may not open this store".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}
