//! A host that runs a Spin application on wasmtime as Spin 4.1 does, in the process that uses this crate.
//!
//! A [`CompiledApplication`] is read and compiled once, and started as often as needed. Each start gives a
//! [`RunningApplication`]; several of them live side by side. Each effect of a component is a call to the host, which
//! [`Calls`] may see and rule. The host knows interfaces only, and no application in particular.
//!
//! ```text
//!  application/              run/                                             triggers/
//!  what the files say        compiled, then running                           what starts a component
//!
//!  spin.toml ──► manifest ─┐
//!                          ├─► load ─► launch ─► dispatch ◄────────────────── http: requests to routes
//!  runtime-config.toml ────┘     ▲                  │     ◄────────────────── redis: messages on channels
//!  *.wasm ─► engine ─────────────┘                  ▼
//!                                                instance ──► imports/  ──►  watch/
//!                                                             what it calls   sees each call, and may strike it
//! ```
//!
//! | Name | What it is |
//! |---|---|
//! | [`Manifest`] | `spin.toml`, read and checked |
//! | [`CompiledApplication`] | a manifest with its components, compiled |
//! | [`StartOptions`] | how to start it: address, Redis, variables, faults |
//! | [`ClientBounds`] | how much time and how many connections clients get |
//! | [`RunningApplication`] | it runs: it can be called, stopped and killed |
//! | dispatcher (`run::dispatch`) | finds the component for a request or a message, and calls it |
//! | instance (`run::instance`) | one sandbox of a component, with its memory and its connections to Redis |
//! | pool (`run::http_instances`) | the instances that answer a component's requests; here we differ from Spin |
//! | partners (`imports::partners`) | the connections to other servers, which are kept |
//! | [`redis_server`] | a private Redis, if the user names no other |

mod application;
mod imports;
pub mod redis_server;
mod run;
mod triggers;
mod watch;

pub use application::file_fault::FileFault;
pub use application::manifest::{self, Manifest};
pub use application::redis_address::NotRedis;
pub use application::redis_override::RedisOverride;
pub use application::runtime_config::RuntimeConfig;
pub use application::variables;
pub use run::clock::ClockSkew;
pub use run::guest_output::{Output, to_stderr};
pub use run::handle::{BegunReport, BoundTrigger, Resubscriptions, RunningApplication};
pub use run::http_pool::Reuse;
pub use run::launch::{StartOptions, Triggers};
pub use run::lifetime::GRACE;
pub use run::load::{CompiledApplication, LoadOptions, OnProgress, Progress};
pub use triggers::client_bounds::{ClientBounds, raise_open_files};
pub use watch::calls::{self, Calls};
pub use watch::{faults, trace};
