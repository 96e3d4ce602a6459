//! The dispatcher of a running application: it finds the component that is to be called, and calls it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response, StatusCode};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::TrapOrPanicError;

use crate::application::routes::{Match, Route, Routes};
use crate::run::bindings::RedisSubscriberPre;
use crate::run::body::whole;
use crate::run::context::{OwnApplication, Shared};
use crate::run::http_instances::HttpInstances;
use crate::run::instance::{InstanceState, store};
use crate::run::lifetime::Lifetime;
use crate::run::settings::ComponentSettings;
use crate::run::{spin_headers, trap};
use crate::watch::effects::Failure;

/// The paths that Spin keeps for itself.
const RESERVED: &str = "/.well-known/spin/";
/// The client's address if the caller is another component, or the process that uses this crate.
pub(crate) const NO_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A running application as its triggers see it: its components and its routes.
pub(crate) struct Dispatcher {
    pub(crate) components: BTreeMap<String, RunningComponent>,
    pub(crate) routes: Routes,
    pub(crate) shared: Shared,
}

/// A component that can be called.
pub(crate) struct RunningComponent {
    pub(crate) settings: Arc<ComponentSettings>,
    /// Answers requests, if the component exports that.
    pub(crate) http: Option<HttpInstances>,
    /// Takes messages, if the component exports that.
    pub(crate) redis: Option<RedisSubscriberPre<InstanceState>>,
}

impl Dispatcher {
    /// An application that does nothing.
    #[cfg(test)]
    pub(crate) fn without_components() -> Self {
        Self { components: BTreeMap::new(), routes: Routes::default(), shared: Shared::for_tests() }
    }

    /// Whether a component's error wasn't told just before.
    pub(crate) fn is_news(&self, component: &str, error: &str) -> bool {
        self.shared.told.is_new(component, error)
    }

    /// How the application ends.
    pub(crate) fn lifetime(&self) -> &Lifetime {
        &self.shared.lifetime
    }

    /// Answers a client's request by the component whose route it matches.
    pub(crate) async fn route(&self, mut request: Request<WasiBody>, client: SocketAddr) -> Response<WasiBody> {
        if let Some(reserved) = request.uri().path().strip_prefix(RESERVED) {
            return match reserved {
                "health" => answer(StatusCode::OK, "OK"),
                _ => answer(StatusCode::NOT_FOUND, ""),
            };
        }
        let Some(found) = self.routes.find(request.uri().path()) else { return answer(StatusCode::NOT_FOUND, "") };
        let component = found.route.component.clone();
        spin_headers::insert(&mut request, &found, client);
        self.answer(&component, request).await
    }

    /// Answers a request that didn't come through a route.
    pub(crate) async fn call(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        self.handle(component, addressed(request, component)).await
    }

    /// Hands a message to a new instance of a component. The inner error is the component's answer. The outer error
    /// means that the component takes no messages, or failed.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        component: &str,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        let missing = || wasmtime::format_err!("the component `{component}` takes no messages");
        let running = self.components.get(component).ok_or_else(missing)?;
        let subscriber = running.redis.as_ref().ok_or_else(missing)?;
        let application: Arc<dyn OwnApplication> = self.clone();
        let mut store = store(&application, &running.settings);
        let instance = subscriber.instantiate_async(&mut store).await?;
        let inbound = instance.spin_redis_inbound_redis();
        let answered =
            store.run_concurrent(async |accessor| inbound.call_handle_message(accessor, payload).await).await??;
        Ok(answered.map_err(|error| error.in_words()))
    }

    /// Answers a request by a component. If the component fails, the answer is 500.
    async fn answer(&self, component: &str, request: Request<WasiBody>) -> Response<WasiBody> {
        match self.handle(component, request).await {
            Ok(response) => response,
            Err(error) => {
                // Why an instance failed was logged with its end, once for all its requests.
                if !error.is::<TrapOrPanicError>() && !self.lifetime().killed.is_cancelled() {
                    tracing::error!(component, "gave no answer: {}", trap::in_one_line(&error));
                }
                answer(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }

    async fn handle(&self, component: &str, request: Request<WasiBody>) -> wasmtime::Result<Response<WasiBody>> {
        let missing = || wasmtime::format_err!("the component `{component}` answers no requests");
        let running = self.components.get(component).ok_or_else(missing)?;
        running.http.as_ref().ok_or_else(missing)?.handle(request).await
    }
}

impl OwnApplication for Dispatcher {
    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn chain<'a>(&'a self, component: &'a str, request: Request<WasiBody>) -> BoxFuture<'a, Response<WasiBody>> {
        self.answer(component, addressed(request, component)).boxed()
    }

    fn route_to_itself(&self, request: Request<WasiBody>) -> BoxFuture<'_, Response<WasiBody>> {
        self.route(request, NO_CLIENT).boxed()
    }
}

/// Gives a request the headers of a route that matches everything.
fn addressed(mut request: Request<WasiBody>, component: &str) -> Request<WasiBody> {
    let route = Route { pattern: "/...".to_owned(), component: component.to_owned() };
    let trailing = request.uri().path().to_owned();
    spin_headers::insert(&mut request, &Match { route: &route, trailing, captures: Vec::new() }, NO_CLIENT);
    request
}

/// An answer of the host itself.
fn answer(status: StatusCode, text: &'static str) -> Response<WasiBody> {
    let mut response = Response::new(whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
