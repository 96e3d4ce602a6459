//! The responses of the intake to requests that went well.

use guest::Response;
use http::StatusCode;
use order::{Change, OrderId, OrderJson, State};

/// The order is kept and will be processed.
pub(crate) fn accepted(id: &OrderId, body: Vec<u8>) -> Response {
    Response::json(StatusCode::ACCEPTED, body).with("location", format!("/orders/{id}"))
}

/// The same request placed this order before.
pub(crate) fn replayed(id: &OrderId, body: Vec<u8>) -> Response {
    accepted(id, body).with("idempotency-replayed", "true")
}

/// The change is kept and will be made, unless the order moves on otherwise before.
pub(crate) fn change_accepted(change: &Change, present: State) -> Response {
    let body = order::change_answer(change.id, present, change.kind());
    Response::json(StatusCode::ACCEPTED, body).with("location", format!("/orders/{}", change.id))
}

/// A page of orders as they are now, and where the next one begins.
pub(crate) fn listed(orders: &[Vec<u8>], next: Option<&str>) -> Response {
    let next = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
    let body = [br#"{"orders":["#, &*orders.join(&b','), br#"],"next":"#, next.as_bytes(), b"}"].concat();
    Response::json(StatusCode::OK, body).with("cache-control", "no-store")
}

/// The order as it is now. That changes with time, so no cache may keep it.
pub(crate) fn found(order: OrderJson) -> Response {
    Response::json(StatusCode::OK, order.into_bytes()).with("cache-control", "no-store")
}
