//! What Sluice promises, on the real components under wasmtime and a real Redis.

mod alone;
mod architecture;
mod chaos;
mod crash;
mod desk;
mod door;
mod harness;
mod pipeline;
mod pushback;
mod queue;
mod stock;
