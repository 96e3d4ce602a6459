//! The host's own log, on standard error: one line for each thing that a person should know.

use std::io::IsTerminal;

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, written as for `RUST_LOG`, for example `host=debug`.
pub(super) const FILTER: &str = "HOST_LOG";
/// What is logged if that variable isn't set.
pub(super) const DEFAULT: &str = "warn,host=info";

pub(crate) fn init() -> anyhow::Result<()> {
    let given = std::env::var_os(FILTER).map(|filter| filter.to_string_lossy().into_owned());
    let filter = given.as_deref().unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(filter)
        .map_err(|_| anyhow!("{FILTER}: `{filter}` is not a filter: write it as for RUST_LOG, like host=debug"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && console::colors_enabled_stderr())
        .with_target(false)
        .init();
    Ok(())
}
