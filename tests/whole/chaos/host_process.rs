//! `host up` as a process of its own, which can be killed outright.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::harness::{root, within};

/// Runs `"$@"` until standard input ends, then kills it by SIGKILL. So it dies with the test, however that dies.
const GUARDED: &str = r#"
"$@" &
host=$!
exec >&-
read -r _
kill -KILL "$host"
wait "$host" 2>/dev/null
"#;

/// A running `host up`. It is killed when this is dropped.
pub(crate) struct HostProcess {
    shell: Child,
    /// The shell kills the host when this closes.
    alive: Option<ChildStdin>,
    address: SocketAddr,
    /// Ends when the host does.
    printing: JoinHandle<()>,
}

/// How to start one.
#[derive(Clone)]
pub(crate) struct HostSettings {
    pub(crate) manifest: PathBuf,
    pub(crate) redis_url: String,
    pub(crate) variables: Vec<(String, String)>,
    /// By how many seconds its components' clock is ahead.
    pub(crate) clock_skew: i64,
    /// Where its log goes, after what is there already.
    pub(crate) log: PathBuf,
}

impl HostProcess {
    /// Starts one on a free port, and waits until it serves.
    pub(crate) async fn start(settings: &HostSettings) -> Self {
        let mut shell = command(settings).spawn().expect("sh is there");
        let alive = shell.stdin.take();
        let mut lines = BufReader::new(shell.stdout.take().expect("it is piped")).lines();
        let address = within("host up to serve", address(&mut lines)).await;
        let address = address.unwrap_or_else(|| panic!("host up ended at once; see {}", settings.log.display()));
        let printing = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { shell, alive, address, printing }
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it by SIGKILL, and waits until it is gone. Says whether it was still there to be killed.
    pub(crate) async fn kill(mut self) -> bool {
        let was_alive = !self.printing.is_finished();
        self.alive = None;
        self.shell.wait().await.expect("the shell is ours to wait for");
        was_alive
    }
}

fn command(settings: &HostSettings) -> Command {
    let log = File::options().create(true).append(true).open(&settings.log).expect("the log's folder is there");
    let mut command = Command::new("sh");
    command.args(["-c", GUARDED, "sh"]).arg(program()).args(["up", "--listen", "127.0.0.1:0", "--probe", "/health"]);
    command.args(["--redis", &settings.redis_url, "--manifest"]).arg(&settings.manifest);
    command.args(["--clock-skew", &settings.clock_skew.to_string()]);
    // Next to the tests' own compiled components, so that each is compiled once.
    command.args(["--data", env!("CARGO_TARGET_TMPDIR")]).current_dir(root());
    let variables = settings.variables.iter();
    command.envs(variables.map(|(name, value)| (format!("SPIN_VARIABLE_{}", name.to_uppercase()), value)));
    // In a group of its own a terminal's Ctrl-C reaches the test first, and by its death the shell.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
    command
}

/// The binary lies beside the folder of the test's own.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let target = test.parent().and_then(Path::parent).expect("the test lies in target/<profile>/deps");
    let program = target.join("host");
    assert!(program.exists(), "{} is missing: run `make build` first", program.display());
    program
}

async fn address(lines: &mut tokio::io::Lines<BufReader<ChildStdout>>) -> Option<SocketAddr> {
    loop {
        let line = lines.next_line().await.ok()??;
        if let Some((_, address)) = line.split_once(" runs at http://") {
            return address.parse().ok();
        }
    }
}
