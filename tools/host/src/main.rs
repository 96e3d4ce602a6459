//! `host`: builds and runs a Spin application where Spin is not installed.

mod cli;

use std::process::ExitCode;

/// Each call of a component makes many small allocations, which one thread makes and another gives back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
