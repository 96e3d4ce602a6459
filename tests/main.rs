//! What Sluice promises, on the real components under wasmtime and a real Redis.

mod architecture;
mod harness;
mod pipeline;
mod queue;
