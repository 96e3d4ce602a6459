//! One instance of a component: its state in the store, and how it comes into being.

use std::sync::{Arc, Weak};

use tokio_util::task::task_tracker::TaskTrackerToken;
use wasmtime::Store;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{Error, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::application::allowed_hosts::Destination;
use crate::imports::http::Outgoing;
use crate::run::component::Settings;
use crate::run::dispatch::Application;
use crate::run::engine::take_turns;
use crate::run::guest_output::GuestOutput;
use crate::watch::effects::Interception;

/// Everything that belongs to an instance and goes with it: resources, connections, output.
pub(crate) struct InstanceState {
    pub(crate) context: Arc<InstanceContext>,
    pub(crate) outgoing: Outgoing,
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    /// Whoever waits for the last instance to be gone waits for this.
    _alive: TaskTrackerToken,
}

/// What a call of an instance needs to know. It may outlive the instance by an instant.
pub(crate) struct InstanceContext {
    pub(crate) component: Arc<Settings>,
    pub(crate) effects: Interception,
    application: Weak<Application>,
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

impl InstanceContext {
    /// Whether the component may connect there. If not, it is logged with what to add where.
    pub(crate) fn allows(&self, url: &str) -> bool {
        let component = &self.component.name;
        let Some(destination) = Destination::of(url) else {
            tracing::warn!(%component, "may not connect: the address is no URL with a host");
            return false;
        };
        let allowed = self.component.allowed_hosts.allow(&destination);
        if !allowed {
            tracing::warn!(
                %component,
                "may not connect to {destination}: add \"{destination}\" to allowed_outbound_hosts of \
                 [component.{component}]"
            );
        }
        allowed
    }

    /// Whether the component may send requests to its own application. If not, it is logged.
    pub(crate) fn allows_itself(&self) -> bool {
        let (component, allowed) = (&self.component.name, self.component.allowed_hosts.allow_itself());
        if !allowed {
            tracing::warn!(
                %component,
                "may not call its own application: add \"http://self\" to allowed_outbound_hosts of \
                 [component.{component}]"
            );
        }
        allowed
    }

    /// The application that the instance belongs to, unless it is gone.
    pub(crate) fn application(&self) -> Result<Arc<Application>, Error> {
        self.application.upgrade().ok_or(Error::DestinationUnavailable)
    }
}

/// A store for a new instance of a component.
pub(crate) fn store(application: &Arc<Application>, component: &Arc<Settings>) -> Store<InstanceState> {
    let effects = Interception::new(component.name.clone(), application.next_instance(), application.installed.clone());
    let context =
        Arc::new(InstanceContext { component: component.clone(), effects, application: Arc::downgrade(application) });
    let output = || GuestOutput::new(component.name.clone(), application.output.clone());
    let mut wasi = WasiCtx::builder();
    wasi.envs(&component.environment).stdout(output()).stderr(output()).wall_clock(application.clock);
    let state = InstanceState {
        outgoing: Outgoing::new(context.clone()),
        context,
        table: ResourceTable::new(),
        wasi: wasi.build(),
        wasi_http: WasiHttpCtx::new(),
        _alive: application.lifetime.instances.token(),
    };
    let mut store = Store::new(&application.engine, state);
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
