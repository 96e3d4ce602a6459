//! Records in the store, each under a key that no one else ever writes.

use std::cell::Cell;
use std::time::Duration;

use guest::{Deadline, now_ms};
use order::{CHANGE_MARKER, OrderId, Record, RecordName, queues};
use queue::{Emit, Failure};
use spin_sdk::key_value::{Error, Store};
use spin_sdk::time::sleep;

/// The store.
pub(crate) struct Records {
    store: Store,
    /// How long a superseded record is kept: a reader may be about to read it, or a late worker to write it.
    grace: Duration,
    deadline: Deadline,
    /// A record was refused.
    failed: Cell<bool>,
    /// The log was told that the store fails.
    told: Cell<bool>,
}

/// How long the store may take for one record.
const DEADLINE: Duration = Duration::from_secs(5);

/// The pause between two tries while the store fails.
const PAUSE: Duration = Duration::from_secs(1);

/// Tries in an outage. After some ten minutes the worker gives the order back, and another delivery goes on.
const TRIES: u32 = 600;

impl Records {
    pub(crate) fn new(store: Store, grace: Duration) -> Self {
        Self { store, grace, deadline: Deadline::new(DEADLINE), failed: Cell::default(), told: Cell::default() }
    }

    /// Writes the key whose change starts the notifier. That it can be written also shows that the store works.
    pub(crate) async fn write_marker(&self) -> Result<(), String> {
        self.write(CHANGE_MARKER, now_ms().to_string().into_bytes()).await
    }

    async fn write(&self, key: &str, value: Vec<u8>) -> Result<(), String> {
        self.in_time(self.store.set(key, value)).await
    }

    /// Writes a record under its name. The head points to it only after the settlement. The order was charged before,
    /// so the worker keeps it while the store fails: another delivery would charge it again.
    pub(crate) async fn write_record(&self, record: &Record, name: RecordName) -> Result<(), Failure> {
        let key = name.key(record.id());
        let mut tries = 0;
        loop {
            let Err(reason) = self.write(&key, record.to_json()).await else { return Ok(()) };
            self.failed.set(true);
            tries += 1;
            if self.write_marker().await.is_ok() {
                // The store may have come back just now. If it didn't, this record is at fault, and spends an attempt.
                return self.write(&key, record.to_json()).await.map_err(Failure::retry);
            }
            if tries == TRIES {
                return Err(Failure::release(reason));
            }
            if !self.told.replace(true) {
                eprintln!("The orders in work wait: {reason}. It is tried until it goes on.");
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads a record that must be there.
    pub(crate) async fn read(&self, order: OrderId, name: RecordName) -> Result<Record, Failure> {
        let key = name.key(order);
        let json = self.in_time(self.store.get(&key)).await.map_err(Failure::release)?;
        let json = json.ok_or_else(|| Failure::retry(format!("the store has lost the record {key}")))?;
        Record::from_json(&json).map_err(|error| match error.is_later() {
            // It is left for the build that can read it. That costs nothing, and nothing was done.
            true => Failure::release([&key, ": ", &error.to_string()].concat()),
            false => Failure::permanent(error.to_string()),
        })
    }

    /// Whether the store has refused a record since this wake began. It may have kept that all the same.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// Removes a record, if it is there.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.in_time(self.store.delete(key)).await.map_err(Failure::release)
    }

    /// How long nobody must rely on it that a superseded record is gone.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    /// The message that has a record removed when nobody needs it any more.
    pub(crate) fn superseded(&self, order: OrderId, name: RecordName) -> Emit {
        let key = name.key(order);
        Emit {
            queue: queues::PLACED_SUPERSEDED.to_owned(),
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
