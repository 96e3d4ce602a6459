//! The command line.

mod banner;
mod build;
mod clients;
mod faults;
mod help;
mod key;
mod log;
mod probe;
mod progress;
mod redis;
mod trace;
mod up;
mod usage;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds and runs a Spin application where Spin is not installed.
#[derive(Parser)]
#[command(version, about, propagate_version = true, after_help = help::host())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the application until Ctrl-C.
    #[command(after_help = help::up())]
    Up(up::Up),
    /// Run the application until Ctrl-C, and show each call of its components.
    #[command(after_help = help::trace())]
    Trace(trace::Trace),
    /// Run the build commands of the manifest.
    #[command(after_help = help::build())]
    Build(build::Build),
    /// Make an API key: the key in the first line, the entry for the application's list of keys in the second.
    #[command(after_help = help::key())]
    Key(key::Key),
}

pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::answer(&error),
    };
    let ended = log::init().and_then(|()| match cli.command {
        Command::Up(up) => up.run(),
        Command::Trace(trace) => trace.run(),
        Command::Build(build) => build.run(),
        Command::Key(key) => key.run(),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints an error in one line: what is wrong, then what to do.
fn tell(error: &str) {
    let lines: Vec<_> = error.lines().map(str::trim).collect();
    eprintln!("error: {}", lines.join(" "));
}
