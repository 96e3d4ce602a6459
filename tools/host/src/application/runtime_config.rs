//! `runtime-config.toml`: the Redis of each key-value store.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::application::file_fault::{FileFault, Source};
use crate::application::redis_address::{self, NotRedis};

/// An example for a store's address.
const URL: &str = "redis://host:6379/1";

/// The runtime configuration. By default it has no stores.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// The address of each store's Redis, by label.
    pub stores: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key_value_store: BTreeMap<String, Store>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    #[serde(rename = "type")]
    kind: Spanned<String>,
    url: Option<Spanned<String>>,
}

impl RuntimeConfig {
    /// Reads and checks a configuration.
    pub fn read(file: &Path) -> Result<Self, FileFault> {
        let text = std::fs::read_to_string(file).map_err(|error| FileFault {
            file: file.to_path_buf(),
            line: None,
            message: format!("the file can't be read: {error}: name the file by --runtime-config"),
        })?;
        Self::parse(file, &text)
    }

    /// Checks a configuration's text. `file` isn't read: faults name it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileFault> {
        let source = Source { file, text };
        let parsed: File = toml::from_str(text).map_err(|error| source.fault_in_toml(&error))?;
        let stores = parsed.key_value_store.into_iter().map(|(label, store)| {
            let url = store_url(&source, &label, store)?;
            Ok((label, url))
        });
        Ok(Self { stores: stores.collect::<Result<_, _>>()? })
    }
}

fn store_url(source: &Source<'_>, label: &str, store: Store) -> Result<String, FileFault> {
    if store.kind.get_ref() != "redis" {
        let message = format!(
            "`type` of the store `{label}` is {:?}: write \"redis\", the only one that this host has",
            store.kind.get_ref()
        );
        return Err(source.fault(store.kind.span(), message));
    }
    let Some(url) = store.url else {
        return Err(source.fault(store.kind.span(), format!("the store `{label}` has no `url`: add one like {URL}")));
    };
    match redis_address::database(url.get_ref()) {
        Ok(_) => Ok(url.into_inner()),
        Err(NotRedis::Other) => {
            let message = format!("`url` of the store `{label}` is not the address of a Redis: write it like {URL}");
            Err(source.fault(url.span(), message))
        }
        Err(fault) => Err(source.fault(url.span(), format!("`url` of the store `{label}`: {fault}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuntimeConfig, FileFault> {
        RuntimeConfig::parse(Path::new("runtime-config.toml"), text)
    }

    #[test]
    fn stores_are_read_by_label() {
        let text = "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:6379/1\"\n";
        let config = parse(text).expect("a good configuration");
        assert_eq!(config.stores["default"], "redis://127.0.0.1:6379/1");
        assert!(parse("").expect("an empty one").stores.is_empty());
    }

    #[test]
    fn a_fault_names_file_line_and_key() {
        for (text, expected) in [
            ("[key_value_store.a]\ntype = \"spin\"", "line 2: `type` of the store `a` is \"spin\""),
            ("[key_value_store.a]\ntype = \"redis\"", "line 2: the store `a` has no `url`"),
            ("[key_value_store.a]\ntype = \"redis\"\nurl = \"http://x\"", "line 3: `url` of the store `a`"),
            (
                "[key_value_store.a]\ntype = \"redis\"\nurl = \"rediss://x/1\"",
                "line 3: `url` of the store `a`: rediss:// asks for TLS",
            ),
            ("[key_value_store.a]\ntype = \"redis\"\nuri = \"redis://x\"", "unknown field `uri`"),
            ("[sqlite_database.a]\ntype = \"spin\"", "unknown field `sqlite_database`"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with("runtime-config.toml") && error.contains(expected), "{text}: {error}");
        }
    }
}
