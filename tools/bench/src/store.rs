//! The Redis that all are measured on: private, append-only, fsync always, as Sluice wants it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use host::redis_server::RedisServer;
use queue::native::{Native, scripts};
use queue::{Namespace, Queue};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, InfoDict};
use tempfile::TempDir;

use crate::native::{TIMING, namespace};

/// A server of its own, which ends with this guard, its data too.
pub(crate) struct Store {
    server: RedisServer,
    control: MultiplexedConnection,
    native: Native,
    namespace: Namespace,
    _data: TempDir,
}

/// What the server has used since it began, and what it holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time of the thread that runs commands, user and system: reading, scripts, append-only file and fsync.
    pub(crate) cpu: Duration,
    /// Time spent in scripts.
    pub(crate) scripts: Duration,
    /// Calls of scripts.
    pub(crate) calls: u64,
    /// Bytes allocated.
    pub(crate) memory: u64,
}

impl Store {
    /// Starts one whose data lies below `folder`.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        let data = TempDir::with_prefix_in("redis-", folder)?;
        let server = RedisServer::start(data.path()).await?;
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let control = Client::open(server.url(0))?.get_multiplexed_async_connection_with_config(&config).await?;
        let native = Native::connect(&server.url(0)).await?;
        let mut store = Self { server, control, native, namespace: namespace()?, _data: data };
        // A rewrite would begin in the middle of one measurement and not of the other.
        store.set("auto-aof-rewrite-percentage", "0").await?;
        store.load_scripts().await?;
        Ok(store)
    }

    /// Where database 0 is.
    pub(crate) fn url(&self) -> String {
        self.server.url(0)
    }

    /// Where the key-value store's database is.
    pub(crate) fn store_url(&self) -> String {
        self.server.url(1)
    }

    /// One of the queues.
    pub(crate) fn queue(&self, name: &str) -> Queue<'_, Native> {
        Queue::new(&self.native, &self.namespace, name, TIMING)
    }

    /// Orders that are accepted and not settled.
    pub(crate) async fn depth(&self) -> anyhow::Result<u64> {
        let stats = self.queue(order::queues::PLACED).stats().await?;
        anyhow::ensure!(stats.dead == 0, "{} orders became dead letters", stats.dead);
        Ok(stats.visible + stats.invisible)
    }

    /// Keys of the store's database: one for each order that was decided.
    pub(crate) async fn records(&self) -> anyhow::Result<u64> {
        let info: InfoDict = redis::cmd("INFO").arg("keyspace").query_async(&mut self.control.clone()).await?;
        // `db1:keys=17,expires=0,…`, and no line where there are none.
        let Some(line) = info.get::<String>("db1") else { return Ok(0) };
        let keys = line.strip_prefix("keys=").and_then(|line| line.split(',').next()?.parse().ok());
        keys.with_context(|| format!("INFO tells the keys of a database in an unknown way: {line}"))
    }

    /// Forgets all data.
    pub(crate) async fn clear(&mut self) -> anyhow::Result<()> {
        redis::cmd("FLUSHALL").exec_async(&mut self.control).await?;
        Ok(())
    }

    /// Whether what was answered is on disk. Only filling a backlog goes without.
    pub(crate) async fn durable(&mut self, durable: bool) -> anyhow::Result<()> {
        self.set("appendfsync", if durable { "always" } else { "no" }).await
    }

    /// Waits until all that was written is on disk: it would be by the next write, which may be measured.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        redis::cmd("SET").arg("bench:flushed").arg(1).exec_async(&mut self.control).await?;
        Ok(())
    }

    /// What it has used so far.
    pub(crate) async fn usage(&mut self) -> anyhow::Result<Usage> {
        let info: InfoDict =
            redis::cmd("INFO").arg(&["cpu", "memory", "commandstats"]).query_async(&mut self.control).await?;
        let number = |name: &str| info.get::<f64>(name).with_context(|| format!("INFO has no {name}"));
        let script: String = info.get("cmdstat_evalsha").unwrap_or_default();
        let field = |name: &str| {
            let value =
                script.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
            value.unwrap_or(0)
        };
        let cpu = number("used_cpu_user_main_thread")? + number("used_cpu_sys_main_thread")?;
        Ok(Usage {
            cpu: Duration::from_secs_f64(cpu),
            scripts: Duration::from_micros(field("usec")),
            calls: field("calls"),
            memory: number("used_memory")? as u64,
        })
    }

    /// The server's version.
    pub(crate) async fn version(&mut self) -> anyhow::Result<String> {
        let info: InfoDict = redis::cmd("INFO").arg("server").query_async(&mut self.control).await?;
        info.get("redis_version").context("INFO names no version")
    }

    /// Has it know every script, so that nobody pays for sending one in full.
    async fn load_scripts(&mut self) -> anyhow::Result<()> {
        for script in scripts() {
            redis::cmd("SCRIPT").arg("LOAD").arg(script.text).exec_async(&mut self.control).await?;
        }
        Ok(())
    }

    async fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec_async(&mut self.control).await?;
        Ok(())
    }
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            scripts: self.scripts.saturating_sub(before.scripts),
            calls: self.calls.saturating_sub(before.calls),
            memory: self.memory.saturating_sub(before.memory),
        }
    }
}
