//! What starts a component: requests and messages.

pub(crate) mod http;
pub(crate) mod redis;
