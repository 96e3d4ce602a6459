//! Whether Redis triggers hear of the databases that an application uses. The number of a database is a part of the
//! channels on which Redis tells of keys, where a manifest has it as a literal.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};

use crate::application::manifest::{Manifest, template};
use crate::application::redis_address::{Database, database};
use crate::application::redis_override::redis_variables;
use crate::application::variables::Variables;

/// Checks the addresses in variables and stores: each can be used, and if a trigger listens to keys at all, then those
/// are keys of these databases.
pub(crate) fn check(
    manifest: &Manifest,
    variables: &Variables,
    stores: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let heard = heard(manifest, variables)?;
    for name in redis_variables(&manifest.variables) {
        let found = database(variables.get(name).unwrap_or_default()).map_err(|fault| anyhow!("`{name}`: {fault}"))?;
        let default = manifest.variables[name].default.as_deref().and_then(|default| database(default).ok());
        let Some(default) = default else { continue };
        let expected = default.number;
        if heard.iter().any(|heard| heard.number == expected) && found.number != expected {
            bail!(
                "`{name}` names database {}, but the triggers listen to keys of database {expected}: end it in \
                 /{expected}",
                found.number
            );
        }
    }
    for (label, address) in stores {
        let store = database(address).map_err(|fault| anyhow!("`url` of the store `{label}`: {fault}"))?;
        if !heard.is_empty() && !heard.contains(&with_one_name(store.clone())) {
            let heard = heard.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            bail!(
                "the store `{label}` is at {store}, but the triggers listen to keys of {heard}: give the store and the \
                 variables the same address"
            );
        }
    }
    Ok(())
}

/// The databases of whose keys the triggers hear. Without an address that can be read there is none.
fn heard(manifest: &Manifest, variables: &Variables) -> anyhow::Result<Vec<Database>> {
    let mut heard = Vec::new();
    for trigger in &manifest.trigger.redis {
        let Some(address) = trigger.address(&manifest.application) else { continue };
        let channel = variables.resolve_template(&template(&trigger.channel));
        let address = variables.resolve_template(&template(address));
        if let (Some(number), Ok(Database { server, .. })) = (database_of(&channel), database(&address)) {
            heard.push(with_one_name(Database { server, number }));
        }
    }
    heard.sort();
    heard.dedup();
    Ok(heard)
}

/// The database in the name of a channel on which Redis tells of keys.
fn database_of(channel: &str) -> Option<u64> {
    let rest = channel.strip_prefix("__keyspace@").or_else(|| channel.strip_prefix("__keyevent@"))?;
    rest.split_once("__:")?.0.parse().ok()
}

/// The same server may be written in three ways on its own machine.
fn with_one_name(Database { server, number }: Database) -> Database {
    let port = server.strip_prefix("localhost:").or_else(|| server.strip_prefix("[::1]:"));
    Database { server: port.map_or(server.clone(), |port| format!("127.0.0.1:{port}")), number }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[variables]
queue = { default = "redis://127.0.0.1:6379/0", secret = true }
store = { default = "redis://127.0.0.1:6379/1" }
[component.worker]
source = "worker.wasm"
"#;

    const TRIGGERS: &str = r#"
[[trigger.redis]]
address = "{{ queue }}"
channel = "__keyspace@0__:timer"
component = "worker"
[[trigger.redis]]
address = "{{ store }}"
channel = "__keyevent@1__:set"
component = "worker"
[[trigger.redis]]
address = "{{ store }}"
channel = "bell"
component = "worker"
"#;

    fn said(triggers: &str, given: &[(&str, &str)], store: &str) -> String {
        let manifest = Manifest::parse(Path::new("spin.toml"), &[MANIFEST, triggers].concat()).expect("a manifest");
        let given = given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let variables = Variables::resolve(&manifest.variables, &given).expect("values");
        let stores = BTreeMap::from([("default".to_owned(), store.to_owned())]);
        check(&manifest, &variables, &stores).map_or_else(|error| error.to_string(), |()| "all is heard".to_owned())
    }

    #[test]
    fn a_database_of_which_no_trigger_hears_is_refused_by_name() {
        for (given, store, expected) in [
            (&[][..], "redis://127.0.0.1:6379/1", "all is heard"),
            (&[], "redis://localhost/1", "all is heard"),
            (&[("queue", "redis://a:b@127.0.0.1/")], "redis://[::1]:6379/1", "all is heard"),
            (&[("queue", "redis://host/0"), ("store", "redis://host/1")], "redis://host:6379/1", "all is heard"),
            (&[("queue", "redis://host/5")], "redis://127.0.0.1:6379/1", "`queue` names database 5, but"),
            (&[("queue", "redis://host/1")], "redis://127.0.0.1:6379/1", "`queue` names database 1, but"),
            (&[("store", "redis://host/0")], "redis://host:6379/0", "`store` names database 0, but"),
            (&[], "redis://127.0.0.1:6379/2", "the store `default` is at redis://127.0.0.1:6379/2, but"),
            (&[], "redis://127.0.0.1:7000/1", "the store `default` is at redis://127.0.0.1:7000/1, but"),
            (&[("store", "redis://host/1")], "redis://127.0.0.1:6379/1", "the store `default` is at"),
            (&[("queue", "rediss://host/0")], "redis://127.0.0.1:6379/1", "`queue`: rediss:// asks for TLS"),
            (&[("queue", "redis://:p@s/w#r:d@host/0")], "redis://127.0.0.1:6379/1", "`queue`: this address can't"),
        ] {
            let said = said(TRIGGERS, given, store);
            assert!(said.starts_with(expected), "{given:?} {store}: {said}");
            assert!(!said.contains("w#r"), "{said}");
        }
    }

    #[test]
    fn an_application_that_listens_to_no_keys_may_use_any_database() {
        let said = said("", &[("queue", "redis://host/5")], "redis://other/7");
        assert_eq!(said, "all is heard");
    }
}
