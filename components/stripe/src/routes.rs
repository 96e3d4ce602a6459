//! What Stripe itself may ask for. No other path leads here from outside.

use guest::{Problem, Request, Response};
use http::Method;

use crate::events;

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["payments", "stripe", "events"], Method::POST) => events::hear(request).await,
        (["payments", "stripe", "events"], _) => Err(Problem::MethodNotAllowed { allow: "POST".to_owned() }),
        _ => Err(Problem::NoSuchOrder),
    }
}
