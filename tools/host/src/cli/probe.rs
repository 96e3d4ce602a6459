//! A readiness probe, like an orchestrator's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host::RunningApplication;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use tokio::time::MissedTickBehavior;

/// The time between two requests.
const PERIOD: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer is logged, in characters.
const SHOWN: usize = 400;

/// What an answer says of the application.
#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    NotReady(String),
}

/// Requests a path now and every ten seconds, and logs each change of the answer. Also requests it when Redis triggers
/// listen again: some applications catch up on lost messages when they are probed.
pub(crate) async fn watch(running: Arc<RunningApplication>, path: PathAndQuery) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut listening = running.listening();
    // An application that is ready from the start logs nothing.
    let mut last = Readiness::Ready;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = listening.again() => {}
        }
        let readiness = ask(&running, &path).await;
        if readiness != last {
            match &readiness {
                Readiness::Ready => tracing::info!("GET {path} says that the application is ready"),
                Readiness::NotReady(why) => tracing::warn!("GET {path} says that the application is not ready: {why}"),
            }
            last = readiness;
        }
    }
}

async fn ask(running: &RunningApplication, path: &PathAndQuery) -> Readiness {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from(path.clone());
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    match tokio::time::timeout(PATIENCE, running.route(request)).await {
        Ok(response) => readiness(&response),
        Err(_) => Readiness::NotReady(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

fn readiness(response: &Response<Bytes>) -> Readiness {
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
            assert_eq!(readiness(&response), expected, "{status}");
        }
    }
}
