//! A running application: its components, and the ways to call them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime::Engine;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::TrapOrPanicError;

use crate::application::routes::{Match, Route, Routes};
use crate::run::clock::ClockSkew;
use crate::run::component::RunningComponent;
use crate::run::guest_output::Output;
use crate::run::instance::store;
use crate::run::lifetime::Lifetime;
use crate::run::spin_headers;
use crate::run::trap;
use crate::watch::effects::{Failure, Installed};

/// The paths that Spin keeps for itself.
const RESERVED: &str = "/.well-known/spin/";
/// The client, where a component is called by another or directly: nobody who has an address.
pub(crate) const NO_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

pub(crate) struct Application {
    pub(crate) engine: Engine,
    pub(crate) components: BTreeMap<String, RunningComponent>,
    pub(crate) routes: Routes,
    pub(crate) output: Output,
    pub(crate) clock: ClockSkew,
    pub(crate) installed: Option<Installed>,
    pub(crate) lifetime: Lifetime,
    pub(crate) instances_begun: AtomicU64,
}

impl Application {
    /// An application that does nothing.
    #[cfg(test)]
    pub(crate) fn without_components() -> Self {
        Self {
            engine: Engine::default(),
            components: BTreeMap::new(),
            routes: Routes::default(),
            output: crate::run::guest_output::to_stderr(),
            clock: ClockSkew::default(),
            installed: None,
            lifetime: Lifetime::default(),
            instances_begun: AtomicU64::new(0),
        }
    }

    /// The number of the next instance, from 1.
    pub(crate) fn next_instance(&self) -> u64 {
        self.instances_begun.fetch_add(1, Ordering::Relaxed) + 1
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

    /// Answers the request of another component of this application.
    pub(crate) async fn chain(&self, component: &str, request: Request<WasiBody>) -> Response<WasiBody> {
        self.answer(component, addressed(request, component)).await
    }

    /// Answers a request that came through no route.
    pub(crate) async fn call(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        self.handle(component, addressed(request, component)).await
    }

    /// Hands a message to a component, in an instance of its own. The inner error is the component's word, the outer one
    /// means that it couldn't be asked or failed.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        component: &str,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        let missing = || wasmtime::format_err!("the component `{component}` takes no messages");
        let running = self.components.get(component).ok_or_else(missing)?;
        let subscriber = running.redis.as_ref().ok_or_else(missing)?;
        let mut store = store(self, &running.settings);
        let instance = subscriber.instantiate_async(&mut store).await?;
        let inbound = instance.spin_redis_inbound_redis();
        let answered =
            store.run_concurrent(async |accessor| inbound.call_handle_message(accessor, payload).await).await??;
        Ok(answered.map_err(|error| error.in_words()))
    }

    /// A component that fails is answered for with 500.
    async fn answer(&self, component: &str, request: Request<WasiBody>) -> Response<WasiBody> {
        match self.handle(component, request).await {
            Ok(response) => response,
            Err(error) => {
                // Why an instance failed was logged with its end, once for all its requests.
                if !error.is::<TrapOrPanicError>() && !self.lifetime.killed.is_cancelled() {
                    tracing::error!(component, "gave no answer: {}", trap::in_one_line(&error));
                }
                answer(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }

    async fn handle(&self, component: &str, request: Request<WasiBody>) -> wasmtime::Result<Response<WasiBody>> {
        let missing = || wasmtime::format_err!("the component `{component}` answers no requests");
        let running = self.components.get(component).ok_or_else(missing)?;
        running.http.as_ref().ok_or_else(missing)?.handle((), request).await
    }
}

/// A request with the headers of a route that matches everything.
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

/// A body that is there already.
pub(crate) fn whole(bytes: Bytes) -> WasiBody {
    Full::new(bytes).map_err(|never: std::convert::Infallible| match never {}).boxed_unsync()
}
