//! The host's own log, on standard error: one line for each thing that a person should know.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, written as for `RUST_LOG`, for example `host=debug`.
pub(super) const FILTER: &str = "HOST_LOG";
/// What is logged if that variable isn't set.
pub(super) const DEFAULT: &str = "warn,host=info";

pub(crate) fn init() {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && console::colors_enabled_stderr())
        .with_target(false)
        .init();
}
