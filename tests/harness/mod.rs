//! What the tests stand on.

mod client;
mod endpoint;
mod eventually;
mod redis;
mod sluice;

pub(crate) use client::Client;
pub(crate) use endpoint::{Delivery, Endpoint, Reaction, SECRET, webhooks};
pub(crate) use eventually::{eventually, within};
pub(crate) use redis::Redis;
pub(crate) use sluice::{Sluice, an_order, app, json, root, start_with};
