//! What the calls of an instance need: its component's settings, and its application.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use http::{Request, Response};
use wasmtime::Engine;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::application::allowed_hosts::Destination;
use crate::imports::partners::Partners;
use crate::run::clock::ClockSkew;
use crate::run::guest_output::Output;
use crate::run::lifetime::Lifetime;
use crate::run::settings::{ComponentSettings, VariableHost};
use crate::run::told::Told;
use crate::watch::effects::{Installed, Interception};

/// What instances need of the application that they belong to.
pub(crate) trait OwnApplication: Send + Sync {
    /// What its instances share.
    fn shared(&self) -> &Shared;

    /// Answers a request that one of its components sends to another.
    fn chain<'a>(&'a self, component: &'a str, request: Request<WasiBody>) -> BoxFuture<'a, Response<WasiBody>>;

    /// Answers a request that one of its components sends to the application's own routes.
    fn route_to_itself(&self, request: Request<WasiBody>) -> BoxFuture<'_, Response<WasiBody>>;
}

/// What all instances of a running application share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) output: Output,
    /// What components printed or failed with.
    pub(crate) told: Arc<Told>,
    pub(crate) clock: ClockSkew,
    pub(crate) installed: Option<Installed>,
    pub(crate) lifetime: Lifetime,
    pub(crate) partners: Arc<Partners>,
    pub(crate) instances_begun: AtomicU64,
}

impl Shared {
    /// The number of the next instance, from 1.
    pub(crate) fn next_instance(&self) -> u64 {
        self.instances_begun.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let lifetime = Lifetime::default();
        Self {
            engine: Engine::default(),
            output: crate::run::guest_output::to_stderr(),
            told: Arc::default(),
            clock: ClockSkew::default(),
            installed: None,
            partners: Arc::new(Partners::new(lifetime.clone())),
            lifetime,
            instances_begun: AtomicU64::new(0),
        }
    }
}

/// What a call of an instance needs. It may outlive the instance by an instant.
pub(crate) struct InstanceContext {
    pub(crate) component: Arc<ComponentSettings>,
    pub(crate) effects: Interception,
    application: Weak<dyn OwnApplication>,
}

impl InstanceContext {
    pub(crate) fn new(application: &Arc<dyn OwnApplication>, component: &Arc<ComponentSettings>) -> Self {
        let shared = application.shared();
        let effects = Interception::new(component.name.clone(), shared.next_instance(), shared.installed.clone());
        Self { component: component.clone(), effects, application: Arc::downgrade(application) }
    }

    /// Whether the component may connect to `url`. If not, the log says which variable to set, or what to add to the
    /// manifest.
    pub(crate) fn allows(&self, url: &str) -> bool {
        let component = &self.component.name;
        let Some(destination) = Destination::of(url) else {
            tracing::warn!(%component, "may not connect: the address is not a URL with a host");
            return false;
        };
        let allowed = self.component.allowed_hosts.allow(&destination);
        if !allowed && self.is_news(&destination.to_string()) {
            let list = format!("allowed_outbound_hosts of [component.{component}]");
            match self.component.variable_hosts.iter().find(|host| host.may_allow(destination.scheme())) {
                // Whoever runs an application sets its variables, and leaves its manifest as it is.
                Some(VariableHost { entry, variable }) => tracing::warn!(
                    %component,
                    "may not connect to {destination}: set the variable {variable} so that \"{entry}\", in {list}, \
                     allows it"
                ),
                None => tracing::warn!(
                    %component,
                    "may not connect to {destination}: add \"{destination}\" to {list}"
                ),
            }
        }
        allowed
    }

    /// Whether it is to be told that the component may not connect there. It may try again many times a second.
    fn is_news(&self, destination: &str) -> bool {
        let name = format!("{} to {destination}", self.component.name);
        self.application.upgrade().is_none_or(|application| application.shared().told.is_new(&name, destination))
    }

    /// Whether the component may send requests to its own application. If not, the log says what to add to the
    /// manifest.
    pub(crate) fn allows_itself(&self) -> bool {
        let (component, allowed) = (&self.component.name, self.component.allowed_hosts.allow_itself());
        if !allowed && self.is_news("itself") {
            tracing::warn!(
                %component,
                "may not call its own application: add \"http://self\" to allowed_outbound_hosts of \
                 [component.{component}]"
            );
        }
        allowed
    }

    /// The application that the instance belongs to, unless it is gone.
    pub(crate) fn application(&self) -> Result<Arc<dyn OwnApplication>, Error> {
        self.application.upgrade().ok_or(Error::DestinationUnavailable)
    }
}
