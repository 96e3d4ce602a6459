//! The end of each command's help: an example, and the environment variables that the command reads.
//!
//! The examples take a free port, so they work wherever there is a manifest. A test runs each of them.

use host::variables::ENVIRONMENT_PREFIX;

use super::log;

/// The width of the column with the names of environment variables.
const NAME_WIDTH: usize = 22;

/// The end of the help of `host`.
pub(crate) fn host() -> String {
    text("host build && host up --listen 127.0.0.1:0", Reads::Variables)
}

/// The end of the help of `host up`.
pub(crate) fn up() -> String {
    text("host up --listen 127.0.0.1:0 --try 'curl http://{address}/'", Reads::Variables)
}

/// The end of the help of `host trace`.
pub(crate) fn trace() -> String {
    text("host trace --listen 127.0.0.1:0 --fault '*:redis:every-50=delay=200'", Reads::Variables)
}

/// The end of the help of `host build`.
pub(crate) fn build() -> String {
    text("host build --manifest spin.toml", Reads::NoVariables)
}

/// The end of the help of `host key`.
pub(crate) fn key() -> String {
    text("host key webshop shop", Reads::NoVariables)
}

/// Whether a command reads values for the application's variables.
#[derive(PartialEq)]
enum Reads {
    Variables,
    NoVariables,
}

fn text(example: &str, reads: Reads) -> String {
    let variable = format!("{ENVIRONMENT_PREFIX}<NAME>");
    let filter = format!("What is logged, written as for RUST_LOG, like host=debug. Default: {}", log::DEFAULT);
    let mut lines = vec![(log::FILTER, &*filter), ("NO_COLOR", "Set it to any value to see no colours.")];
    if reads == Reads::Variables {
        lines.insert(0, (&variable, "The value of the application's variable <name>, in place of its default."));
    }
    let lines = lines.iter().map(|(name, meaning)| format!("\n  {name:NAME_WIDTH$}{meaning}"));
    format!("Example:\n  {example}\n\nEnvironment:{}", lines.collect::<String>())
}
