//! `spin.toml`, version 2: what the application is made of.
//!
//! Reading is strict. A key that this host doesn't know is refused, and a reference to something that isn't there is a
//! fault, so that a misspelt key never means a silent default.

mod check;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::application::file_fault::{FileFault, Source};
use crate::application::template::Template;

/// An application, as its manifest describes it. Every reference in it is valid.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub(crate) spin_manifest_version: Spanned<i64>,
    /// `[application]`
    pub application: ApplicationTable,
    /// `[variables]`
    #[serde(default)]
    pub variables: BTreeMap<String, VariableDeclaration>,
    /// `[[trigger.http]]` and `[[trigger.redis]]`
    #[serde(default)]
    pub trigger: Triggers,
    /// `[component.<name>]`
    #[serde(default)]
    pub component: BTreeMap<String, ComponentTable>,
}

/// `[application]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationTable {
    /// The application's name.
    pub name: String,
    /// Its version, as a person gave it.
    #[serde(default)]
    pub version: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Who wrote it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// `[application.trigger.redis]`
    #[serde(default)]
    pub trigger: TriggerDefaults,
    /// Settings of other tools, which Spin ignores too.
    #[serde(default, rename = "tool")]
    pub(crate) _tool: toml::Table,
}

/// `[application.trigger]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerDefaults {
    /// `[application.trigger.redis]`
    #[serde(default)]
    pub redis: RedisTriggerDefaults,
}

/// `[application.trigger.redis]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisTriggerDefaults {
    /// The address for Redis triggers that have no address of their own. A template.
    pub address: Option<Spanned<String>>,
}

/// One of `[variables]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableDeclaration {
    /// The value, unless one is given from outside.
    pub default: Option<String>,
    /// Whether a value has to come from outside.
    #[serde(default)]
    pub required: bool,
    /// Whether the value must never be shown.
    #[serde(default)]
    pub secret: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// `[[trigger.http]]` and `[[trigger.redis]]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triggers {
    /// Requests to routes.
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
    /// Messages on channels.
    #[serde(default)]
    pub redis: Vec<RedisTrigger>,
}

/// `[[trigger.http]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    /// A name for the trigger, which nothing uses.
    pub id: Option<String>,
    /// The paths that it answers.
    pub route: Spanned<HttpRoute>,
    /// The component that answers.
    pub component: Spanned<String>,
}

/// `route = "/path"`, or `route = { private = true }`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this is not a route: write a path like \"/items/...\", or { private = true }")]
pub enum HttpRoute {
    /// `/exact`, `/prefix/...`, with `:name` for one segment.
    Public(String),
    /// Only other components can call it, at `http://<component>.spin.internal`.
    Private {
        /// Always true.
        private: bool,
    },
}

/// `[[trigger.redis]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisTrigger {
    /// A name for the trigger, which nothing uses.
    pub id: Option<String>,
    /// The server to listen to, if it isn't the application's default. A template.
    pub address: Option<Spanned<String>>,
    /// The channel. A template.
    pub channel: Spanned<String>,
    /// The component that is woken.
    pub component: Spanned<String>,
}

/// `[component.<name>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentTable {
    /// The file with the compiled component, relative to the manifest.
    pub source: Spanned<String>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Where it may connect to. Templates.
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<Spanned<String>>,
    /// The labels of the key-value stores that it may open.
    #[serde(default)]
    pub key_value_stores: Vec<Spanned<String>>,
    /// The variables that it sees. Templates.
    #[serde(default)]
    pub variables: BTreeMap<String, Spanned<String>>,
    /// Its environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Files to mount, which this host refuses.
    pub(crate) files: Option<Spanned<toml::Value>>,
    /// How to build it.
    pub build: Option<Build>,
    /// Settings of other tools, which Spin ignores too.
    #[serde(default, rename = "tool")]
    pub(crate) _tool: toml::Table,
}

/// `[component.<name>.build]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// What to run, one after another.
    pub command: Commands,
    /// Where to run it, relative to the manifest.
    pub workdir: Option<String>,
    /// The files to watch for changes. Only Spin watches them.
    #[serde(default)]
    pub watch: Vec<String>,
}

/// `command = "one"`, or `command = ["one", "after another"]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this is not a build command: write a text or a list of texts")]
pub enum Commands {
    /// One command.
    One(String),
    /// Several, one after another.
    Several(Vec<String>),
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn read(file: &Path) -> Result<Self, FileFault> {
        let text = std::fs::read_to_string(file).map_err(|error| FileFault {
            file: file.to_path_buf(),
            line: None,
            message: format!("the file can't be read: {error}: name the manifest by --manifest"),
        })?;
        Self::parse(file, &text)
    }

    /// Checks a manifest's text. `file` isn't read: faults name it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileFault> {
        let source = Source { file, text };
        let manifest: Self = toml::from_str(text).map_err(|error| source.fault_in_toml(&error))?;
        check::check(&manifest, &source)?;
        Ok(manifest)
    }

    /// Checks that the application has a component of this name.
    pub fn check_component(&self, name: &str) -> Result<(), NotAComponent> {
        if self.component.contains_key(name) {
            return Ok(());
        }
        Err(NotAComponent { name: name.to_owned(), known: self.component.keys().cloned().collect() })
    }
}

/// A name that no component has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a component: {}", advice(.name, .known))]
pub struct NotAComponent {
    name: String,
    known: Vec<String>,
}

fn advice(name: &str, known: &[String]) -> String {
    match known {
        [] => format!("add [component.{name}] to the manifest, which has no components"),
        [only] => format!("write {only}"),
        [others @ .., last] => format!("write {} or {last}", others.join(", ")),
    }
}

impl HttpTrigger {
    /// The route's pattern, unless the trigger is private.
    pub fn pattern(&self) -> Option<&str> {
        match self.route.get_ref() {
            HttpRoute::Public(pattern) => Some(pattern),
            HttpRoute::Private { .. } => None,
        }
    }
}

impl RedisTrigger {
    /// The address that it listens to, its own or the application's default.
    pub fn address<'m>(&'m self, application: &'m ApplicationTable) -> Option<&'m Spanned<String>> {
        self.address.as_ref().or(application.trigger.redis.address.as_ref())
    }
}

impl Build {
    /// The commands, one after another.
    pub fn commands(&self) -> &[String] {
        match &self.command {
            Commands::One(command) => std::slice::from_ref(command),
            Commands::Several(commands) => commands,
        }
    }
}

/// Parses a template of a manifest whose check was passed.
pub(crate) fn template(text: &Spanned<String>) -> Template {
    Template::parse(text.get_ref()).expect("the manifest was checked when it was read")
}
