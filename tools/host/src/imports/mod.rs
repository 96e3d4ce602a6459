//! What a component may call, and the effect that each call has.

mod exchange;
mod http;
mod key_value;
pub(crate) mod outgoing;
mod outlet;
pub(crate) mod partners;
mod redis;
mod redis_error;
mod redis_reply;
mod request_body;
pub(crate) mod resources;
mod variables;

use wasmtime::component::{HasData, Linker};

use crate::run::bindings::spin;
use crate::run::instance::InstanceState;

/// The Spin interfaces, implemented on an instance's state.
pub(crate) struct Spin;

impl HasData for Spin {
    type Data<'a> = &'a mut InstanceState;
}

/// Makes every import known. A component that imports anything else is refused when it is loaded.
pub(crate) fn add_to_linker(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    http::add_to_linker(linker)?;
    spin::redis::redis::add_to_linker::<_, Spin>(linker, |state| state)?;
    spin::key_value::key_value::add_to_linker::<_, Spin>(linker, |state| state)?;
    spin::variables::variables::add_to_linker::<_, Spin>(linker, |state| state)?;
    Ok(())
}
