//! Redis errors, in the words that Spin uses towards components.
//!
//! The interface carries an error as text, so components search that text. Spin's Redis client and this host's word a
//! server's error differently. Here it gets Spin's words.

use std::io;

use redis::RedisError;

/// The error as Spin's client writes it.
pub(super) fn describe(error: &RedisError) -> String {
    match error.code() {
        Some(code) => from_server(code, error.detail()),
        None => error.to_string(),
    }
}

/// What a call gets whose connection broke, sooner or later.
pub(super) fn broken_connection() -> String {
    describe(&io::Error::from(io::ErrorKind::BrokenPipe).into())
}

fn from_server(code: &str, detail: Option<&str>) -> String {
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    match known(code) {
        Some(kind) => format!("An error was signalled by the server - {kind}{detail}"),
        None => format!("{code}{detail}"),
    }
}

/// What Spin's client calls an error code that it knows.
fn known(code: &str) -> Option<&'static str> {
    Some(match code {
        "ERR" => "ResponseError",
        "EXECABORT" => "ExecAbortError",
        "LOADING" => "BusyLoadingError",
        "NOSCRIPT" => "NoScriptError",
        "MOVED" => "Moved",
        "ASK" => "Ask",
        "TRYAGAIN" => "TryAgain",
        "CLUSTERDOWN" => "ClusterDown",
        "CROSSSLOT" => "CrossSlot",
        "MASTERDOWN" => "MasterDown",
        "READONLY" => "ReadOnly",
        "NOTBUSY" => "NotBusy",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_server_reads_as_in_spin() {
        for (code, detail, expected) in [
            (
                "NOSCRIPT",
                Some("No matching script. Please use EVAL."),
                "An error was signalled by the server - NoScriptError: No matching script. Please use EVAL.",
            ),
            ("ERR", Some("unknown command"), "An error was signalled by the server - ResponseError: unknown command"),
            ("WRONGTYPE", Some("Operation against a key"), "WRONGTYPE: Operation against a key"),
            ("OOM", None, "OOM"),
        ] {
            assert_eq!(from_server(code, detail), expected);
        }
    }
}
