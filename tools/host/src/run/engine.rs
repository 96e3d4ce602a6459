//! The wasmtime engine: it compiles components, gives their instances memory, and interrupts an instance that computes
//! for long.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

/// How many instances of all components may live at once. Each reserves 4 GiB of address space, not memory, and several
/// engines must fit into a process.
pub(crate) const INSTANCES: u32 = 1000;
/// A component is made of a few core modules: its own and the adapters that its build adds.
const CORE_INSTANCES_PER_COMPONENT: u32 = 10;
/// How much memory an instance may use, in bytes.
const MEMORY_PER_INSTANCE: usize = 1 << 30;
/// How long an instance may compute before others get a turn. After that time it also notices that it must end. Spin's
/// turn is as long.
const TURN: Duration = Duration::from_millis(10);

/// An engine. If `cache` is given, it keeps compiled components there, each under a digest of its code.
pub(crate) fn engine(cache: Option<&Path>) -> anyhow::Result<Engine> {
    // Each time wasmtime resumes a component it makes an error and drops it. Under RUST_BACKTRACE=1 each would walk the
    // stack.
    wasmtime::error::disable_backtrace();
    let mut config = Config::new();
    config.wasm_component_model_async(true).epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    if let Some(directory) = cache {
        let directory = std::path::absolute(directory)?;
        let mut settings = CacheConfig::new();
        settings.with_directory(&directory);
        let cache = Cache::new(settings).map_err(|error| {
            let directory = directory.display();
            anyhow!("compiled components can't be kept in {directory}: {error:#}: choose another folder by --data")
        })?;
        config.cache(Some(cache));
    }
    let engine = Engine::new(&config).map_err(|error| {
        anyhow!("wasmtime can't start: {error:#}: raise the limit of address space, which `ulimit -v` shows")
    })?;
    tick(&engine)
        .map_err(|error| anyhow!("no thread can be started: {error}: raise the limit that `ulimit -u` shows"))?;
    Ok(engine)
}

/// Lets the instance in `store` pause after each [`TURN`]. So a component that never returns can't block others, and
/// can be dropped.
pub(crate) fn take_turns<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}

/// Ends each turn, for as long as the engine exists. This runs in a thread of its own, because busy components may hold
/// all others.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticking = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TURN);
        }
    };
    std::thread::Builder::new().name("turns".to_owned()).spawn(ticking).map(|_| ())
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
