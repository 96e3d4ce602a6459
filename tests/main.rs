//! What Sluice promises, on the real components under wasmtime and a real Redis.

mod harness;
mod queue;
