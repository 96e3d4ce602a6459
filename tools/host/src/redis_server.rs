//! A Redis of one's own: a `redis-server` on a free loopback port that ends with its owner.
//!
//! The server ends when its guard is dropped. It also ends when the owner's process is killed outright: a shell starts
//! the server, and ends it once a pipe closes that only the owner holds open. Both run in a process group of their own,
//! so that a terminal's Ctrl-C reaches only the owner.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use redis::{AsyncConnectionConfig, RedisResult};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use crate::application::redis_address;

/// The server keeps every write, and publishes events of expired keys and of changed strings.
const SETTINGS: [&str; 10] = [
    "--bind",
    "127.0.0.1",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--save",
    "",
    "--notify-keyspace-events",
    "KEx$",
];

/// Runs `"$@"` until it ends by itself, or until standard input ends. A stopped process ends only after SIGCONT.
const GUARDED: &str = r#"
exec 3<&0
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill "$server"; kill -CONT "$server"; } 2>/dev/null &
guard=$!
wait "$server"
status=$?
kill "$guard" 2>/dev/null
exit "$status"
"#;

/// The exit status of a shell that doesn't find a program.
const NOT_FOUND: i32 = 127;
/// How many ports are tried. Another process may take a free port before the server does.
const PORTS_TRIED: usize = 5;
/// How long the server of an owner that was just killed may take to end.
const PREDECESSOR: Duration = Duration::from_secs(2);
/// How long the server may take to read its data.
const LOADING: Duration = Duration::from_secs(60);
/// How long the server may take to end when it is asked to. Then it is killed, and loses nothing by that.
const STOPPING: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(5);

/// A running `redis-server`, which ends with this guard.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: u16,
    data: PathBuf,
    /// Locked; also the server's standard output, so that the lock lives until the server is really gone.
    log: File,
    environment: Environment,
}

/// Variables of a process, with their values.
type Environment = Vec<(String, String)>;

#[derive(Debug)]
struct Process {
    shell: Child,
    /// The shell ends the server when this closes.
    alive: Option<ChildStdin>,
    server: Pid,
}

/// Why a server doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum RedisServerError {
    /// The program isn't there.
    #[error(
        "redis-server is not installed: get it by `apt install redis-server` or `brew install redis`, or name a Redis \
         by --redis redis://host:port"
    )]
    NotInstalled,
    /// Another server works on the same data.
    #[error("{} is in use by another host: stop that one, or give this one another folder by --data", .0.display())]
    InUse(PathBuf),
    /// It ended instead of serving.
    #[error("redis-server ended with {status}: read why in {}", log.display())]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
    },
    /// It runs but doesn't answer.
    #[error("redis-server has not answered for {} s: look for the reason in {}", LOADING.as_secs(), .0.display())]
    Silent(PathBuf),
    /// The folder or the process could not be made.
    #[error("redis-server can't be started on {}: {error}: choose another folder by --data", data.display())]
    Io {
        /// The folder for its data.
        data: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
}

impl RedisServer {
    /// Starts a server on what `data` holds, and waits until it answers.
    pub async fn start(data: &Path) -> Result<Self, RedisServerError> {
        Self::start_in(data, Vec::new()).await
    }

    /// The same with more in its environment.
    pub async fn start_in(data: &Path, environment: Environment) -> Result<Self, RedisServerError> {
        let failed = |error| RedisServerError::Io { data: data.to_path_buf(), error };
        // What others of this machine may not read: customers, and what stands for their cards.
        DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
        let data = data.canonicalize().map_err(failed)?;
        let log = lock(&data).await?;
        let mut tried = 0;
        loop {
            let port = free_port().map_err(failed)?;
            tried += 1;
            match Process::start(&data, &log, port, &environment).await {
                Ok(process) => return Ok(Self { process, port, data, log, environment }),
                Err(RedisServerError::Ended { .. }) if tried < PORTS_TRIED => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The address of one of its databases.
    pub fn url(&self, database: u8) -> String {
        url(self.port, database)
    }

    /// The port that it listens on, at 127.0.0.1. It stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.process.server.as_raw_nonzero().get().unsigned_abs()
    }

    /// The folder with its data and its log.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Waits until the server ends by itself.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.shell.wait().await
    }

    /// Kills the server by SIGKILL, and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        // The only error is that it has ended already.
        _ = self.process.signal(Signal::KILL);
        self.ended().await.map(|_| ())
    }

    /// Starts the server again, on the same port and data. Kills it first if it still runs.
    pub async fn restart(&mut self) -> Result<(), RedisServerError> {
        let data = self.data.clone();
        let failed = |error| RedisServerError::Io { data, error };
        self.kill().await.map_err(failed)?;
        self.process = Process::start(&self.data, &self.log, self.port, &self.environment).await?;
        Ok(())
    }

