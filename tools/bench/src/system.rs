//! Whoever is measured: Sluice on our own host, Sluice on Spin, or the native service.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::process::{Output, Process};
use crate::store::Store;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(crate) enum System {
    /// The components on our own host.
    Sluice,
    /// The components on Spin.
    Spin,
    /// The native service.
    Ceiling,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It takes orders.
    Intake,
    /// It takes them, works them off, and tells an endpoint if there is one.
    Everything,
    /// It works them off, one round trip to Redis for each. Only the native service can.
    OneByOne,
}

/// Whom it asks and tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Partners {
    /// Tells it of changes.
    pub(crate) endpoint: Option<SocketAddr>,
    /// Has it charge orders. The native service has no payments.
    pub(crate) provider: Option<SocketAddr>,
    /// Who may call it, as the variable has it; everybody if it is empty.
    pub(crate) api_keys: &'static str,
}

/// A system at work. It ends with this guard.
pub(crate) struct Running {
    process: Process,
    pub(crate) address: SocketAddr,
    /// The path that it takes orders at.
    pub(crate) orders: &'static str,
}

/// Any key of Standard Webhooks.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long it may take to serve. Spin compiles the components each time.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl System {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sluice => "Sluice",
            Self::Spin => "on Spin",
            Self::Ceiling => "ceiling",
        }
    }

    /// Starts it on a Redis. Its data and log lie in `folder`.
    pub(crate) async fn start(
        self,
        work: Work,
        store: &Store,
        partners: Partners,
        folder: &Path,
    ) -> anyhow::Result<Running> {
        let log = folder.join(format!("{}.log", self.name().replace(' ', "-")));
        let port = free_port()?;
        let command = match self {
            Self::Sluice => sluice(work, store, folder)?,
            Self::Spin => spin(work, store, folder, port)?,
            Self::Ceiling => ceiling(work, store, partners.endpoint)?,
        };
        let (process, output) = Process::start(&command, &variables(self, store, partners), &root(), &log)?;
        match self {
            Self::Spin => Running::serving(process, listens(port), self.name(), &log).await,
            Self::Sluice | Self::Ceiling => Running::printing(process, output, self.name(), &log).await,
        }
    }
}

impl Running {
    /// A process that prints where it serves.
    pub(crate) async fn printing(process: Process, output: Output, name: &str, log: &Path) -> anyhow::Result<Self> {
        Self::serving(process, printed(output), name, log).await
    }

    /// A process, once it serves where `address` says.
    async fn serving(
        process: Process,
        address: impl Future<Output = Option<SocketAddr>>,
        name: &str,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let address = timeout(PATIENCE, address).await.ok().flatten();
        let address = address.with_context(|| format!("{name} does not serve; see {}", log.display()))?;
        Ok(Self { process, address, orders: "/orders" })
    }

    /// The CPU time that it has taken so far, user and system; `None` where the system doesn't say.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.process.cpu()
    }

    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}

fn sluice(work: Work, store: &Store, folder: &Path) -> anyhow::Result<Vec<String>> {
    let host = std::env::current_exe()?.with_file_name("host");
    if !host.exists() {
        bail!("{} is missing: run `make bench`, which builds it", host.display());
    }
    let data = folder.join("host");
    let mut command = vec![shown(&host), "up".into(), "--listen".into(), "127.0.0.1:0".into()];
    command.extend(["--redis".into(), store.url(), "--data".into(), shown(&data), "--probe".into(), "/health".into()]);
    command.extend(part(work));
    Ok(command)
}

fn spin(work: Work, store: &Store, folder: &Path, port: u16) -> anyhow::Result<Vec<String>> {
    let config = folder.join("spin-runtime-config.toml");
    let url = store.store_url();
    std::fs::write(&config, format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{url}\"\n"))?;
    let mut command: Vec<String> = ["spin", "up", "--quiet", "--listen"].map(String::from).to_vec();
    command.extend([format!("127.0.0.1:{port}"), "--runtime-config-file".into(), shown(&config)]);
    command.extend(["--state-dir".into(), shown(&folder.join("spin"))]);
    command.extend(part(work));
    Ok(command)
}

fn part(work: Work) -> impl Iterator<Item = String> {
    let only = (work == Work::Intake).then_some(["--component-id", "intake"]);
    only.into_iter().flatten().map(String::from)
}

fn ceiling(work: Work, store: &Store, endpoint: Option<SocketAddr>) -> anyhow::Result<Vec<String>> {
    let work = match work {
        Work::Intake => "intake",
        Work::Everything => "everything",
        Work::OneByOne => "one-by-one",
    };
    let mut command = vec![shown(&std::env::current_exe()?), "ceiling".into(), "--work".into(), work.into()];
    command.extend(["--redis".into(), store.url(), "--store".into(), store.store_url()]);
    command.extend(endpoint.into_iter().flat_map(|endpoint| ["--endpoint".into(), format!("http://{endpoint}/")]));
    Ok(command)
}

/// The variables of the application.
fn variables(system: System, store: &Store, partners: Partners) -> Vec<(String, String)> {
    let endpoints =
        partners.endpoint.map(|at| json!({"name": "bench", "url": format!("http://{at}/"), "secret": SECRET}));
    let webhooks = serde_json::Value::from_iter(endpoints).to_string();
    let mut variables = vec![("webhooks", webhooks), ("webhook_origin", "http://127.0.0.1:*".to_owned())];
    if let Some(provider) = partners.provider {
        let origin = "http://127.0.0.1:*".to_owned();
        variables.extend([("payment_url", format!("http://{provider}")), ("payment_origin", origin)]);
    }
    if !partners.api_keys.is_empty() {
        variables.push(("api_keys", partners.api_keys.to_owned()));
    }
    // The others are told by their arguments.
    if system == System::Spin {
        let host = store.url().trim_start_matches("redis://").trim_end_matches("/0").to_owned();
        variables.extend([("redis_url", store.url()), ("redis_host", host), ("store_url", store.store_url())]);
    }
    let named = variables.into_iter().map(|(name, value)| (format!("SPIN_VARIABLE_{}", name.to_uppercase()), value));
    named.collect()
}

/// Waits for the line that says where it serves.
async fn printed(mut output: Output) -> Option<SocketAddr> {
    let address = loop {
        let line = output.next_line().await.ok()??;
        if let Some((_, address)) = line.split_once(" runs at http://") {
            break address.parse().ok()?;
        }
    };
    // Whoever prints must always find a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = output.next_line().await {} });
    Some(address)
}

/// Waits until somebody listens there.
async fn listens(port: u16) -> Option<SocketAddr> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while tokio::net::TcpStream::connect(address).await.is_err() {
        sleep(POLL).await;
    }
    Some(address)
}

/// A port that was free just now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
