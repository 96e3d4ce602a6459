//! The check of the store: that it can be written, and that it is the database of Redis whose changes the triggers
//! hear of. Spin tells no component where its store is, so a written value is looked for where it should be.

use std::time::Duration;

use guest::{Redis, RedisAddress, random_bytes, within};
use queue::Connection;
use spin_sdk::key_value::{Error, Store};

/// How long the store may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Another probe may write between our writing and our reading, but hardly each time.
const TRIES: usize = 3;

/// Checks the store, and that it is the one at `address`, if the settings name one.
pub(crate) async fn check(address: Option<&RedisAddress>) -> Result<(), String> {
    let redis = address.map(Redis::at);
    for _ in 0..TRIES {
        let written = write().await?;
        let Some(redis) = &redis else { return Ok(()) };
        if read(redis).await?.is_some_and(|found| found == written) {
            return Ok(());
        }
    }
    let address = address.map(ToString::to_string).unwrap_or_default();
    Err(format!(
        "The store `default` is not {address}, which the variable store_url names and the triggers listen to: what is \
         written there would start no webhook. Set the url in runtime-config.toml and store_url to the same address"
    ))
}

async fn write() -> Result<Vec<u8>, String> {
    let value = random_bytes::<8>().to_vec();
    let write = async { Store::open_default().await?.set(order::STORE_PROBE, &value).await };
    let failure = match within(DEADLINE, write).await {
        Some(Ok(())) => return Ok(value),
        Some(Err(Error::Other(text))) => format!("failed: {text}"),
        Some(Err(error)) => format!("failed: {error}"),
        None => format!("did not answer within {} s", DEADLINE.as_secs()),
    };
    Err(format!(
        "The key-value store {failure}. If its Redis was started again just now, ask once more. Otherwise check the \
         url of the store `default` in runtime-config.toml"
    ))
}

async fn read<C: Connection>(redis: &C) -> Result<Option<Vec<u8>>, String> {
    let value = queue::value(redis, order::STORE_PROBE).await;
    value.map_err(|error| format!("{error}. Check user and password in the variable store_url"))
}
