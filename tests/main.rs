//! What Sluice promises, on the real components under wasmtime and a real Redis.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

extern crate harness;

mod alone;
mod architecture;
mod documents;
mod queue;
mod whole;
