//! The desk, the operators' door: dead letters, stock and metrics.

mod dead_letters;
mod exchange;
mod metrics;
mod problem;
mod routes;
mod stock;

use guest::{Answer, Request};

guest::http_service!(handle);

async fn handle(request: Request) -> Answer {
    routes::route(request).await.unwrap_or_else(|problem| problem.into_answer())
}
