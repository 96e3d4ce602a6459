//! What starts a component: requests and messages.

pub(crate) mod client_bounds;
mod connections;
pub(crate) mod http;
mod pace;
pub(crate) mod redis;
