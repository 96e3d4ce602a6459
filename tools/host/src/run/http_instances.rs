//! The instances that answer one component's requests: when one starts, and which request it gets.
//!
//! There are as many as the machine has cores, and each takes many requests at once. So requests that come together
//! meet in one instance, and share its connections and what it does once. More instances start only
//!
//! - where one takes no more, because it has as many requests at once as it may, or as many in all;
//! - where all of them compute. A request that none of them takes in time gets an instance of its own.
//!
//! Spin starts an instance whenever none waits at that moment, and ends it soon. Under load that makes many instances
//! with few requests each.

use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use futures::channel::oneshot;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{Proxy, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::run::context::OwnApplication;
use crate::run::http_queue::{Arrival, HttpQueue, Place};
use crate::run::http_worker::HttpWorker;
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

/// Spin's are 128, 16 and a second. An instance starts in the time of two requests, and opens a connection or two: so
/// it may as well live. An instance that takes more at once has them wait for each other's computing.
impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 10_000, concurrent: 64, idle: Duration::from_secs(1) }
    }
}

/// A new instance.
pub(super) struct HttpInstance {
    pub(super) store: Store<InstanceState>,
    pub(super) proxy: Proxy,
    /// Cancelled when its application is killed.
    pub(super) killed: CancellationToken,
}

/// The instances of one component.
pub(crate) struct HttpInstances {
    pub(super) application: Weak<dyn OwnApplication>,
    pub(super) component: Arc<ComponentSettings>,
    pub(super) reuse: Reuse,
    pub(super) queue: HttpQueue,
    service: ServicePre<InstanceState>,
}

impl HttpInstances {
    pub(crate) fn new(
        application: Weak<dyn OwnApplication>,
        component: Arc<ComponentSettings>,
        service: ServicePre<InstanceState>,
        reuse: Reuse,
    ) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self { application, component, reuse, queue: HttpQueue::new(cores), service }
    }

    /// Answers a request. [`TrapOrPanicError`] means that its instance failed, which was logged.
    pub(crate) async fn handle(self: &Arc<Self>, request: Request<WasiBody>) -> wasmtime::Result<Response<WasiBody>> {
        let (answer, answered) = oneshot::channel();
        let arrival = Arrival::new(request, answer);
        if self.reuse.requests <= 1 {
            HttpWorker::alone(self.clone()).start(arrival);
        } else {
            match self.queue.place(arrival) {
                Place::InQueue => {}
                Place::InUnwatchedQueue => _ = tokio::spawn(self.clone().watch()),
                Place::InNewInstance(arrival) => HttpWorker::of_the_pool(self.clone()).start(arrival),
            }
        }
        answered.await.map_err(|_| TrapOrPanicError)?
    }

    /// Gives instances of their own to the requests that wait too long, until no request waits.
    async fn watch(self: Arc<Self>) {
        while let Some(next) = self.queue.next_look() {
            tokio::time::sleep_until(next.into()).await;
            for arrival in self.queue.overdue() {
                HttpWorker::alone(self.clone()).start(arrival);
            }
        }
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
