//! The instances that answer one component's requests: when a new one starts, and when one ends.

use std::future::Pending;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::run::context::OwnApplication;
use crate::run::instance::{InstanceState, store};
use crate::run::settings::ComponentSettings;
use crate::run::trap;

/// How many HTTP requests an instance answers. Each message gets a new instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// How many requests an instance answers in its life.
    pub requests: usize,
    /// How many at the same time.
    pub concurrent: usize,
    /// How long it may wait for the next one.
    pub idle: Duration,
}

/// Spin's defaults.
impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 128, concurrent: 16, idle: Duration::from_secs(1) }
    }
}

/// Starts the instances of one component.
pub(crate) struct HttpInstances {
    pub(crate) application: Weak<dyn OwnApplication>,
    pub(crate) component: Arc<ComponentSettings>,
    pub(crate) service: ServicePre<InstanceState>,
    pub(crate) reuse: Reuse,
}

impl HandlerState for HttpInstances {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Limits;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, Expiration, Limits>> {
        let running = self.application.upgrade();
        let running = running.filter(|application| !application.shared().lifetime.killed.is_cancelled());
        let Some(application) = running else { return Err(wasmtime::format_err!("the application has been stopped")) };
        let mut store = store(&application, &self.component);
        let service = self.service.instantiate_async(&mut store).await?;
        let killed = application.shared().lifetime.killed.clone();
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: InstanceState::http,
            expiration: Expiration::new(self.reuse.idle, killed.clone()),
            state: Limits { component: self.component.name.clone(), reuse: self.reuse, killed },
        })
    }
}

/// Ends an instance that has waited too long for work, and any instance when the application is killed.
pub(crate) struct Expiration {
    idle: Duration,
    sleep: Pin<Box<Sleep>>,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Expiration {
    fn new(idle: Duration, killed: CancellationToken) -> Self {
        Self { idle, sleep: Box::pin(tokio::time::sleep(idle)), killed: Box::pin(killed.cancelled_owned()) }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        if self.killed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = (start + self.idle).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Limits the requests of an instance, and logs why it ended.
pub(crate) struct Limits {
    component: Arc<str>,
    reuse: Reuse,
    killed: CancellationToken,
}

impl WorkerState for Limits {
    type StoreData = InstanceState;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.requests {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    /// A request has no time limit, as in Spin: a component that waits sets its own.
    fn on_request_start(
        &self,
        _: StoreContextMut<'_, InstanceState>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let never: Pending<()> = std::future::pending();
        Box::pin(never)
    }

    fn drop(&self, store: Store<InstanceState>, result: Result<(), wasmtime::Error>) {
        // Close the connections first: whoever reads the log may count on it.
        drop(store);
        if let Err(error) = result
            && !self.killed.is_cancelled()
        {
            trap::log(&self.component, &error);
        }
    }
}
