//! Starting an application, and what can be done with it while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use wasmtime_wasi_http::handler::ProxyHandler;

use crate::app::{App, Loaded};
use crate::application::{Application, NO_CLIENT, whole};
use crate::calls::Calls;
use crate::component::{RunningComponent, Settings};
use crate::effects::Installed;
use crate::guest_output::{Output, to_stderr};
use crate::http_instances::{HttpInstances, Reuse};
use crate::imports::key_value::Backend;
use crate::lifetime::Lifetime;
use crate::manifest::template;
use crate::redis_address;
use crate::redis_override::RedisOverride;
use crate::routes::{Route, Routes};
use crate::trap;
use crate::triggers::redis::{Channels, Subscriber, Subscription};
use crate::variables::Variables;

/// How long a start waits for its subscriptions. Where Redis can't be reached it goes on without, and they follow.
const SUBSCRIPTIONS: Duration = Duration::from_secs(5);

/// How to start an application. The default runs no triggers' server, with the manifest's own values.
#[derive(Clone, Default)]
pub struct Start {
    /// Where to serve HTTP, port 0 for a free one; `None` for not at all.
    pub listen: Option<SocketAddr>,
    /// The Redis to use in place of the one that the manifest and the runtime configuration name.
    pub redis: Option<RedisOverride>,
    /// Values for variables. They go before everything else, `redis` included.
    pub variables: BTreeMap<String, String>,
    /// Sees and decides every call of every component.
    pub calls: Option<Arc<dyn Calls>>,
    /// Takes what components print, in place of standard error.
    pub output: Option<Output>,
    /// Whose triggers work.
    pub triggers: Triggers,
    /// How far instances are used again.
    pub reuse: Reuse,
}

/// Whose triggers work. Direct calls always do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Triggers {
    /// Those of all components.
    #[default]
    All,
    /// Those of these components.
    Only(BTreeSet<String>),
    /// None.
    Off,
}

/// An application at work. Dropping it kills it.
pub struct Running {
    application: Arc<Application>,
    address: Option<SocketAddr>,
    triggers: Vec<Bound>,
    subscriptions: Vec<watch::Receiver<Subscription>>,
}

/// A trigger that works, with its variables resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Requests to a route.
    Http {
        /// The component that answers.
        component: String,
        /// The route's pattern.
        route: String,
    },
    /// Messages on a channel.
    Redis {
        /// The component that is woken.
        component: String,
        /// The channel.
        channel: String,
        /// The server, without credentials.
        address: String,
    },
}

impl App {
    /// Starts the application. It serves when this returns, and listens to Redis if that can be reached.
    ///
    /// Errors name the variable without a value, the entry that is no host, or the address that can't be listened on.
    pub async fn start(&self, start: Start) -> anyhow::Result<Running> {
        let loaded = self.loaded();
        let values = Values::new(loaded, &start)?;
        let listener = match start.listen {
            Some(address) => {
                Some(TcpListener::bind(address).await.with_context(|| format!("{address} can't be listened on"))?)
            }
            None => None,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let application = application(loaded, &start, &values)?;
        if let Some(listener) = listener {
            application.lifetime.spawn(crate::triggers::http::serve(application.clone(), listener));
        }
        let subscriptions = subscribe(loaded, &start, &values, &application);
        let triggers = bound(loaded, &start, &values);
        let running = Running { application, address, triggers, subscriptions };
        running.subscriptions_tried().await;
        Ok(running)
    }
}

impl Running {
    /// Where HTTP is served.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The triggers that work.
    pub fn triggers(&self) -> &[Bound] {
        &self.triggers
    }

    /// Waits until every Redis trigger listens.
    pub async fn subscribed(&self) {
        for mut subscription in self.subscriptions.clone() {
            _ = subscription.wait_for(|subscription| *subscription == Subscription::Made).await;
        }
    }

    /// Whether every Redis trigger listens at this moment.
    pub fn is_subscribed(&self) -> bool {
        self.subscriptions.iter().all(|subscription| *subscription.borrow() == Subscription::Made)
    }

