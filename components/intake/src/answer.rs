//! The responses of the intake to requests that went well.

use guest::Response;
use http::StatusCode;
use order::{Change, OrderId, OrderJson, OrderList, State};

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

/// A page of orders as they are now.
pub(crate) fn listed(list: &OrderList<'_>) -> Response {
    Response::json(StatusCode::OK, list.to_json()).with("cache-control", "no-store")
}

/// The order as it is now. That changes with time, so no cache may keep it.
pub(crate) fn found(order: OrderJson) -> Response {
    Response::json(StatusCode::OK, order.into_bytes()).with("cache-control", "no-store")
}
