//! The health of the application: what works, and how to mend what doesn't. A readiness probe should ask for it: the
//! request also restarts a queue that missed its wake-up.

mod checks;
mod connected;
mod description;
mod endpoints;
mod rights;
mod routes;
mod store;

use guest::{Problem, Request, Response};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    routes::route(request).await.unwrap_or_else(Problem::into_response)
}
