//! The settings of a component, which all its instances share.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

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
    /// The entries of that list in which the value of a variable stands, as the manifest has them.
    pub(crate) variable_hosts: Vec<VariableHost>,
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
        let entries = &component.allowed_outbound_hosts;
        let allowed_hosts = AllowedHosts::parse(entries.iter().map(resolve)).map_err(|error| {
            let at_fault = entries.iter().find(|entry| AllowedHosts::parse([resolve(entry)]).is_err());
            let variable = at_fault
                .and_then(VariableHost::of)
                .map_or(String::new(), |host| format!(". It is the value of the variable {}", host.variable));
            anyhow::anyhow!("`allowed_outbound_hosts` of the component `{name}`: {error}{variable}")
        })?;
        let labels = component.key_value_stores.iter().map(|label| label.get_ref());
        Ok(Self {
            name: name.into(),
            variables: component.variables.iter().map(|(name, text)| (name.clone(), resolve(text))).collect(),
            environment: component.environment.clone().into_iter().collect(),
            allowed_hosts,
            variable_hosts: entries.iter().filter_map(VariableHost::of).collect(),
            stores: labels.filter_map(|label| Some((label.clone(), stores.get(label)?.clone()))).collect(),
        })
    }
}

/// An entry of `allowed_outbound_hosts` that a variable decides.
pub(crate) struct VariableHost {
    /// As it stands in the manifest.
    pub(crate) entry: String,
    /// The first variable in it.
    pub(crate) variable: String,
}

impl VariableHost {
    fn of(entry: &Spanned<String>) -> Option<Self> {
        let variable = template(entry).names().next()?.to_owned();
        Some(Self { entry: entry.get_ref().clone(), variable })
    }

    /// Whether another value of the variable could allow a destination with this scheme.
    pub(crate) fn may_allow(&self, scheme: &str) -> bool {
        self.entry.split_once("://").is_none_or(|(written, _)| written.contains("{{") || written == scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_decides_a_forbidden_connection_is_found_by_its_scheme() {
        let entries = ["redis://{{ redis_host }}", "https://fixed.test", "{{ webhook_origin }}"];
        let hosts: Vec<_> =
            entries.iter().filter_map(|entry| VariableHost::of(&Spanned::new(0..0, (*entry).to_owned()))).collect();
        for (scheme, expected) in [("redis", "redis_host"), ("http", "webhook_origin"), ("https", "webhook_origin")] {
            let found = hosts.iter().find(|host| host.may_allow(scheme)).expect("one of them");
            assert_eq!(found.variable, expected, "{scheme}");
        }
    }
}