    /// Lets the server hang, by SIGSTOP: it stays connected, and answers nothing.
    pub fn pause(&mut self) -> io::Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets a hanging server go on, by SIGCONT.
    pub fn resume(&mut self) -> io::Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Ends the server gently, or by force if that takes too long. Either way what it has answered is kept.
    pub async fn stop(mut self) {
        self.process.alive = None;
        if tokio::time::timeout(STOPPING, self.ended()).await.is_err() {
            // If this fails, the guard tries once more.
            _ = self.kill().await;
        }
    }
}

/// Cuts off a torn transaction: one that Redis was killed in the middle of writing. Redis skips it when it loads the
/// file, but leaves its beginning there. At its next start Redis would carry out that beginning, together with the
/// transaction that was written after it.
async fn mend(data: &Path, log: Stdio) -> io::Result<()> {
    let manifest = data.join("appendonlydir/appendonly.aof.manifest");
    if !manifest.exists() {
        return Ok(());
    }
    // The server is its own checker, if called by that name.
    let mut checker = Command::new("redis-server")
        .arg0("redis-check-aof")
        .arg("--fix")
        .arg(manifest)
        .stdin(Stdio::piped())
        .stdout(log)
        .spawn()?;
    if let Some(mut answer) = checker.stdin.take() {
        // It asks only if there is something to mend. If it can't mend it, the server will say so at its start.
        _ = answer.write_all(b"y\n").await;
    }
    checker.wait().await.map(drop)
}

impl Process {
    async fn start(data: &Path, log: &File, port: u16, environment: &Environment) -> Result<Self, RedisServerError> {
        let failed = |error| RedisServerError::Io { data: data.to_path_buf(), error };
        let output = || log.try_clone().map(Stdio::from).map_err(failed);
        mend(data, output()?).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RedisServerError::NotInstalled,
            _ => failed(error),
        })?;
        let mut shell = Command::new("sh")
            .args(["-c", GUARDED, "sh", "redis-server"])
            .args(["--port", &port.to_string(), "--dir"])
            .arg(data)
            .args(SETTINGS)
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(output()?)
            .stderr(output()?)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let alive = shell.stdin.take();
        let answer = tokio::select! {
            biased;
            status = shell.wait() => return Err(not_serving(status.map_err(failed)?, data)),
            answer = tokio::time::timeout(LOADING, answers(port, data)) => answer,
        };
        let server = answer.map_err(|_| RedisServerError::Silent(log_file(data)))?;
        Ok(Self { shell, alive, server })
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // While the shell waits for the server, no other process can get the server's number.
        if self.shell.try_wait()?.is_some() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the server has ended"));
        }
        kill_process(self.server, signal).map_err(io::Error::from)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The only error is that it has ended already.
        _ = self.signal(Signal::KILL);
    }
}

/// Opens and locks the log. The server of an owner that was just killed gets a moment to end.
async fn lock(data: &Path) -> Result<File, RedisServerError> {
    let failed = |error| RedisServerError::Io { data: data.to_path_buf(), error };
    let log = File::options().create(true).append(true).open(log_file(data)).map_err(failed)?;
    let given_up = Instant::now() + PREDECESSOR;
    loop {
        match log.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < given_up => tokio::time::sleep(POLL).await,
            Err(TryLockError::WouldBlock) => return Err(RedisServerError::InUse(data.to_path_buf())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    log.set_len(0).map_err(failed)?;
    Ok(log)
}

fn log_file(data: &Path) -> PathBuf {
    data.join("redis.log")
}

fn url(port: u16, database: u8) -> String {
    format!("redis://127.0.0.1:{port}/{database}")
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn not_serving(status: ExitStatus, data: &Path) -> RedisServerError {
    match status.code() {
        Some(NOT_FOUND) => RedisServerError::NotInstalled,
        _ => RedisServerError::Ended { status, log: log_file(data) },
    }
}

/// Waits until the server on this data answers on this port, and returns its process.
async fn answers(port: u16, data: &Path) -> Pid {
    loop {
        match ask(port).await {
            Ok((folder, pid)) if Path::new(&folder) == data => return pid,
            // Another one took the port in the meantime, so ours is about to end.
            Ok(_) | Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// The data folder and the process of the server on a port. An error while it is starting or loading.
async fn ask(port: u16) -> RedisResult<(String, Pid)> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(LOADING));
    let client = redis_address::client(&url(port, 0))?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    // Redis refuses PING until it has read its data. It would answer the next two commands earlier.
    redis::cmd("PING").exec_async(&mut connection).await?;
    let (_, folder): (String, String) = redis::cmd("CONFIG").arg("GET").arg("dir").query_async(&mut connection).await?;
    let info: redis::InfoDict = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
    let pid = info.get("process_id").and_then(Pid::from_raw);
    Ok((folder, pid.ok_or((redis::ErrorKind::UnexpectedReturnType, "INFO names no process_id"))?))
}
