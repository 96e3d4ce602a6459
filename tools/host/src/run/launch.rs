//! Starting an application.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use anyhow::anyhow;
use tokio::net::TcpListener;
use tokio::sync::watch;
use toml::Spanned;

use crate::application::heard;
use crate::application::manifest::template;
use crate::application::redis_address;
use crate::application::redis_override::RedisOverride;
use crate::application::routes::{Route, Routes};
use crate::application::variables::Variables;
use crate::imports::partners::Partners;
use crate::imports::resources::Backend;
use crate::run::clock::ClockSkew;
use crate::run::context::{OwnApplication, Shared};
use crate::run::dispatch::{Dispatcher, RunningComponent};
use crate::run::guest_output::{Output, to_stderr};
use crate::run::handle::{BoundTrigger, RunningApplication};
use crate::run::http_instances::HttpInstances;
use crate::run::http_pool::Reuse;
use crate::run::lifetime::Lifetime;
use crate::run::load::{CompiledApplication, Loaded};
use crate::run::settings::ComponentSettings;
use crate::run::told::Told;
use crate::triggers;
use crate::triggers::client_bounds::ClientBounds;
use crate::triggers::redis::{Channels, Subscriber, Subscription};
use crate::watch::calls::Calls;
use crate::watch::effects::Installed;

/// How to start an application. The default takes the manifest's own values, and serves no HTTP.
#[derive(Clone, Default)]
pub struct StartOptions {
    /// The address to serve HTTP at. Port 0 takes a free one; `None` serves no HTTP.
    pub listen: Option<SocketAddr>,
    /// The Redis to use in place of the one that the manifest and the runtime configuration name.
    pub redis: Option<RedisOverride>,
    /// Values for variables. They go before all others, even those that come from `redis`.
    pub variables: BTreeMap<String, String>,
    /// Rules each call of each component, and is told how it ended.
    pub calls: Option<Arc<dyn Calls>>,
    /// How far the components' clock is ahead.
    pub clock: ClockSkew,
    /// Takes what components print, in place of standard error.
    pub output: Option<Output>,
    /// The components whose triggers work.
    pub triggers: Triggers,
    /// How many requests an instance answers.
    pub reuse: Reuse,
    /// What clients may cost before any component runs.
    pub clients: ClientBounds,
}

/// The components whose triggers work. Direct calls always do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Triggers {
    /// All components.
    #[default]
    All,
    /// These components.
    Only(BTreeSet<String>),
    /// No component.
    Off,
}

impl CompiledApplication {
    /// Starts the application. It serves when this returns, and listens to Redis if that can be reached.
    ///
    /// An error names the variable without a value, the entry that is not a host, or the address that can't be listened
    /// on.
    pub async fn start(&self, start: StartOptions) -> anyhow::Result<RunningApplication> {
        let plan = Plan::new(self.loaded(), &start)?;
        let listener = match start.listen {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| {
                anyhow!("{address} can't be listened on: {error}: choose an address of this machine by --listen")
            })?),
            None => None,
        };
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let application = plan.application()?;
        if let Some(listener) = listener {
            application.lifetime().spawn(triggers::http::serve(application.clone(), listener, start.clients));
        }
        let subscriptions = plan.subscribe(&application);
        let running = RunningApplication { application, address, triggers: plan.bound(), subscriptions };
        running.subscriptions_tried().await;
        Ok(running)
    }
}

impl CompiledApplication {
    /// Checks what [`start`](Self::start) leaves to the components: that the addresses of Redis can be used, and that
    /// the triggers hear of the databases that they name.
    pub fn check_redis(&self, start: &StartOptions) -> anyhow::Result<()> {
        let (variables, stores) = values(self.loaded(), start)?;
        heard::check(self.manifest(), &variables, &stores)
    }
}

/// The values of all variables, and the addresses of all stores.
fn values(loaded: &Loaded, start: &StartOptions) -> anyhow::Result<(Variables, BTreeMap<String, String>)> {
    let (mut given, mut stores) = (BTreeMap::new(), loaded.runtime_config.stores.clone());
    if let Some(redis) = &start.redis {
        given = redis.variables(&loaded.manifest.variables);
        stores.values_mut().for_each(|address| *address = redis.address(address));
    }
    given.extend(start.variables.clone());
    Ok((Variables::resolve(&loaded.manifest.variables, &given)?, stores))
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

/// A start: the loaded application, with the variables and stores that it gets this time.
struct Plan<'s> {
    loaded: &'s Loaded,
    start: &'s StartOptions,
    variables: Variables,
    stores: BTreeMap<String, Arc<Backend>>,
}

