//! A host that runs a Spin application on wasmtime as Spin 4.1 does, in the process that uses this crate.
//!
//! An [`App`] is read and compiled once and started as often as needed; several [`Running`] ones live side by side. Each
//! effect of a component is a call to the host, which [`Calls`] may see and decide. The host knows interfaces only.
//!
//! ```text
//! spin.toml ─► manifest ─┐                         ┌─ triggers/http ──► http_instances ─┐
//!                        ├─► App ─► start ─► Running                                    ├─► instance ─► imports/*
//! *.wasm ──────► engine ─┘                         └─ triggers/redis ─► one instance ───┘       │          │
//!                                                     for each message                       effects ◄─ calls
//! ```

mod allowed_hosts;
mod app;
mod application;
mod bindings;
mod call_text;
pub mod calls;
mod clock;
mod component;
mod effects;
mod engine;
pub mod faults;
mod file_fault;
mod guest_output;
mod http_instances;
mod imports;
mod instance;
mod lifetime;
pub mod manifest;
mod manifest_check;
mod redis_address;
mod redis_override;
pub mod redis_server;
mod routes;
mod running;
mod runtime_config;
mod spin_headers;
mod start;
mod template;
pub mod trace;
mod trap;
mod triggers;
pub mod variables;

pub use app::{App, Load, OnProgress, Progress};
pub use calls::Calls;
pub use clock::ClockSkew;
pub use file_fault::FileFault;
pub use guest_output::{Output, to_stderr};
pub use http_instances::Reuse;
pub use lifetime::GRACE;
pub use manifest::Manifest;
pub use redis_override::{NotRedis, RedisOverride};
pub use running::{Bound, Listening, Running};
pub use runtime_config::RuntimeConfig;
pub use start::{Start, Triggers};
