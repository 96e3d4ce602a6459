//! A readiness probe, like an orchestrator's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host::RunningApplication;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use serde::Deserialize;
use tokio::time::MissedTickBehavior;

/// The time between two requests.
const PERIOD: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer that doesn't list its checks is logged, in characters.
const SHOWN: usize = 4000;

/// An answer that lists what was checked, as many applications give it.
#[derive(Deserialize)]
struct Checked {
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    #[serde(default)]
    detail: String,
}

/// What an answer says of the application.
#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// Why not, in one line for each reason.
    NotReady(Vec<String>),
}

impl Readiness {
    fn reasons(&self) -> &[String] {
        match self {
            Self::Ready => &[],
            Self::NotReady(reasons) => reasons,
        }
    }
}

/// When it is asked once more after a trigger listens again: others may come back a little later, and an application
/// may give the same answer for a second.
const ONCE_MORE: Duration = Duration::from_millis(1500);

/// Requests a path now and every ten seconds, and logs each change of the answer. The faults that it logs are not told
/// by the components too. Also requests it when Redis triggers listen again: some applications catch up on lost
/// messages when they are probed.
pub(crate) async fn watch(running: Arc<RunningApplication>, path: PathAndQuery) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut listening = running.listening();
    // An application that is ready from the start logs nothing.
    let mut last = Readiness::Ready;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = listening.again() => ticks.reset_after(ONCE_MORE),
        }
        let report = running.begin_report();
        let readiness = ask(&running, &path).await;
        if readiness != last {
            if readiness == Readiness::Ready {
                tracing::info!("GET {path} says that the application is ready");
            }
            for why in readiness.reasons() {
                tracing::warn!("GET {path} says that the application is not ready: {why}");
            }
            last = readiness;
        }
        report.told(&last.reasons().join("\n"));
    }
}

async fn ask(running: &RunningApplication, path: &PathAndQuery) -> Readiness {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from(path.clone());
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    match tokio::time::timeout(PATIENCE, running.route(request)).await {
        Ok(response) => readiness(&response),
        Err(_) => Readiness::NotReady(vec![format!("no answer within {} s", PATIENCE.as_secs())]),
    }
}

fn readiness(response: &Response<Bytes>) -> Readiness {
    let (status, body) = (response.status(), in_one_line(response.body()));
    match (status.is_success(), body.is_empty()) {
        (true, _) => Readiness::Ready,
        (false, true) if status == StatusCode::NOT_FOUND => {
            Readiness::NotReady(vec![format!("{status}: no route leads there")])
        }
        (false, true) => Readiness::NotReady(vec![status.to_string()]),
        (false, false) => {
            let checks = failed_checks(response.body());
            Readiness::NotReady(checks.unwrap_or_else(|| vec![format!("{status}: {body}")]))
        }
    }
}

/// The checks that don't pass, each whole: it may end in a command.
fn failed_checks(body: &Bytes) -> Option<Vec<String>> {
    let Checked { checks } = serde_json::from_slice(body).ok()?;
    let failed = checks.into_iter().filter(|check| check.status != "pass");
    let failed: Vec<_> = failed.map(|Check { name, status, detail }| format!("{name}: {status}: {detail}")).collect();
    (!failed.is_empty()).then_some(failed)
}

fn in_one_line(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(body);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_checks_that_an_answer_lists_each_that_does_not_pass_is_told_whole() {
        let command = format!("Run: {}", "redis-cli config set appendonly yes && ".repeat(100));
        let body = serde_json::json!({"status": "fail", "checks": [
            {"name": "redis", "status": "pass"},
            {"name": "durability", "status": "warn", "detail": command},
            {"name": "store", "status": "fail"},
        ]});
        let response = Response::builder().status(503).body(Bytes::from(body.to_string())).expect("a response");
        let expected = vec![format!("durability: warn: {command}"), "store: fail: ".to_owned()];
        assert_eq!(readiness(&response), Readiness::NotReady(expected));
    }

    #[test]
    fn an_answer_that_is_no_success_is_told_with_its_text_in_one_line() {
        let not_ready = |why: &str| Readiness::NotReady(vec![why.to_owned()]);
        for (status, body, expected) in [
            (200, "whatever", Readiness::Ready),
            (204, "", Readiness::Ready),
            (503, "{\n  \"redis\": \"down\"\n}", not_ready("503 Service Unavailable: { \"redis\": \"down\" }")),
            (500, "", not_ready("500 Internal Server Error")),
            (404, "", not_ready("404 Not Found: no route leads there")),
        ] {
            let response = Response::builder().status(status).body(Bytes::from(body)).expect("a response");
            assert_eq!(readiness(&response), expected, "{status}");
        }
    }
}
