//! What Sluice promises, on the real components under wasmtime and a real Redis.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

// So that each room can say `crate::harness`, though the harness is a crate of its own.
extern crate harness;

mod alone;
mod architecture;
mod description;
mod documents;
mod queue;
mod tree;
mod whole;
