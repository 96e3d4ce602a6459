//! The program `host`, run as a process.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::{Folder, PATIENCE, connect};

/// A running application and what it prints. It ends with this guard.
pub(crate) struct Process {
    pub(crate) process: Child,
    pub(crate) printed: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(folder: &Folder, how: &str, arguments: &[&str]) -> Self {
        let mut process = command(folder, how).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, printed }
    }

    /// The next line that it prints with this text in it.
    pub(crate) async fn line(&mut self, text: &str) -> String {
        let reading = async {
            while let Some(line) = self.printed.next_line().await.unwrap() {
                if line.contains(text) {
                    return line;
                }
            }
            panic!("it ended without printing {text}");
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("it never printed {text}"))
    }

    /// The address of its private Redis, once it says so.
    pub(crate) async fn redis(&mut self) -> String {
        let line = self.line("private, at ").await;
        line.split_whitespace().find(|word| word.starts_with("redis://")).unwrap().trim_end_matches(",").to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

/// `host up` or `host trace` on a manifest, on a free port.
pub(crate) fn command(folder: &Folder, how: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.current_dir(folder.path()).args([how, "--listen", "127.0.0.1:0"]).kill_on_drop(true);
    command
}

/// A command line as a person types it in a folder, with `host` on the path.
pub(crate) fn shell(folder: &Folder, line: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_host")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&path))).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder.path()).env("PATH", path).kill_on_drop(true);
    shell
}

/// The errors that it prints when it doesn't start.
pub(crate) async fn refused(folder: &Folder, how: &str, change: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let mut command = command(folder, how);
    change(&mut command);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// The process of a Redis.
pub(crate) async fn server_of(redis: &str) -> u32 {
    let mut connection = connect(redis).await.unwrap();
    let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut connection).await.unwrap();
    info.get("process_id").unwrap()
}
