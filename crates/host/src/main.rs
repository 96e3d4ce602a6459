//! `host`: builds and runs a Spin application where Spin is not installed.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
