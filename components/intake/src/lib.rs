//! The intake, the shop's door: takes orders and says where they are.

mod answer;
mod change;
mod context;
mod place;
mod problem;
mod routes;
mod show;
mod store;

use guest::{Answer, Request};

guest::http_service!(handle);

async fn handle(request: Request) -> Answer {
    routes::route(request).await.unwrap_or_else(|problem| problem.into_answer())
}
