//! A readiness probe, as an orchestrator would have one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host::RunningApplication;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use tokio::time::MissedTickBehavior;

/// How often the path is asked for.
const PERIOD: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer is logged, in characters.
const SHOWN: usize = 400;

/// What the last answer was, as far as it is told.
#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    NotReady(String),
}

/// Asks for a path now and every ten seconds, and logs each change of the answer. Asks also when Redis triggers listen
/// again: an application may use its probe to make good what it missed meanwhile.
pub(crate) async fn watch(running: Arc<RunningApplication>, path: PathAndQuery) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut listening = running.listening();
    // Nothing is said of an application that is ready from the start.
    let mut last = Readiness::Ready;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = listening.again() => {}
        }
        let verdict = ask(&running, &path).await;
        if verdict != last {
            match &verdict {
                Readiness::Ready => tracing::info!("GET {path} says that the application is ready"),
                Readiness::NotReady(why) => tracing::warn!("GET {path} says that the application is not ready: {why}"),
            }
            last = verdict;
        }
    }
}

async fn ask(running: &RunningApplication, path: &PathAndQuery) -> Readiness {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from(path.clone());
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    match tokio::time::timeout(PATIENCE, running.route(request)).await {
        Ok(response) => verdict(&response),
        Err(_) => Readiness::NotReady(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn verdict(response: &Response<Bytes>) -> Readiness {
    let (status, body) = (response.status(), in_one_line(response.body()));
    match (status.is_success(), body.is_empty()) {
        (true, _) => Readiness::Ready,
        (false, true) if status == StatusCode::NOT_FOUND => {
            Readiness::NotReady(format!("{status}: no route leads there"))
        }
        (false, true) => Readiness::NotReady(status.to_string()),
        (false, false) => Readiness::NotReady(format!("{status}: {body}")),
    }
}

fn in_one_line(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(body);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_success_is_told_with_its_text_in_one_line() {
        for (status, body, expected) in [
            (200, "whatever", Readiness::Ready),
            (204, "", Readiness::Ready),
            (
                503,
                "{\n  \"redis\": \"down\"\n}",
                Readiness::NotReady("503 Service Unavailable: { \"redis\": \"down\" }".into()),
            ),
            (500, "", Readiness::NotReady("500 Internal Server Error".into())),
            (404, "", Readiness::NotReady("404 Not Found: no route leads there".into())),
        ] {
            let response = Response::builder().status(status).body(Bytes::from(body)).expect("a response");
            assert_eq!(verdict(&response), expected, "{status}");
        }
    }
}
