//! x
use spin_sdk::redis_subscriber;
#[redis_subscriber]
async fn on_message(_m: Vec<u8>) -> anyhow::Result<()> { Ok(()) }
