//! What the tests and the benchmarks stand on.

mod client;
mod endpoint;
mod eventually;
mod payments;
mod redis;
mod set_clock;
mod sluice;

pub use client::Client;
pub use endpoint::{Behaviour, Delivery, Endpoint, Reaction, SECRET, webhooks};
pub use eventually::{eventually, within};
pub use payments::{Asked, Ledger, Manner, PAYMENT_KEY, PaymentProvider};
pub use redis::{Redis, Trouble};
pub use set_clock::SettableClock;
pub use sluice::{Sluice, an_order, app, json, root, start_with, unattended};
