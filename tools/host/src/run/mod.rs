//! Running an application: its compiled components, their instances, and how long they live.

pub(crate) mod bindings;
pub(crate) mod clock;
pub(crate) mod component;
pub(crate) mod dispatch;
pub(crate) mod engine;
pub(crate) mod guest_output;
pub(crate) mod handle;
pub(crate) mod http_instances;
pub(crate) mod instance;
pub(crate) mod launch;
pub(crate) mod lifetime;
pub(crate) mod load;
mod spin_headers;
pub(crate) mod trap;
