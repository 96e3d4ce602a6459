//! The intake, the shop's door: takes orders and says where they are.

mod answer;
mod change;
mod context;
mod place;
mod problem;
mod routes;
mod show;
mod store;

use spin_sdk::http::{FullBody, Request};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> http::Response<FullBody<bytes::Bytes>> {
    routes::route(request).await.unwrap_or_else(|problem| problem.into_answer()).into_response()
}
