//! The wasmtime engine: how components are compiled and where their instances live.

use std::path::Path;

use anyhow::Context;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How many instances of all components may live at once. Each reserves 4 GiB of address space, not memory, and several
/// engines must fit into a process.
pub(crate) const INSTANCES: u32 = 1000;
/// A component is made of a few core modules: its own and the adapters that its build adds.
const CORE_INSTANCES_PER_COMPONENT: u32 = 10;
/// How much memory an instance may use, in bytes.
const MEMORY_PER_INSTANCE: usize = 1 << 30;

/// An engine that keeps what it compiles in `cache`, if one is given, under the code's content.
pub(crate) fn engine(cache: Option<&Path>) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    if let Some(directory) = cache {
        let directory = std::path::absolute(directory)?;
        let mut settings = CacheConfig::new();
        settings.with_directory(&directory);
        let cache = Cache::new(settings)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("the cache of compiled components at {} can't be used", directory.display()))?;
        config.cache(Some(cache));
    }
    Engine::new(&config).map_err(anyhow::Error::from).context("wasmtime can't start here")
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .total_core_instances(INSTANCES * CORE_INSTANCES_PER_COMPONENT)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * CORE_INSTANCES_PER_COMPONENT)
        .total_stacks(INSTANCES * 2)
        .max_memory_size(MEMORY_PER_INSTANCE);
    pool
}
