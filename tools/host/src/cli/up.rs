//! `host up`: runs an application until Ctrl-C.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use host::{Calls, CompiledApplication, LoadOptions, RunningApplication, StartOptions, Triggers, variables};
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use super::clients::Clients;
use super::faults::{Faults, check_components};
use super::redis::{Keeper, Redis};
use super::{banner, probe, progress, values};

/// How many turns a thread gives to tasks before it looks for signals, timers and connections. Components that only
/// compute take long turns; at tokio's own 61 a Ctrl-C could wait for most of a second.
const EVENT_INTERVAL: u32 = 7;

#[derive(Args)]
pub(crate) struct Up {
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml", value_name = "FILE")]
    manifest: PathBuf,
    /// The file that names a Redis for each key-value store. Default: runtime-config.toml, if that exists.
    #[arg(long, value_name = "FILE")]
    runtime_config: Option<PathBuf>,
    /// The address to serve HTTP at; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS", value_parser = values::address)]
    listen: SocketAddr,
    /// The Redis to use, in place of the one that the manifest names. Default: a private one, started here.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// The folder for the private Redis's data and for compiled components.
    #[arg(long, default_value = ".spin", value_name = "FOLDER")]
    data: PathBuf,
    /// Request this path now and every ten seconds, and log each change of the answer.
    #[arg(long, value_name = "PATH", value_parser = values::path)]
    probe: Option<PathAndQuery>,
    /// How long work in hand may take after Ctrl-C or SIGTERM. A second signal ends it at once.
    #[arg(long, default_value = "25", value_name = "SECONDS", value_parser = values::grace)]
    grace: Duration,
    /// Run only this component's triggers, as `spin up` does. May be given several times.
    #[arg(long = "component-id", value_name = "NAME")]
    component_ids: Vec<String>,
    /// A variable that lists who may call the application, or holds the key of one of them. While all of these are
    /// empty, say that whoever reaches the address may do everything. May be given several times.
    #[arg(long = "keys-in", value_name = "VARIABLE")]
    keys_in: Vec<String>,
    /// An example to show, with {address} in place of the address. May be given several times.
    #[arg(long = "try", value_name = "COMMAND")]
    tries: Vec<String>,
    #[command(flatten)]
    clients: Clients,
    #[command(flatten)]
    pub(crate) faults: Faults,
}

