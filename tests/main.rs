//! What Sluice promises, on the real components under wasmtime and a real Redis.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

extern crate harness;

mod alone;
mod architecture;
mod chaos;
mod crash;
mod desk;
mod door;
mod life;
mod metrics;
mod payment;
mod pipeline;
mod pushback;
mod queue;
mod stock;
mod versions;
