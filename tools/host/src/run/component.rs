//! A component of a running application.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime_wasi_http::handler::ProxyHandler;

use crate::application::allowed_hosts::AllowedHosts;
use crate::application::manifest::{Component, template};
use crate::application::variables::Variables;
use crate::imports::key_value::Backend;
use crate::run::bindings::RedisSubscriberPre;
use crate::run::http_instances::HttpInstances;
use crate::run::instance::InstanceState;

/// What a component is given, the same for each of its instances.
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    /// The variables that it sees.
    pub(crate) variables: BTreeMap<String, String>,
    /// Its environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// Where it may connect to.
    pub(crate) allowed_hosts: AllowedHosts,
    /// The stores that it may open, by label.
    pub(crate) stores: BTreeMap<String, Arc<Backend>>,
}

/// What a component does when it is called.
pub(crate) struct RunningComponent {
    pub(crate) settings: Arc<Settings>,
    /// Answers requests, if the component exports that.
    pub(crate) http: Option<ProxyHandler<HttpInstances>>,
    /// Takes messages, if the component exports that.
    pub(crate) redis: Option<RedisSubscriberPre<InstanceState>>,
}

impl Settings {
    pub(crate) fn new(
        name: &str,
        component: &Component,
        variables: &Variables,
        stores: &BTreeMap<String, Arc<Backend>>,
    ) -> anyhow::Result<Self> {
        let resolve = |text| variables.resolve_template(&template(text));
        let hosts = component.allowed_outbound_hosts.iter().map(resolve);
        let allowed_hosts = AllowedHosts::parse(hosts)
            .map_err(|error| anyhow::anyhow!("`allowed_outbound_hosts` of the component `{name}`: {error}"))?;
        let labels = component.key_value_stores.iter().map(|label| label.get_ref());
        Ok(Self {
            name: name.into(),
            variables: component.variables.iter().map(|(name, text)| (name.clone(), resolve(text))).collect(),
            environment: component.environment.clone().into_iter().collect(),
            allowed_hosts,
            stores: labels.filter_map(|label| Some((label.clone(), stores.get(label)?.clone()))).collect(),
        })
    }
}
