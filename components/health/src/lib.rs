//! The health of the application: what works, and how to mend what doesn't. A readiness probe should ask for it: the
//! request also restarts a queue that missed its wake-up.

mod checks;
mod connected;
mod endpoints;
mod rights;
mod store;

use guest::{Caller, Problem, Request, Response, Settings};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    match Caller::admit(&Settings::new("health"), &request, Problem::NoSuchOrder).await {
        Ok(_) => checks::health().await,
        Err(problem) => problem.into_response(),
    }
}
