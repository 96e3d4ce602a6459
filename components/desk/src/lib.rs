//! The desk, the operators' door: dead letters, stock and metrics.

mod dead_letters;
mod exchange;
mod metrics;
mod problem;
mod routes;
mod stock;

use spin_sdk::http::{FullBody, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> http::Response<FullBody<bytes::Bytes>> {
    routes::route(request).await.unwrap_or_else(|problem| problem.into_answer()).into_response()
}
