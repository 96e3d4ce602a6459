//! Every error of the command line, provoked and kept in one file, so that all texts can be read together.
//!
//! Two can't be provoked in a test: a Redis that starts and says nothing for a minute, and a machine without threads.

mod command_lines;
mod files;
mod surroundings;

use std::fmt::Write;

use tokio::process::Command;

use crate::harness::{Folder, PATIENCE};

/// Set to any value, it has the file written anew from what the program says.
const WRITE: &str = "WRITE_SNAPSHOTS";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/errors.txt");

/// The words that an advice begins with.
const ADVICE: [&str; 19] = [
    "add", "build", "change", "choose", "end", "get", "give", "leave", "look", "name", "put", "raise", "read", "run",
    "set", "start", "stop", "use", "write",
];

/// All errors, each below what provokes it.
#[derive(Default)]
struct Errors(String);

impl Errors {
    fn part(&mut self, title: &str) {
        write!(self.0, "\n# {title}\n").unwrap();
    }

    /// Runs a command, which must fail. What differs from run to run is replaced in its error.
    async fn add(&mut self, title: &str, command: &mut Command, replaced: &[(&str, &str)]) {
        let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
        let output = output.unwrap_or_else(|_| panic!("{title}: it runs")).unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{title}: {printed}");
        let mut error = printed.lines().last().unwrap_or_default().to_owned();
        assert_eq!(printed.matches("error: ").count(), 1, "{title}: {printed}");
        assert!(error.starts_with("error: ") && has_advice(&error), "{title}: {error}");
        for (varying, name) in replaced {
            error = error.replace(varying, name);
        }
        write!(self.0, "\n{title}\n  {error}\n").unwrap();
    }
}

/// Whether an error first says what is wrong, then what to do, and words a bad value like all others.
fn has_advice(error: &str) -> bool {
    let mut parts = error.trim_start_matches("error: ").split(": ").skip(1);
    let has_advice = parts.any(|part| ADVICE.contains(&part.split_whitespace().next().unwrap_or_default()));
    has_advice && !error.contains(" is no ") && !error.contains("there is no ")
}

/// The path of a folder, which differs from run to run.
fn path(folder: &Folder) -> String {
    folder.path().canonicalize().unwrap().display().to_string()
}

#[tokio::test]
async fn each_error_says_in_one_line_what_is_wrong_and_then_what_to_do() {
    let mut errors = Errors::default();
    command_lines::provoke(&mut errors).await;
    files::provoke(&mut errors).await;
    surroundings::provoke(&mut errors).await;
    let told = errors.0.trim_start();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(FILE, told).unwrap();
    }
    let expected = std::fs::read_to_string(FILE).unwrap();
    let new: Vec<_> = told.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
    assert!(told == expected, "errors.txt is out of date, {WRITE}=1 writes it anew. What it doesn't have: {new:#?}");
}
