//! The desk, the operators' door: how the application is, and what to do about its dead letters.

mod dead_letters;
mod health;
mod operator;
mod problem;
mod routes;

use spin_sdk::http::{FullBody, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> http::Response<FullBody<bytes::Bytes>> {
    routes::route(request).await.unwrap_or_else(|problem| problem.into_answer()).into_response()
}
