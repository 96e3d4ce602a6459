//! An application on disk, read and compiled once and started as often as needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::application::file_fault::FileFault;
use crate::application::manifest::{self, Manifest};
use crate::application::redis_override::redis_variables;
use crate::application::runtime_config::RuntimeConfig;
use crate::imports::add_to_linker;
use crate::run::bindings::RedisSubscriberPre;
use crate::run::engine::engine;
use crate::run::instance::InstanceState;

/// A checked manifest and its compiled components.
#[derive(Clone)]
pub struct CompiledApplication(Arc<Loaded>);

pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    pub(crate) runtime_config: RuntimeConfig,
    pub(crate) engine: Engine,
    pub(crate) components: BTreeMap<String, CompiledComponent>,
}

/// A component, ready to be instantiated for whatever it exports.
#[derive(Clone)]
pub(crate) struct CompiledComponent {
    pub(crate) http: Option<ServicePre<InstanceState>>,
    pub(crate) redis: Option<RedisSubscriberPre<InstanceState>>,
}

/// How to load an application.
#[derive(Default)]
pub struct LoadOptions {
    /// `runtime-config.toml`, if there is one.
    pub runtime_config: Option<PathBuf>,
    /// A folder that keeps compiled components, so that they are compiled only once.
    pub cache: Option<PathBuf>,
    /// Called before each component is compiled.
    pub progress: Option<OnProgress>,
}

/// Is called at each step of loading.
pub type OnProgress = Box<dyn Fn(Progress<'_>) + Send>;

/// A component is about to be compiled.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Its name.
    pub component: &'a str,
    /// How many came before it.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

impl CompiledApplication {
    /// Reads a manifest and compiles its components. Without a cache this keeps all processors busy for seconds.
    ///
    /// An error names the file and the key at fault, or the component that isn't built or can't run on this host.
    pub fn load(manifest: &Path, load: LoadOptions) -> anyhow::Result<Self> {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let parsed = Manifest::read(manifest)?;
        let runtime_config = match &load.runtime_config {
            Some(file) => RuntimeConfig::read(file)?,
            None => RuntimeConfig::default(),
        };
        check_stores(manifest, &parsed, &load, &runtime_config)?;
        let engine = engine(load.cache.as_deref())?;
        let components = compile(&engine, folder, &parsed, load.progress.as_ref())?;
        check_exports(&parsed, &components)?;
        Ok(Self(Arc::new(Loaded { manifest: parsed, runtime_config, engine, components })))
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The runtime configuration.
    pub fn runtime_config(&self) -> &RuntimeConfig {
        &self.0.runtime_config
    }

    /// The variables whose default is the address of a Redis.
    pub fn redis_variables(&self) -> impl Iterator<Item = &str> {
        redis_variables(&self.0.manifest.variables)
    }

    /// Whether a variable or a store of the application is on Redis.
    pub fn needs_redis(&self) -> bool {
        let lists_store = |component: &manifest::ComponentTable| !component.key_value_stores.is_empty();
        self.redis_variables().next().is_some() || self.0.manifest.component.values().any(lists_store)
    }

    pub(crate) fn loaded(&self) -> &Loaded {
        &self.0
    }
}

/// Every store that a component lists must be configured.
fn check_stores(file: &Path, manifest: &Manifest, load: &LoadOptions, config: &RuntimeConfig) -> Result<(), FileFault> {
    for (name, component) in &manifest.component {
        for label in &component.key_value_stores {
            let label = label.get_ref();
            if !config.stores.contains_key(label) {
                let place = load.runtime_config.as_deref().unwrap_or(Path::new("a runtime-config.toml")).display();
                let message = format!(
                    "the key-value store `{label}` of the component `{name}` is not configured: add \
                     [key_value_store.{label}] with type = \"redis\" and a url to {place}"
                );
                return Err(FileFault { file: file.to_path_buf(), line: None, message });
            }
        }
    }
    Ok(())
}

/// Compiles each source once, however many components are made of it.
fn compile(
    engine: &Engine,
    folder: &Path,
    manifest: &Manifest,
    progress: Option<&OnProgress>,
) -> anyhow::Result<BTreeMap<String, CompiledComponent>> {
    let mut linker = Linker::new(engine);
    add_to_linker(&mut linker)?;
    let total = manifest.component.values().map(|component| component.source.get_ref()).collect::<BTreeSet<_>>().len();
    let mut by_source: BTreeMap<&str, CompiledComponent> = BTreeMap::new();
    let mut components = BTreeMap::new();
    for (name, component) in &manifest.component {
        let source = component.source.get_ref().as_str();
        if !by_source.contains_key(source) {
            if let Some(progress) = progress {
                progress(Progress { component: name, done: by_source.len(), total });
            }
            by_source.insert(source, compile_one(engine, &linker, name, &folder.join(source))?);
        }
        components.insert(name.clone(), by_source[source].clone());
    }
    Ok(components)
}

fn compile_one(
    engine: &Engine,
    linker: &Linker<InstanceState>,
    name: &str,
    file: &Path,
) -> anyhow::Result<CompiledComponent> {
    if !file.exists() {
        let file = file.display();
        return Err(anyhow!("the component `{name}` is not built, {file} is missing: run `host build` first"));
    }
    let component = Component::from_file(engine, file).map_err(|error| {
        anyhow!("the component `{name}` can't be compiled from {}: {error:#}: build it again", file.display())
    })?;
    let pre = linker.instantiate_pre(&component).map_err(|error| {
        anyhow!("the component `{name}` can't run on this host: {error:#}: build it without that import")
    })?;
    Ok(CompiledComponent { http: ServicePre::new(pre.clone()).ok(), redis: RedisSubscriberPre::new(pre).ok() })
}

/// Every component must export what its triggers call.
fn check_exports(manifest: &Manifest, components: &BTreeMap<String, CompiledComponent>) -> anyhow::Result<()> {
    for trigger in &manifest.trigger.http {
        let name = trigger.component.get_ref();
        if components[name].http.is_none() {
            return Err(anyhow!(
                "the component `{name}` has an HTTP trigger but does not export `wasi:http/handler@0.3.0`: give it an \
                 #[http_service] of spin-sdk 7"
            ));
        }
    }
    for trigger in &manifest.trigger.redis {
        let name = trigger.component.get_ref();
        if components[name].redis.is_none() {
            return Err(anyhow!(
                "the component `{name}` has a Redis trigger but does not export `spin:redis/inbound-redis@3.0.0`: give \
                 it a #[redis_subscriber] of spin-sdk 7"
            ));
        }
    }
    Ok(())
}