    /// Has the component answer whose route a request's path matches, as a client's request would be.
    pub async fn route(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (mut parts, body) = self.application.route(request.map(whole), NO_CLIENT).await.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                parts.status = StatusCode::INTERNAL_SERVER_ERROR;
                Bytes::new()
            }
        };
        Response::from_parts(parts, body)
    }

    /// Has a component answer a request, without any route. Instances are shared with the HTTP trigger.
    ///
    /// An error means that there is no such component, or that it failed and so gave no answer.
    pub async fn http(&self, component: &str, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let (parts, body) = self.application.call(component, request.map(whole)).await?.into_parts();
        let body = body.collect().await.context("the component stopped in the middle of its answer")?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    /// Hands a component a message, without any channel, in an instance of its own.
    ///
    /// The inner error is the component's answer; the outer one means that it failed and gave none.
    pub async fn redis_message(
        &self,
        component: &str,
        payload: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Result<(), String>> {
        let delivery = self.application.deliver(component, payload.into());
        match self.application.lifetime.killed.run_until_cancelled(delivery).await {
            Some(answered) => answered.map_err(|error| anyhow::anyhow!(trap::in_one_line(&error))),
            None => Err(anyhow::anyhow!("the application has been stopped")),
        }
    }

    /// Ends gently: takes in nothing more, lets what is in hand end within [`GRACE`](crate::GRACE), then drops the rest.
    pub async fn stop(&self) {
        self.application.lifetime.stop().await;
    }

    /// Ends as a crash would: every instance is dropped and every connection closed, now.
    pub fn kill(&self) {
        self.application.lifetime.kill();
    }

    /// Waits until the application has ended and every instance is gone.
    pub async fn closed(&self) {
        self.application.lifetime.closed().await;
    }

    async fn subscriptions_tried(&self) {
        let tried = async {
            for mut subscription in self.subscriptions.clone() {
                _ = subscription.wait_for(|subscription| *subscription != Subscription::Begun).await;
            }
        };
        _ = tokio::time::timeout(SUBSCRIPTIONS, tried).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Triggers {
    fn include(&self, component: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(components) => components.contains(component),
            Self::Off => false,
        }
    }
}

/// What the variables and stores come to for one start.
struct Values {
    variables: Variables,
    stores: BTreeMap<String, Arc<Backend>>,
}

impl Values {
    fn new(loaded: &Loaded, start: &Start) -> anyhow::Result<Self> {
        let (mut given, mut stores) = (BTreeMap::new(), loaded.runtime_config.stores.clone());
        if let Some(redis) = &start.redis {
            given = redis.variables(&loaded.manifest.variables);
            stores.values_mut().for_each(|address| *address = redis.address(address));
        }
        given.extend(start.variables.clone());
        let variables = Variables::resolve(&loaded.manifest.variables, &given)?;
        let backend = |(label, address): (String, String)| (label.clone(), Arc::new(Backend::new(label, address)));
        Ok(Self { variables, stores: stores.into_iter().map(backend).collect() })
    }
}

fn application(loaded: &Loaded, start: &Start, values: &Values) -> anyhow::Result<Arc<Application>> {
    let settings = loaded.manifest.component.iter().map(|(name, component)| {
        Ok((name, Arc::new(Settings::new(name, component, &values.variables, &values.stores)?)))
    });
    let settings = settings.collect::<anyhow::Result<Vec<_>>>()?;
    let routes = routes(loaded, &start.triggers)?;
    Ok(Arc::new_cyclic(|application| Application {
        engine: loaded.engine.clone(),
        components: settings
            .into_iter()
            .map(|(name, settings)| (name.clone(), component(loaded, start, application, settings)))
            .collect(),
        routes,
        output: start.output.clone().unwrap_or_else(to_stderr),
        installed: start.calls.clone().map(Installed::new),
        lifetime: Lifetime::default(),
        instances_begun: AtomicU64::new(0),
    }))
}

fn component(
    loaded: &Loaded,
    start: &Start,
    application: &Weak<Application>,
    settings: Arc<Settings>,
) -> RunningComponent {
    let compiled = &loaded.components[&*settings.name];
    let http = compiled.http.clone().map(|service| {
        let (application, component) = (application.clone(), settings.clone());
        ProxyHandler::new(HttpInstances { application, component, service, reuse: start.reuse })
    });
    RunningComponent { settings, http, redis: compiled.redis.clone() }
}

fn routes(loaded: &Loaded, triggers: &Triggers) -> anyhow::Result<Routes> {
    let included = loaded.manifest.trigger.http.iter().filter(|trigger| triggers.include(trigger.component.get_ref()));
    let routes = included.filter_map(|trigger| {
        Some(Route { pattern: trigger.pattern()?.to_owned(), component: trigger.component.get_ref().clone() })
    });
    Routes::new(routes).map_err(anyhow::Error::msg)
}

/// Starts one subscriber for each distinct address.
fn subscribe(
    loaded: &Loaded,
    start: &Start,
    values: &Values,
    application: &Arc<Application>,
) -> Vec<watch::Receiver<Subscription>> {
    let mut addresses: BTreeMap<String, Channels> = BTreeMap::new();
    for trigger in &loaded.manifest.trigger.redis {
        let component = trigger.component.get_ref();
        let Some(address) = trigger.address(&loaded.manifest.application) else { continue };
        if start.triggers.include(component) {
            let channels = addresses.entry(values.resolve(address)).or_default();
            channels.entry(values.resolve(&trigger.channel)).or_default().push(component.clone());
        }
    }
    let subscribers = addresses.into_iter().map(|(address, channels)| {
        let subscriber = Subscriber::new(application.clone(), address, channels);
        let subscription = subscriber.subscription();
        application.lifetime.spawn(subscriber.run());
        subscription
    });
    subscribers.collect()
}

/// The triggers that work, routes first.
fn bound(loaded: &Loaded, start: &Start, values: &Values) -> Vec<Bound> {
    let manifest = &loaded.manifest;
    let http = manifest.trigger.http.iter().filter_map(|trigger| {
        let component = trigger.component.get_ref().clone();
        Some(Bound::Http { component, route: trigger.pattern()?.to_owned() })
    });
    let redis = manifest.trigger.redis.iter().filter_map(|trigger| {
        let address = redis_address::shown(&values.resolve(trigger.address(&manifest.application)?));
        let component = trigger.component.get_ref().clone();
        Some(Bound::Redis { component, channel: values.resolve(&trigger.channel), address })
    });
    http.chain(redis).filter(|bound| start.triggers.include(bound.component())).collect()
}

impl Bound {
    /// The component that it starts.
    pub fn component(&self) -> &str {
        match self {
            Self::Http { component, .. } | Self::Redis { component, .. } => component,
        }
    }
}

impl Values {
    fn resolve(&self, text: &toml::Spanned<String>) -> String {
        self.variables.resolve_template(&template(text))
    }
}
