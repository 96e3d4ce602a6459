//! Which request goes to which handler.

use guest::{Problem, Request, Response};
use http::Method;

use crate::hear;

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["payments", "events"], Method::POST) => hear::hear(request).await,
        (["payments", "events"], _) => Err(Problem::MethodNotAllowed { allow: "POST" }),
        _ => Err(Problem::NoSuchOrder),
    }
}
