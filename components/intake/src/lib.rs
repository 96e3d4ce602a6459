//! x
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
#[http_service]
async fn handle(_r: Request) -> impl IntoResponse { "hello" }
