//! What the instances share that answer one component's requests, and how one comes into being.

use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime_wasi_http::handler::Proxy;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::run::context::OwnApplication;
use crate::run::http_queue::HttpQueue;
use crate::run::instance::{InstanceState, store};
use crate::run::settings::ComponentSettings;

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

/// Spin's are 128, 16 and a second. The more requests meet in an instance, the more they can share. But it starts in
/// the time of two or three requests, so a long life gains little.
impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 10_000, concurrent: 64, idle: Duration::from_secs(1) }
    }
}

pub(super) struct HttpPool {
    pub(super) component: Arc<ComponentSettings>,
    pub(super) reuse: Reuse,
    pub(super) queue: HttpQueue,
    application: Weak<dyn OwnApplication>,
    service: ServicePre<InstanceState>,
}

/// A new instance.
pub(super) struct HttpInstance {
    pub(super) store: Store<InstanceState>,
    pub(super) proxy: Proxy,
    /// Cancelled when its application is killed.
    pub(super) killed: CancellationToken,
}

impl HttpPool {
    pub(super) fn new(
        application: Weak<dyn OwnApplication>,
        component: Arc<ComponentSettings>,
        service: ServicePre<InstanceState>,
        reuse: Reuse,
    ) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self { component, reuse, queue: HttpQueue::new(cores), application, service }
    }

    pub(super) async fn instantiate(&self) -> wasmtime::Result<HttpInstance> {
        let running = self.application.upgrade();
        let running = running.filter(|application| !application.shared().lifetime.killed.is_cancelled());
        let Some(application) = running else { return Err(wasmtime::format_err!("the application has been stopped")) };
        let mut store = store(&application, &self.component);
        let service = self.service.instantiate_async(&mut store).await?;
        let killed = application.shared().lifetime.killed.clone();
        Ok(HttpInstance { store, proxy: Proxy::P3(service), killed })
    }
}