impl<'s> Plan<'s> {
    fn new(loaded: &'s Loaded, start: &'s StartOptions) -> anyhow::Result<Self> {
        let (variables, stores) = values(loaded, start)?;
        let backend = |(label, address): (String, String)| (label.clone(), Arc::new(Backend::new(label, address)));
        Ok(Self { loaded, start, variables, stores: stores.into_iter().map(backend).collect() })
    }

    fn application(&self) -> anyhow::Result<Arc<Dispatcher>> {
        let settings = self.loaded.manifest.component.iter().map(|(name, component)| {
            Ok((name, Arc::new(ComponentSettings::new(name, component, &self.variables, &self.stores)?)))
        });
        let settings = settings.collect::<anyhow::Result<Vec<_>>>()?;
        let names = self.loaded.manifest.component.keys().map(ToString::to_string);
        let (routes, told, lifetime) = (self.routes()?, Arc::new(Told::new(names)), Lifetime::default());
        Ok(Arc::new_cyclic(|application| Dispatcher {
            components: settings
                .into_iter()
                .map(|(name, settings)| (name.clone(), self.component(application, settings)))
                .collect(),
            routes,
            shared: Shared {
                engine: self.loaded.engine.clone(),
                output: self.start.output.clone().unwrap_or_else(|| told.news(to_stderr())),
                told,
                clock: self.start.clock,
                installed: self.start.calls.clone().map(Installed::new),
                partners: Arc::new(Partners::new(lifetime.clone())),
                lifetime,
                instances_begun: AtomicU64::new(0),
            },
        }))
    }

    fn component(&self, application: &Weak<Dispatcher>, settings: Arc<ComponentSettings>) -> RunningComponent {
        let compiled = &self.loaded.components[&*settings.name];
        let http = compiled.http.clone().map(|service| {
            let application: Weak<dyn OwnApplication> = application.clone();
            let component = settings.clone();
            HttpInstances::new(application, component, service, self.start.reuse)
        });
        RunningComponent { settings, http, redis: compiled.redis.clone() }
    }

    fn routes(&self) -> anyhow::Result<Routes> {
        let routes = self.bound().into_iter().filter_map(|bound| match bound {
            BoundTrigger::Http { component, route } => Some(Route { pattern: route, component }),
            BoundTrigger::Redis { .. } => None,
        });
        Routes::new(routes).map_err(anyhow::Error::msg)
    }

    /// Starts one subscriber for each distinct address.
    fn subscribe(&self, application: &Arc<Dispatcher>) -> Vec<watch::Receiver<Subscription>> {
        let mut addresses: BTreeMap<String, Channels> = BTreeMap::new();
        for trigger in &self.loaded.manifest.trigger.redis {
            let component = trigger.component.get_ref();
            let Some(address) = trigger.address(&self.loaded.manifest.application) else { continue };
            if self.start.triggers.include(component) {
                let channels = addresses.entry(self.resolve(address)).or_default();
                channels.entry(self.resolve(&trigger.channel)).or_default().push(component.clone());
            }
        }
        let subscribers = addresses.into_iter().map(|(address, channels)| {
            let subscriber = Subscriber::new(application.clone(), address, channels);
            let subscription = subscriber.subscription();
            application.lifetime().spawn(subscriber.run());
            subscription
        });
        subscribers.collect()
    }

    /// The triggers that work, routes first.
    fn bound(&self) -> Vec<BoundTrigger> {
        let manifest = &self.loaded.manifest;
        let http = manifest.trigger.http.iter().filter_map(|trigger| {
            let component = trigger.component.get_ref().clone();
            Some(BoundTrigger::Http { component, route: trigger.pattern()?.to_owned() })
        });
        let redis = manifest.trigger.redis.iter().filter_map(|trigger| {
            let address = redis_address::shown(&self.resolve(trigger.address(&manifest.application)?));
            let component = trigger.component.get_ref().clone();
            Some(BoundTrigger::Redis { component, channel: self.resolve(&trigger.channel), address })
        });
        http.chain(redis).filter(|bound| self.start.triggers.include(bound.component())).collect()
    }

    fn resolve(&self, text: &Spanned<String>) -> String {
        self.variables.resolve_template(&template(text))
    }
}
