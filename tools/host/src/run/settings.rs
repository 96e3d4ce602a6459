//! The settings of a component, which all its instances share.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::application::allowed_hosts::AllowedHosts;
use crate::application::manifest::{ComponentTable, template};
use crate::application::variables::Variables;
use crate::imports::resources::Backend;

/// The settings of one component of a running application, with its templates resolved.
pub(crate) struct ComponentSettings {
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

impl ComponentSettings {
    pub(crate) fn new(
        name: &str,
        component: &ComponentTable,
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
