//! What the help of each command promises: its example works, and it names the environment variables that are read.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::harness::{Folder, PATIENCE};
use crate::process::{Process, shell};

/// The commands that run the application. Only they read values for its variables.
const RUNNING: [&str; 3] = ["", "up", "trace"];
const ALL: [&str; 5] = ["", "up", "trace", "build", "key"];

/// How the source reads the environment, which variable it reads there, and which commands name it in their help.
const READINGS: [(&str, &str, &[&str]); 4] = [
    ("env::var(environment_name(", "SPIN_VARIABLE_<NAME>", &RUNNING),
    ("env::vars_os()", "SPIN_VARIABLE_<NAME>", &RUNNING),
    ("env::var_os(FILTER)", "HOST_LOG", &ALL),
    ("console::colors_enabled", "NO_COLOR", &ALL),
];
/// A line of the source that reads the environment has one of these in it.
const SIGNS_OF_READING: [&str; 4] = ["env::var", "option_env!", "from_env(", "colors_enabled"];

/// The command line that the help of a command gives as its example, run in a folder. It ends with this guard.
struct Example {
    process: Process,
    group: Pid,
}

impl Example {
    async fn start(folder: &Folder, command: &str) -> Self {
        let help = help(command).await;
        let (_, end) = help.split_once("\nExample:\n  ").unwrap_or_else(|| panic!("no example: {help}"));
        let line = end.lines().next().unwrap();
        assert!(line.contains(&format!("host {command}")), "{line}");
        let mut process = shell(folder, line).process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let group = Pid::from_raw(process.id().unwrap().try_into().unwrap()).unwrap();
        let printed = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process: Process { process, printed }, group }
    }

    /// Presses Ctrl-C, and waits until nothing prints any more.
    async fn interrupt(&mut self) -> Vec<String> {
        kill_process_group(self.group, Signal::INT).unwrap();
        let mut lines = Vec::new();
        let reading = async {
            while let Some(line) = self.process.printed.next_line().await.unwrap() {
                lines.push(line);
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
        lines
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // The only error is that all of them have ended already.
        _ = kill_process_group(self.group, Signal::KILL);
    }
}

/// What `--help` of a command prints; of the program itself, if the command is empty.
async fn help(command: &str) -> String {
    let arguments = command.split_whitespace().chain(["--help"]);
    let output = Command::new(env!("CARGO_BIN_EXE_host")).args(arguments).output().await.unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// An application that takes messages, and whose build leaves a file.
fn application() -> Folder {
    let folder = Folder::with_reader();
    let manifest = std::fs::read_to_string(folder.manifest()).unwrap();
    let build = "[component.reader.build]\ncommand = \"touch built\"\n";
    std::fs::write(folder.manifest(), manifest + build).unwrap();
    folder
}

fn is_built(folder: &Folder) -> bool {
    folder.path().join("built").exists()
}

#[tokio::test]
async fn the_example_of_build_builds() {
    let folder = application();
    let mut example = Example::start(&folder, "build").await;
    let ended = tokio::time::timeout(PATIENCE, example.process.process.wait()).await.expect("it ends");
    assert!(ended.unwrap().success() && is_built(&folder));
}

#[tokio::test]
async fn the_example_of_the_program_builds_and_runs() {
    let folder = application();
    let mut example = Example::start(&folder, "").await;
    example.process.line("Ctrl-C ends it.").await;
    assert!(is_built(&folder));
    example.interrupt().await;
}

#[tokio::test]
async fn the_example_of_key_makes_another_key_each_time_and_the_entry_that_knows_it() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let mut example = Example::start(&application(), "key").await;
        let key = example.process.line("sluice_").await;
        let entry = example.process.line("{").await;
        let digest = access::KeyDigest::of(&key);
        assert_eq!(entry, format!(r#"{{"name":"webshop","role":"shop","sha256":"{digest}"}}"#));
        made.push(key);
    }
    assert_ne!(made[0], made[1]);
}

#[tokio::test]
async fn the_example_of_up_runs_and_says_what_to_try() {
    let folder = application();
    let mut example = Example::start(&folder, "up").await;
    example.process.line("curl http://127.0.0.1:").await;
    example.process.line("Ctrl-C ends it.").await;
    example.interrupt().await;
}

#[tokio::test]
async fn the_example_of_trace_runs_and_adds_up_in_the_end() {
    let folder = application();
    let mut example = Example::start(&folder, "trace").await;
    example.process.line("Ctrl-C ends it.").await;
    let end = example.interrupt().await;
    assert!(end.iter().any(|line| line.ends_with("mean ms")), "{end:?}");
}

#[tokio::test]
async fn each_environment_variable_that_is_read_is_named_in_the_help() {
    let readings = readings(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    for (reading, variable, commands) in READINGS {
        assert!(readings.iter().any(|line| line.contains(reading)), "nothing reads {variable} by {reading}");
        for command in commands {
            let help = help(command).await;
            let (_, environment) = help.split_once("\nEnvironment:\n").unwrap_or_else(|| panic!("{command}: {help}"));
            let is_named = environment.lines().any(|line| line.split_whitespace().next() == Some(variable));
            assert!(is_named, "`host {command} --help` doesn't name {variable}: {environment}");
        }
    }
    for line in readings {
        let is_known = READINGS.iter().any(|(reading, ..)| line.contains(reading));
        assert!(is_known, "name what this line reads in cli/help.rs and here: {line}");
    }
}

/// The lines of the source, its tests left out, that read the environment.
fn readings(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            found.extend(readings(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(lines.filter(|line| SIGNS_OF_READING.iter().any(|sign| line.contains(sign))).map(str::to_owned));
    }
    found
}
