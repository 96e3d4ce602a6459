//! `wasi:http`: the interface by which a component sends requests.

use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::{client, types};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView, p3};

use crate::run::instance::InstanceState;

pub(super) fn add_to_linker(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    client::add_to_linker::<_, Client>(linker, InstanceState::http)?;
    types::add_to_linker::<_, WasiHttp>(linker, InstanceState::http)
}

/// The client interface. wasmtime's own does the work; this one can stop the instance, which a hook can't.
struct Client;

impl HasData for Client {
    type Data<'a> = WasiHttpCtxView<'a>;
}

impl client::HostWithStore<InstanceState> for Client {
    async fn send(
        store: &Accessor<InstanceState, Self>,
        request: Resource<p3::Request>,
    ) -> Result<Resource<p3::Response>, TrappableError<types::ErrorCode>> {
        let inner = store.with_getter::<WasiHttp>(InstanceState::http);
        let sent = <WasiHttp as client::HostWithStore<InstanceState>>::send(&inner, request).await;
        match store.with(|mut access| access.data_mut().outgoing.take_stop()) {
            Some(stop) => Err(TrappableError::trap(wasmtime::Error::new(stop))),
            None => sent,
        }
    }
}
