//! The health of the application: what works, and how to mend what doesn't. A readiness probe should ask for it: the
//! request also restarts a queue that missed its wake-up.

mod checks;
mod connected;
mod endpoints;
mod rights;
mod store;

use guest::{Problem, Request, Response};
use http::Method;

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    match *request.method() {
        // The server leaves out the body of an answer to HEAD.
        Method::GET | Method::HEAD => checks::health().await,
        _ => Problem::MethodNotAllowed { allow: "GET, HEAD" }.into_response(),
    }
}
