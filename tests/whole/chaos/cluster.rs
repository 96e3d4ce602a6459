//! Everything that runs: two hosts on one Redis, and who sends them orders and is told.

use std::path::{Path, PathBuf};
use std::sync::Mutex as Ledger;
use std::time::{Duration, Instant};

use host::redis_server::RedisServer;
use http::Request;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client as Redis, RedisResult};
use serde_json::Value;
use tokio::sync::Mutex;

use super::endpoints::Endpoints;
use super::host_process::{HostProcess, HostSettings};
use super::model::Posted;
use super::shop::Doors;
use crate::harness::{Client, SettableClock, json, root};

/// How both hosts are set up.
#[derive(Clone, Debug)]
pub(crate) struct SetUp {
    /// Seconds by which each host's clock is ahead.
    pub(crate) clock_skew: [i64; 2],
    /// Variables beside those for endpoints and operators.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What opens the desk.
const OPERATOR_KEY: &str = "0123456789abcdef";

/// Their names in histories.
pub(crate) const HOSTS: [&str; 2] = ["host 0", "host 1"];

pub(crate) struct Cluster {
    pub(crate) begun: Instant,
    pub(crate) redis: Mutex<RedisServer>,
    pub(crate) redis_url: String,
    /// Redis's.
    pub(crate) clock: Mutex<SettableClock>,
    /// Empty while it is dead.
    pub(crate) hosts: [Mutex<Option<HostProcess>>; 2],
    settings: [HostSettings; 2],
    pub(crate) doors: Doors,
    pub(crate) endpoints: Endpoints,
    /// What was done to it, and when.
    journal: Ledger<Vec<String>>,
    /// The orders on which a component trapped.
    pub(crate) poisoned: Ledger<Vec<Posted>>,
}

impl Cluster {
    /// Starts everything. Data and logs lie in `folder`.
    pub(crate) async fn start(folder: &Path, set_up: &SetUp, chance: &mut fastrand::Rng) -> Self {
        let clock = SettableClock::new(folder);
        let redis = RedisServer::start_in(&folder.join("redis"), clock.environment()).await.expect("a Redis");
        let endpoints = Endpoints::start(chance).await;
        let settings = [0, 1].map(|host| HostSettings {
            manifest: manifest(host),
            redis_url: redis.url(0),
            variables: variables(&endpoints, set_up),
            clock_skew: set_up.clock_skew[host],
            log: folder.join(format!("host-{host}.log")),
        });
        let cluster = Self {
            begun: Instant::now(),
            redis_url: redis.url(0),
            redis: Mutex::new(redis),
            clock: Mutex::new(clock),
            hosts: Default::default(),
            settings,
            doors: Doors::default(),
            endpoints,
            journal: Ledger::default(),
            poisoned: Ledger::default(),
        };
        for host in 0..HOSTS.len() {
            cluster.start_host(host, &mut *cluster.hosts[host].lock().await).await;
        }
        cluster
    }

    /// Starts a host where none is.
    pub(crate) async fn start_host(&self, host: usize, process: &mut Option<HostProcess>) {
        self.start_with(host, &self.settings[host], process).await;
    }

    /// The same with a list of endpoints that lacks one.
    pub(crate) async fn start_forgetful_host(&self, host: usize, lacks: usize, process: &mut Option<HostProcess>) {
        let mut settings = self.settings[host].clone();
        let (_, webhooks) =
            settings.variables.iter_mut().find(|(name, _)| name == "webhooks").expect("there are endpoints");
        let mut list: Vec<Value> = serde_json::from_str(webhooks).expect("a list");
        list.remove(lacks);
        *webhooks = Value::from(list).to_string();
        self.start_with(host, &settings, process).await;
    }

    async fn start_with(&self, host: usize, settings: &HostSettings, process: &mut Option<HostProcess>) {
        let started = process.insert(HostProcess::start(settings).await);
        self.doors.open(HOSTS[host], Client::new(started.address()));
    }

    /// Whether the hosts run different builds.
    pub(crate) fn is_mixed(&self) -> bool {
        self.settings[0].manifest != self.settings[1].manifest
    }

    /// Kills a host, if there is one. One that ended by itself breaks the run.
    pub(crate) async fn kill_host(&self, host: usize, process: &mut Option<HostProcess>) {
        self.doors.close(HOSTS[host]);
        if let Some(process) = process.take() {
            assert!(process.kill().await, "{} ended by itself; see {}", HOSTS[host], self.settings[host].log.display());
        }
    }

    /// Asks the desk of a host that is up.
    pub(crate) async fn desk(&self, method: &str, path: &str, body: Value) -> Value {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {OPERATOR_KEY}"));
        let client = self.doors.of(HOSTS[0]).expect("it is up");
        json(&client.send(request.body(body.to_string().into()).expect("a request")).await)
    }

    /// The variables that every host gets.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.settings[0].variables
    }

    /// What a host runs.
    pub(crate) fn manifest(&self, host: usize) -> &Path {
        &self.settings[host].manifest
    }

    /// A connection to a database of its Redis, if that answers soon.
    pub(crate) async fn connect(&self, database: u8) -> RedisResult<MultiplexedConnection> {
        const SOON: Option<Duration> = Some(Duration::from_secs(1));
        let url = format!("{}/{database}", self.redis_url.trim_end_matches("/0"));
        let config = AsyncConnectionConfig::new().set_connection_timeout(SOON).set_response_timeout(SOON);
        Redis::open(url)?.get_multiplexed_async_connection_with_config(&config).await
    }

    pub(crate) fn note(&self, what: &str) {
        let line = format!("{:8.3} s  {what}", self.begun.elapsed().as_secs_f64());
        self.journal.lock().expect("no panic").push(line);
    }

    /// What was done so far, a line each.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.journal.lock().expect("no panic").clone()
    }
}

/// The second host may run another build, to see that the two get along: `CHAOS_OTHER` names its spin.toml.
fn manifest(host: usize) -> PathBuf {
    let other = std::env::var_os("CHAOS_OTHER").filter(|_| host == 1);
    other.map_or_else(|| root().join("spin.toml"), PathBuf::from)
}

fn variables(endpoints: &Endpoints, set_up: &SetUp) -> Vec<(String, String)> {
    let webhooks = endpoints.webhooks();
    let common = [
        ("operator_key", OPERATOR_KEY),
        ("webhooks", &webhooks),
        ("webhook_origin", "http://127.0.0.1:*"),
        ("webhook_timeout_ms", "400"),
        ("webhook_schedule_ms", "50,100,200,400,800,1200"),
    ];
    let own = set_up.variables.iter().map(|(name, value)| (*name, value.as_str()));
    common.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
