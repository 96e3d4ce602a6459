//! Words for the end of an instance that didn't end by itself.

use crate::watch::effects::Stop;

/// Logs why an instance ended: once, in one line, its backtrace only on demand.
pub(crate) fn log(component: &str, error: &wasmtime::Error) {
    match error.downcast_ref::<Stop>() {
        Some(stop @ (Stop::Before { .. } | Stop::After { .. })) => tracing::info!(component, "{stop}"),
        _ => {
            tracing::error!(component, "the instance failed and was dropped: {}", in_one_line(error));
            tracing::debug!(component, "where it failed: {error:?}");
        }
    }
}

/// The cause of a trap, without its backtrace.
pub(crate) fn in_one_line(error: &wasmtime::Error) -> String {
    error.root_cause().to_string().replace('\n', " ")
}
