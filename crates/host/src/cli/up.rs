//! `host up`: the application, from the manifest to Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use host::{App, Load, Running, Start, variables};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::redis::{Keeper, Redis};
use super::{banner, probe, progress};

#[derive(Args)]
pub(crate) struct Up {
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml", value_name = "FILE")]
    manifest: PathBuf,
    /// Which Redis stands behind which key-value store. Default: runtime-config.toml, if there is one.
    #[arg(long, value_name = "FILE")]
    runtime_config: Option<PathBuf>,
    /// Where to serve HTTP; port 0 for a free one.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The Redis to use, in place of the one that the manifest names. Default: a private one, started here.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// The folder for the private Redis's data and for compiled components.
    #[arg(long, default_value = ".spin", value_name = "FOLDER")]
    data: PathBuf,
    /// A path to ask for now and every ten seconds; a change of the answer is logged.
    #[arg(long, value_name = "PATH")]
    probe: Option<String>,
    /// An example to show, with {address} in place of the address. May be given several times.
    #[arg(long = "try", value_name = "COMMAND")]
    tries: Vec<String>,
}

impl Up {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let app = self.load()?;
        let runtime = Runtime::new().context("the runtime can't be started")?;
        let ended = runtime.block_on(self.serve(app));
        // A component that never yields must not keep the process.
        runtime.shutdown_background();
        ended
    }

    fn load(&self) -> anyhow::Result<App> {
        const RUNTIME_CONFIG: &str = "runtime-config.toml";
        let usual = PathBuf::from(RUNTIME_CONFIG);
        let bar = progress::bar();
        let load = Load {
            runtime_config: self.runtime_config.clone().or_else(|| usual.exists().then_some(usual)),
            cache: Some(self.data.join("compiled")),
            progress: Some(progress::on(&bar)),
        };
        let app = App::load(&self.manifest, load);
        bar.finish_and_clear();
        app
    }

    async fn serve(self, app: App) -> anyhow::Result<()> {
        // From here on a signal ends the application in order, whatever it is doing.
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        self.check_listen().await?;
        let redis = Redis::choose(&app, self.redis.as_deref(), &self.data).await?;
        let running = Arc::new(self.start(&app, &redis).await?);
        print!("{}", banner::text(&app.manifest().application.name, &running, &redis, &self.tries));
        let keeper = Keeper::new(redis);
        let probe = self.probe.map(|path| tokio::spawn(probe::watch(running.clone(), path)));
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        eprintln!("ending");
        if let Some(probe) = probe {
            probe.abort();
        }
        running.stop().await;
        keeper.end().await;
        Ok(())
    }

    /// Says that the address is taken before a Redis is started for nothing.
    async fn check_listen(&self) -> anyhow::Result<()> {
        match TcpListener::bind(self.listen).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                bail!("{} is taken: choose another address by --listen, or by LISTEN=… with make", self.listen)
            }
            Err(error) => Err(error).with_context(|| format!("{} can't be listened on", self.listen)),
        }
    }

    async fn start(&self, app: &App, redis: &Redis) -> anyhow::Result<Running> {
        let start = Start {
            listen: Some(self.listen),
            redis: redis.redirection()?,
            variables: variables::from_environment(&app.manifest().variables),
            ..Start::default()
        };
        app.start(start).await
    }
}
