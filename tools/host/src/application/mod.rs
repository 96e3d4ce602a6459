//! Reading an application: what its files say, and what they may say.

pub(crate) mod allowed_hosts;
mod check;
pub(crate) mod file_fault;
pub mod manifest;
pub(crate) mod redis_address;
pub(crate) mod redis_override;
pub(crate) mod routes;
pub(crate) mod runtime_config;
mod template;
pub mod variables;
