//! A process that ends with its guard, and with us however we end.

use std::fs::{File, read_to_string};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Runs `"$@"` until standard input ends, then kills it, whatever it has started, and itself: its process group.
const GUARDED: &str = r#"
"$@" <&- &
exec >&-
read -r _
kill -KILL 0
"#;

/// A running process.
pub(crate) struct Process {
    shell: Child,
    /// The shell kills the process when this closes.
    alive: Option<ChildStdin>,
}

/// What a process prints, line by line.
pub(crate) type Output = Lines<BufReader<ChildStdout>>;

impl Process {
    /// Starts `command`, a program and its arguments. What it complains of goes to `log`.
    pub(crate) fn start(
        command: &[String],
        variables: &[(String, String)],
        folder: &Path,
        log: &Path,
    ) -> anyhow::Result<(Self, Output)> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut shell = Command::new("sh")
            .args(["-c", GUARDED, "sh"])
            .args(command)
            .envs(variables.iter().cloned())
            .current_dir(folder)
            // In a group of its own a terminal's Ctrl-C reaches us first.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("sh can't be started")?;
        let alive = shell.stdin.take();
        let output = shell.stdout.take().context("the output is not piped")?;
        Ok((Self { shell, alive }, BufReader::new(output).lines()))
    }

    /// The CPU time that it has taken so far, user and system; `None` where the system doesn't say.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let shell = self.shell.id()?;
        let children = read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        let stat = read_to_string(format!("/proc/{}/stat", children.split(' ').next()?)).ok()?;
        // The name, in brackets, may hold blanks. User and system time are the 14th and 15th field.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
        let ticks = fields.next()?? + fields.next()??;
        Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        drop(self.alive.take());
        self.shell.wait().await?;
        Ok(())
    }
}
