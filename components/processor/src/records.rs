//! Records in the store, each under a key that no one else ever writes.

use std::time::Duration;

use guest::Deadline;
use order::{OrderId, Record, RecordName, queues};
use queue::{Emit, Failure};
use spin_sdk::key_value::{Error, Store};

/// The store.
pub(crate) struct Records {
    store: Store,
    /// How long a superseded record is kept: a reader may be about to read it, or a late worker to write it.
    grace: Duration,
    deadline: Deadline,
}

/// How long the store may take for one record.
const DEADLINE: Duration = Duration::from_secs(5);

impl Records {
    pub(crate) fn new(store: Store, grace: Duration) -> Self {
        Self { store, grace, deadline: Deadline::new(DEADLINE) }
    }

    /// Writes a value. The error is a reason for another attempt.
    pub(crate) async fn write(&self, key: &str, value: Vec<u8>) -> Result<(), String> {
        self.in_time(self.store.set(key, value)).await
    }

    /// Writes a record under its name. The head points to it only after the settlement.
    pub(crate) async fn write_record(&self, record: &Record, name: RecordName) -> Result<(), Failure> {
        self.write(&name.key(record.id()), record.to_json()).await.map_err(Failure::retry)
    }

    /// Reads a record that must be there.
    pub(crate) async fn read(&self, order: OrderId, name: RecordName) -> Result<Record, Failure> {
        let key = name.key(order);
        let json = self.in_time(self.store.get(&key)).await.map_err(Failure::retry)?;
        let json = json.ok_or_else(|| Failure::retry(format!("the store has lost the record {key}")))?;
        Record::from_json(&json).map_err(|error| Failure::permanent(error.to_string()))
    }

    /// Removes a record, if it is there.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), String> {
        self.in_time(self.store.delete(key)).await
    }

    /// The message that has a record removed when nobody needs it any more.
    pub(crate) fn superseded(&self, order: OrderId, name: RecordName) -> Emit {
        let key = name.key(order);
        Emit {
            queue: format!("{}.{}", queues::PLACED, queues::SUPERSEDED),
            id: key.as_str().into(),
            payload: key.as_str().into(),
            log: false,
            after: self.grace,
        }
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
        match self.deadline.within(call).await {
            // The store's own words, without the name of the error's kind.
            Some(Err(Error::Other(words))) => Err(format!("the store failed: {}", queue::one_line(&words))),
            Some(answer) => answer.map_err(|error| format!("the store failed: {error}")),
            None => Err(format!("the store did not answer within {} s", DEADLINE.as_secs())),
        }
    }
}
