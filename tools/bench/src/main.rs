//! `bench`: measures Sluice beside a native service that does the same work, in one run.
//!
//! ```text
//!                    ┌─ host up: the components on wasmtime ─┐
//!  bench run ── load ┤                                       ├──► one redis-server, append-only, fsync always
//!  (this process)    └─ bench ceiling: axum and redis-rs ────┘
//! ```
//!
//! Whoever is measured is a process of its own, one at a time, in turns. Begin with [`run`]; each figure has a file in
//! [`figures`].

mod beside;
mod ceiling;
mod figures;
mod fill;
mod load;
mod machine;
mod native;
mod orders;
mod partner;
mod process;
mod report;
mod rig;
mod run;
mod shop;
mod sink;
mod store;
mod system;

use clap::Parser;
use tokio::runtime::Builder;

/// The host's, so that the native service has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(version, about)]
enum Cli {
    /// Measure, print the table, and write JSON and plots.
    Run(run::Options),
    /// Serve as the native service to be measured against.
    Ceiling(ceiling::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse() {
        // One thread, so that the load takes as little as it can from whoever is measured.
        Cli::Run(options) => Builder::new_current_thread().enable_all().build()?.block_on(run::run(options)),
        Cli::Ceiling(options) => Builder::new_multi_thread().enable_all().build()?.block_on(ceiling::serve(options)),
    }
}
