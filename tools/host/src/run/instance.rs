//! One instance of a component: its state in the store, and how it comes into being.

use std::sync::Arc;

use tokio_util::task::task_tracker::TaskTrackerToken;
use wasmtime::Store;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::imports::outgoing::Outgoing;
use crate::run::context::{InstanceContext, OwnApplication};
use crate::run::engine::take_turns;
use crate::run::guest_output::GuestOutput;
use crate::run::settings::ComponentSettings;

/// Everything that belongs to an instance and goes with it: resources, connections, output.
pub(crate) struct InstanceState {
    pub(crate) context: Arc<InstanceContext>,
    pub(crate) outgoing: Outgoing,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    /// Its drop tells that the instance is gone.
    _alive: TaskTrackerToken,
}

impl InstanceState {
    /// What a call on a resource needs: the instance's context and the resource.
    pub(crate) fn holding<R: Clone + Send + 'static>(
        &self,
        resource: &Resource<R>,
    ) -> Result<(Arc<InstanceContext>, R), ResourceTableError> {
        Ok((self.context.clone(), self.table.get(resource)?.clone()))
    }
}

/// A store for a new instance of a component.
pub(crate) fn store(application: &Arc<dyn OwnApplication>, component: &Arc<ComponentSettings>) -> Store<InstanceState> {
    let shared = application.shared();
    let context = Arc::new(InstanceContext::new(application, component));
    let output = || GuestOutput::new(component.name.clone(), shared.output.clone());
    let mut wasi = WasiCtx::builder();
    wasi.envs(&component.environment).stdout(output()).stderr(output()).wall_clock(shared.clock);
    let state = InstanceState {
        outgoing: Outgoing::new(context.clone()),
        context,
        table: ResourceTable::new(),
        wasi: wasi.build(),
        wasi_http: WasiHttpCtx::new(),
        _alive: shared.lifetime.instances.token(),
    };
    let mut store = Store::new(&shared.engine, state);
    take_turns(&mut store);
    store
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.wasi_http }
    }
}
