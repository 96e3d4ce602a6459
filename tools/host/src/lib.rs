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

mod application;
mod imports;
pub mod redis_server;
mod run;
mod triggers;
mod watch;

pub use application::file_fault::FileFault;
pub use application::manifest::{self, Manifest};
pub use application::redis_override::{NotRedis, RedisOverride};
pub use application::runtime_config::RuntimeConfig;
pub use application::variables;
pub use run::clock::ClockSkew;
pub use run::guest_output::{Output, to_stderr};
pub use run::handle::{Bound, Listening, Running};
pub use run::http_instances::Reuse;
pub use run::launch::{Start, Triggers};
pub use run::lifetime::GRACE;
pub use run::load::{App, Load, OnProgress, Progress};
pub use watch::calls::{self, Calls};
pub use watch::{faults, trace};
