//! The health of the application: what works, and how to mend what doesn't. A probe on it is all that a stalled queue
//! needs: it also revives queues whose wake was missed.

mod checks;

use guest::{Answer, ProblemDetails, Request};
use http::{Method, StatusCode};

guest::http_service!(handle);

async fn handle(request: Request) -> Answer {
    match *request.method() {
        // The server leaves out the body of an answer to HEAD.
        Method::GET | Method::HEAD => checks::health().await,
        _ => method_not_allowed(),
    }
}

fn method_not_allowed() -> Answer {
    let problem = ProblemDetails {
        kind: "urn:sluice:problem:method-not-allowed".to_owned(),
        title: "This route has no such method",
        status: StatusCode::METHOD_NOT_ALLOWED,
        detail: "Use GET or HEAD.".to_owned(),
        state: None,
        errors: Vec::new(),
    };
    Answer::problem(&problem).with("allow", "GET, HEAD")
}
