//! Running an application. [`load`] compiles it. [`launch`] starts it. [`dispatch`] finds the component for a call.
//! [`instance`] is the sandbox that carries out one call or several. [`http_instances`] says which sandbox gets a
//! request. [`lifetime`] ends it all, gently or at once.

pub(crate) mod bindings;
pub(crate) mod body;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod dispatch;
pub(crate) mod engine;
pub(crate) mod guest_output;
pub(crate) mod handle;
pub(crate) mod http_instances;
pub(crate) mod http_pool;
mod http_queue;
mod http_worker;
pub(crate) mod instance;
pub(crate) mod launch;
pub(crate) mod lifetime;
pub(crate) mod load;
pub(crate) mod settings;
mod spin_headers;
pub(crate) mod told;
pub(crate) mod trap;
