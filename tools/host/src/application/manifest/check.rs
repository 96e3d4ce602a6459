//! What a manifest must keep beyond its syntax: names follow the rules, and each reference leads somewhere.

use toml::Spanned;

use crate::application::allowed_hosts::AllowedHosts;
use crate::application::file_fault::{FileFault, Source};
use crate::application::manifest::{ComponentTable, HttpRoute, Manifest};
use crate::application::names::{VARIABLE_NAME, is_component_name, is_variable_name};
use crate::application::routes::{Route, Routes};
use crate::application::template::Template;

/// The only version of the format that is read.
const VERSION: i64 = 2;

pub(crate) fn check(manifest: &Manifest, source: &Source<'_>) -> Result<(), FileFault> {
    let version = &manifest.spin_manifest_version;
    if *version.get_ref() != VERSION {
        return Err(
            source.fault(version.span(), format!("`spin_manifest_version` is {}: write {VERSION}", version.get_ref()))
        );
    }
    let check = Check { manifest, source };
    check.variables()?;
    check.http_triggers()?;
    check.redis_triggers()?;
    manifest.component.iter().try_for_each(|(name, component)| check.component(name, component))
}

struct Check<'m> {
    manifest: &'m Manifest,
    source: &'m Source<'m>,
}

impl Check<'_> {
    fn variables(&self) -> Result<(), FileFault> {
        for (name, declaration) in &self.manifest.variables {
            if !is_variable_name(name) {
                let message = format!("`{name}` in [variables] is not a name for a variable: use {VARIABLE_NAME}");
                return Err(self.source.fault_anywhere(message));
            }
            let message = match (&declaration.default, declaration.required) {
                (None, false) => format!("the variable `{name}` has no default: write one, or `required = true`"),
                (Some(_), true) => format!("the variable `{name}` has a default: leave it or `required = true` out"),
                (Some(_), false) | (None, true) => continue,
            };
            return Err(self.source.fault_anywhere(message));
        }
        Ok(())
    }

    fn http_triggers(&self) -> Result<(), FileFault> {
        let mut routes = Vec::new();
        for trigger in &self.manifest.trigger.http {
            self.reference(&trigger.component)?;
            match trigger.route.get_ref() {
                HttpRoute::Public(pattern) => {
                    routes.push(Route { pattern: pattern.clone(), component: trigger.component.get_ref().clone() });
                    Routes::new(routes.clone()).map_err(|error| self.source.fault(trigger.route.span(), error))?;
                }
                HttpRoute::Private { private: true } => {}
                HttpRoute::Private { private: false } => {
                    let message = "`route` is { private = false }: write a path or { private = true }";
                    return Err(self.source.fault(trigger.route.span(), message));
                }
            }
        }
        Ok(())
    }

    fn redis_triggers(&self) -> Result<(), FileFault> {
        for trigger in &self.manifest.trigger.redis {
            self.reference(&trigger.component)?;
            self.template("channel", &trigger.channel)?;
            match trigger.address(&self.manifest.application) {
                Some(address) => _ = self.template("address", address)?,
                None => {
                    let message =
                        "this Redis trigger has no `address`: add one to it or to [application.trigger.redis]";
                    return Err(self.source.fault(trigger.channel.span(), message));
                }
            }
        }
        Ok(())
    }

    fn component(&self, name: &str, component: &ComponentTable) -> Result<(), FileFault> {
        if !is_component_name(name) {
            let message =
                format!("`{name}` is not a name for a component: use words of letters and digits, joined by `-`");
            return Err(self.source.fault(component.source.span(), message));
        }
        if let Some(files) = &component.files {
            let message = format!("the component `{name}` has `files`, which this host can't mount: leave them out");
            return Err(self.source.fault(files.span(), message));
        }
        for (variable, text) in &component.variables {
            if !is_variable_name(variable) {
                let message =
                    format!("`{variable}` of the component `{name}` is not a name for a variable: use {VARIABLE_NAME}");
                return Err(self.source.fault(text.span(), message));
            }
            self.template(variable, text)?;
        }
        for entry in &component.allowed_outbound_hosts {
            let template = self.template("allowed_outbound_hosts", entry)?;
            if template.names().next().is_none() {
                AllowedHosts::parse([entry.get_ref()])
                    .map_err(|error| self.source.fault(entry.span(), error.to_string()))?;
            }
        }
        Ok(())
    }

    fn reference(&self, component: &Spanned<String>) -> Result<(), FileFault> {
        let checked = self.manifest.check_component(component.get_ref());
        checked.map_err(|error| self.source.fault(component.span(), error.to_string()))
    }

    fn template(&self, key: &str, text: &Spanned<String>) -> Result<Template, FileFault> {
        let fault = |message: String| self.source.fault(text.span(), format!("`{key}`: {message}"));
        let template = Template::parse(text.get_ref()).map_err(|error| fault(error.to_string()))?;
        if let Some(name) = template.names().find(|name| !self.manifest.variables.contains_key(*name)) {
            return Err(fault(format!("`{name}` is not a variable: add it to [variables]")));
        }
        Ok(template)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const GOOD: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[application.trigger.redis]
address = "{{ redis_url }}"
[variables]
redis_url = { default = "redis://127.0.0.1:6379", secret = true }
api_key = { required = true, description = "of the bank" }
[[trigger.http]]
route = "/..."
component = "door"
[[trigger.http]]
route = { private = true }
component = "worker"
[[trigger.redis]]
channel = "{books}:bell"
component = "worker"
[[trigger.redis]]
address = "redis://other:6379/1"
channel = "news"
component = "door"
[component.door]
source = "door.wasm"
allowed_outbound_hosts = ["redis://{{ redis_url }}", "https://*:443"]
key_value_stores = ["default"]
environment = { MODE = "fast" }
[component.door.variables]
url = "{{ redis_url }}"
[component.door.build]
command = ["one", "two"]
workdir = "door"
watch = ["src/**"]
[component.worker]
source = "worker.wasm"
"#;

    fn parse(text: &str) -> Result<Manifest, FileFault> {
        Manifest::parse(Path::new("spin.toml"), text)
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = parse(GOOD).expect("a good manifest");
        assert_eq!(manifest.trigger.http.iter().map(|t| t.pattern()).collect::<Vec<_>>(), [Some("/..."), None]);
        let addresses: Vec<_> = manifest
            .trigger
            .redis
            .iter()
            .filter_map(|t| t.address(&manifest.application))
            .map(Spanned::get_ref)
            .collect();
        assert_eq!(addresses, ["{{ redis_url }}", "redis://other:6379/1"]);
        let build = manifest.component["door"].build.as_ref().expect("a build");
        assert_eq!((build.commands(), build.workdir.as_deref()), (&["one".into(), "two".into()][..], Some("door")));
    }

    #[test]
    fn a_fault_names_file_line_and_key() {
        for (from, to, expected) in [
            (
                "spin_manifest_version = 2",
                "spin_manifest_version = 1",
                "spin.toml, line 2: `spin_manifest_version` is 1: write 2",
            ),
            ("route = \"/...\"", "rout = \"/...\"", "line 11: `rout = \"/...\"`: unknown field `rout`: write one of"),
            ("route = \"/...\"", "route = 5", "line 11: `route = 5`: this is not a route"),
            ("route = \"/...\"", "", "missing field `route`: add it"),
            ("route = { private = true }", "route = { private = false }", "line 14: `route`"),
            (
                "route = { private = true }",
                "route = \"/...\"",
                "line 14: the route `/...` of `worker` is taken by `door`",
            ),
            ("component = \"door\"", "component = \"dor\"", "line 12: `dor` is not a component: write door or worker"),
            ("address = \"{{ redis_url }}\"", "", "no `address`"),
            ("\"{books}:bell\"", "\"{{{ books }}}\"", "line 17: `channel`: `{{{ books }}`"),
            ("\"{books}:bell\"", "\"{{ books }}\"", "line 17: `channel`: `books` is not a variable"),
            ("url = \"{{ redis_url }}\"", "url = \"{{ redis\"", "line 29: `url`: `{{` is not closed"),
            ("url = \"{{ redis_url }}\"", "url = 5", "line 29: `url = 5`: invalid type"),
            ("https://*:443", "example.com", "line 25: \"example.com\" is not an allowed outbound host"),
            ("required = true, ", "", "the variable `api_key` has no default: write one"),
            ("api_key =", "ApiKey =", "`ApiKey` in [variables] is not a name"),
            ("source = \"worker.wasm\"", "source = \"w\"\nfiles = [\"a\"]", "the component `worker` has `files`"),
            ("source = \"worker.wasm\"", "source = \"w\"\nsqlite_databases = []", "unknown field `sqlite_databases`"),
            ("[[trigger.redis]]\nchannel", "[[trigger.cron]]\nchannel", "unknown field `cron`"),
            ("name = \"shop\"", "name = \"shop", "line 4"),
        ] {
            assert!(GOOD.contains(from), "{from} is not in the manifest");
            let error = parse(&GOOD.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(
                error.starts_with("spin.toml") && error.contains(expected),
                "{to} should say {expected}, but: {error}"
            );
        }
    }
}