impl Up {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let app = self.load()?;
        let calls = self.faults.plan(&app)?;
        self.run_until_asked_to_end(app, calls)
    }

    /// Runs the application until a signal. `calls`, if given, rule what its components do.
    pub(crate) fn run_until_asked_to_end(
        self,
        app: CompiledApplication,
        calls: Option<Arc<dyn Calls>>,
    ) -> anyhow::Result<()> {
        let runtime = Builder::new_multi_thread().enable_all().event_interval(EVENT_INTERVAL).build();
        let runtime = runtime
            .map_err(|error| anyhow!("no thread can be started: {error}: raise the limit that `ulimit -u` shows"))?;
        let ended = runtime.block_on(self.serve(app, calls));
        // A DNS look-up that is under way must not keep the process from ending.
        runtime.shutdown_background();
        ended
    }

    pub(crate) fn load(&self) -> anyhow::Result<CompiledApplication> {
        const RUNTIME_CONFIG: &str = "runtime-config.toml";
        let usual = PathBuf::from(RUNTIME_CONFIG);
        let bar = progress::bar();
        let load = LoadOptions {
            runtime_config: self.runtime_config.clone().or_else(|| usual.exists().then_some(usual)),
            cache: Some(self.data.join("compiled")),
            progress: Some(progress::on(&bar)),
        };
        let app = CompiledApplication::load(&self.manifest, load);
        bar.finish_and_clear();
        app
    }

    async fn serve(self, app: CompiledApplication, calls: Option<Arc<dyn Calls>>) -> anyhow::Result<()> {
        // From here on a signal ends the application gently at any time.
        let mut signals =
            Signals::receive().map_err(|error| anyhow!("signals can't be received: {error}: start again"))?;
        let grace = self.grace;
        let started = tokio::select! {
            started = self.start(&app, calls) => started?,
            () = signals.next() => return Ok(()),
        };
        signals.next().await;
        eprintln!("ending: work in hand has {} s; a second signal ends it at once", grace.as_secs());
        started.end(grace, signals.next()).await;
        Ok(())
    }

    async fn start(&self, app: &CompiledApplication, calls: Option<Arc<dyn Calls>>) -> anyhow::Result<Started> {
        let clients = self.clients.bounds()?;
        self.check_listen().await?;
        for complaint in variables::unknown_in_environment(&app.manifest().variables) {
            tracing::warn!("{complaint}");
        }
        let redis = Redis::choose(app, self.redis.as_deref(), &self.data).await?;
        let start = StartOptions {
            listen: Some(self.listen),
            redis: redis.redirection()?,
            variables: variables::from_environment(&app.manifest().variables),
            calls,
            clock: self.faults.clock(),
            triggers: self.triggers(app)?,
            clients,
            ..StartOptions::default()
        };
        app.check_redis(&start)?;
        let running = Arc::new(app.start(start).await?);
        let banner = banner::text(&app.manifest().application.name, &running, &redis, &self.tries);
        let banner = [banner, self.open_door(app)].concat();
        // The reader may be gone.
        _ = std::io::stdout().write_all(banner.as_bytes());
        let probe = self.probe.clone().map(|path| tokio::spawn(probe::watch(running.clone(), path)));
        Ok(Started { running, keeper: Keeper::new(redis), probe })
    }

    /// What is to be said of an application that asks nobody for a key.
    fn open_door(&self, app: &CompiledApplication) -> String {
        let declared = &app.manifest().variables;
        let given = variables::from_environment(declared);
        // Its own default is what the application takes for none; another kind of nothing may be a fault to it.
        let is_empty = |name: &String| {
            let default = declared.get(name).and_then(|declared| declared.default.as_ref());
            given.get(name).is_none_or(|given| default.is_some_and(|default| given.trim() == default))
        };
        match self.keys_in.iter().all(is_empty) && !self.keys_in.is_empty() {
            true => banner::open_door(self.listen, &self.keys_in),
            false => String::new(),
        }
    }

    fn triggers(&self, app: &CompiledApplication) -> anyhow::Result<Triggers> {
        check_components(app, "--component-id", &self.component_ids)?;
        Ok(match self.component_ids.is_empty() {
            true => Triggers::All,
            false => Triggers::Only(self.component_ids.iter().cloned().collect()),
        })
    }

    /// Checks the address first, so that no Redis is started in vain.
    async fn check_listen(&self) -> anyhow::Result<()> {
        match TcpListener::bind(self.listen).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                bail!("{} is taken: choose another address by --listen, or by LISTEN=… with make", self.listen)
            }
            Err(error) => {
                bail!("{} can't be listened on: {error}: choose an address of this machine by --listen", self.listen)
            }
        }
    }
}

/// What a signal must end.
struct Started {
    running: Arc<RunningApplication>,
    keeper: Keeper,
    probe: Option<JoinHandle<()>>,
}

impl Started {
    /// Ends the application first, because it needs its Redis until then: gently, or `at_once`.
    async fn end(self, grace: Duration, at_once: impl Future<Output = ()>) {
        if let Some(probe) = self.probe {
            probe.abort();
        }
        tokio::select! {
            () = self.running.stop_within(grace) => {}
            () = at_once => {
                self.running.kill();
                self.running.closed().await;
            }
        }
        self.keeper.end().await;
    }
}

/// Ctrl-C and SIGTERM, from the moment they are received.
struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    fn receive() -> std::io::Result<Self> {
        Ok(Self { interrupted: signal(SignalKind::interrupt())?, terminated: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
