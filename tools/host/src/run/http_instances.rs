//! The instances that answer one component's requests: when one starts, and which request it gets.
//!
//! There are as many as the machine has cores, and each takes many requests at once. So requests that come together
//! meet in one instance, and share its connections and what it does once. More instances start only
//!
//! - where one takes no more, because it has as many requests at once as it may, or had as many in all;
//! - where all of them compute. A request that none of them takes in time gets an instance of its own.
//!
//! Spin starts an instance whenever none waits at that moment, and ends it after 128 requests. Under load that makes
//! many instances with few requests each.

use std::sync::{Arc, Weak};

use futures::channel::oneshot;
use http::{Request, Response};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::TrapOrPanicError;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::run::context::OwnApplication;
use crate::run::http_pool::{HttpPool, Reuse};
use crate::run::http_queue::Arrival;
use crate::run::http_worker::HttpWorker;
use crate::run::instance::InstanceState;
use crate::run::settings::ComponentSettings;

/// The instances of one component.
pub(crate) struct HttpInstances(Arc<HttpPool>);

impl HttpInstances {
    pub(crate) fn new(
        application: Weak<dyn OwnApplication>,
        component: Arc<ComponentSettings>,
        service: ServicePre<InstanceState>,
        reuse: Reuse,
    ) -> Self {
        Self(Arc::new(HttpPool::new(application, component, service, reuse)))
    }

    /// Answers a request. [`TrapOrPanicError`] means that its instance failed, which was logged.
    pub(crate) async fn handle(&self, request: Request<WasiBody>) -> wasmtime::Result<Response<WasiBody>> {
        let pool = &self.0;
        let (answer, answered) = oneshot::channel();
        let arrival = Arrival::new(request, answer);
        if pool.reuse.requests <= 1 {
            HttpWorker::alone(pool.clone()).start(Some(arrival));
        } else {
            let needs = pool.queue.place(arrival);
            if needs.instance {
                HttpWorker::of_the_pool(pool.clone()).start(None);
            }
            if needs.watch {
                tokio::spawn(watch(pool.clone()));
            }
        }
        answered.await.map_err(|_| TrapOrPanicError)?
    }
}

/// Gives instances of their own to the requests that wait too long, until no request waits.
async fn watch(pool: Arc<HttpPool>) {
    while let Some(next) = pool.queue.next_look() {
        tokio::time::sleep_until(next.into()).await;
        for arrival in pool.queue.overdue() {
            HttpWorker::alone(pool.clone()).start(Some(arrival));
        }
    }
}
