//! The intake, the shop's door. It takes orders and changes to them, and says where orders are.

mod answer;
mod change;
mod context;
mod find;
mod place;
mod routes;
mod show;

use guest::{Problem, Request, Response};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    routes::route(request).await.unwrap_or_else(Problem::into_response)
}
