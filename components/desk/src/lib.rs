//! The desk, the operators' door: dead letters, stock and metrics.

mod dead_letters;
mod desk;
mod endpoints;
mod exchange;
mod metrics;
mod routes;
mod stock;

use guest::{Problem, Request, Response};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    routes::route(request).await.unwrap_or_else(Problem::into_response)
}
