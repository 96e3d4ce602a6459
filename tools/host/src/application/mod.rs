//! Reading an application: its `spin.toml` and `runtime-config.toml`, the values of its variables, and the hosts that
//! its components may connect to.
//!
//! Nothing here runs. Faults name the file, the line and the key.

pub(crate) mod allowed_hosts;
pub(crate) mod file_fault;
pub(crate) mod heard;
pub mod manifest;
pub(crate) mod names;
pub(crate) mod redis_address;
pub(crate) mod redis_override;
pub(crate) mod routes;
pub(crate) mod runtime_config;
mod template;
pub mod variables;
