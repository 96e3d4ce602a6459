//! What the tests and the benchmarks stand on.

mod client;
mod endpoint;
mod eventually;
mod redis;
mod sluice;

pub use client::Client;
pub use endpoint::{Behaviour, Delivery, Endpoint, Reaction, SECRET, webhooks};
pub use eventually::{eventually, within};
pub use redis::Redis;
pub use sluice::{Sluice, an_order, app, json, root, start_with};
