//! `wasi:keyvalue/batch`: several values of a store in one call, as Spin's store in Redis does it: by one command.

use redis::cmd;
use wasmtime::component::Resource;

use super::key_value::{open, query, run};
use super::resources::Store;
use crate::run::bindings::spin::key_value::key_value::Error as KeyValueError;
use crate::run::bindings::wasi::keyvalue::batch;
use crate::run::bindings::wasi::keyvalue::store::{self, Error};
use crate::run::instance::InstanceState;
use crate::watch::calls::Operation;

type Called<T> = wasmtime::Result<Result<T, Error>>;

impl store::Host for InstanceState {
    async fn open(&mut self, identifier: String) -> Called<Resource<Store>> {
        let context = self.context.clone();
        let Some(backend) = context.component.stores.get(&identifier) else { return Ok(Err(Error::AccessDenied)) };
        let operation = || Operation::KeyValueOpen { store: identifier };
        match context.effects.perform(operation, open(backend)).await? {
            Ok(opened) => Ok(Ok(self.table.push(opened.store(backend))?)),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl store::HostBucket for InstanceState {
    async fn drop(&mut self, bucket: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl batch::Host for InstanceState {
    async fn set_many(&mut self, bucket: Resource<Store>, key_values: Vec<(String, Vec<u8>)>) -> Called<()> {
        // Redis takes no command without keys.
        if key_values.is_empty() {
            return Ok(Ok(()));
        }
        let mut command = cmd("MSET");
        for (key, value) in &key_values {
            command.arg(key).arg(value.as_slice());
        }
        let (context, store) = self.holding(&bucket)?;
        let label = store.backend.label().to_owned();
        let operation = || Operation::KeyValueSetMany { store: label, values: key_values };
        let set: Result<(), KeyValueError> = context.effects.perform(operation, run(store, query(command))).await?;
        Ok(set.map_err(Error::from))
    }

    async fn delete_many(&mut self, bucket: Resource<Store>, keys: Vec<String>) -> Called<()> {
        if keys.is_empty() {
            return Ok(Ok(()));
        }
        let command = cmd("DEL").arg(&keys).take();
        let (context, store) = self.holding(&bucket)?;
        let label = store.backend.label().to_owned();
        let operation = || Operation::KeyValueDeleteMany { store: label, keys };
        let deleted: Result<(), KeyValueError> = context.effects.perform(operation, run(store, query(command))).await?;
        Ok(deleted.map_err(Error::from))
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        match error {
            KeyValueError::NoSuchStore => Self::NoSuchStore,
            KeyValueError::AccessDenied => Self::AccessDenied,
            KeyValueError::StoreTableFull => Self::Other("too many stores are open".to_owned()),
            KeyValueError::Other(words) => Self::Other(words),
        }
    }
}
