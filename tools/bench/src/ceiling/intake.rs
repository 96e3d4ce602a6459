//! `POST /orders`, natively.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use order::queues::PLACED;
use order::{IdempotencyKey, OrderId};
use queue::native::Native;
use queue::{Accepted, Limits, Namespace, Queue};
use tokio::net::TcpListener;

use crate::native::{Incoming, TIMING, incoming, namespace};

/// The manifest's own.
const LIMITS: Limits = Limits { depth: Some(1_000_000), age: Some(Duration::from_secs(3600)) };

/// What all requests share.
#[derive(Clone)]
struct Door {
    redis: Native,
    namespace: Namespace,
}

/// The routes, on a connection that all requests share and pipeline on.
pub(crate) async fn router(redis: &str) -> anyhow::Result<Router> {
    let door = Door { redis: Native::connect(redis).await?, namespace: namespace()? };
    Ok(Router::new().route("/orders", post(place)).with_state(door))
}

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    Ok(axum::serve(listener, router).await?)
}

async fn place(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(key) = idempotency_key(&headers) else { return StatusCode::BAD_REQUEST.into_response() };
    let Ok(Incoming { id, order, message }) = incoming(&body, key.as_ref()) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let queue = Queue::new(&door.redis, &door.namespace, PLACED, TIMING);
    match queue.accept_within(message, LIMITS).await {
        Ok(Accepted::New) => accepted(id, order.answer(&id, order::State::Queued)),
        Ok(Accepted::Replayed(first)) => match OrderId::from_slice(&first) {
            Some(id) => accepted(id, order.answer(&id, order::State::Queued)),
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
        Ok(Accepted::Conflict(_)) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        // Its callers have no rates.
        Ok(Accepted::Full | Accepted::Limited) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn accepted(id: OrderId, body: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, format!("/orders/{id}"))];
    (StatusCode::ACCEPTED, headers, body).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, StatusCode> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(|value| value.parse().ok());
    key.map(Some).ok_or(StatusCode::BAD_REQUEST)
}
