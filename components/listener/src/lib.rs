//! The listener hears the payment provider's word that something became of a payment.

mod hear;
mod routes;

use guest::{Problem, Request, Response};

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    routes::route(request).await.unwrap_or_else(Problem::into_response)
}
