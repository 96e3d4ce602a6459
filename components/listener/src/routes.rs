//! Which request goes to which handler.

use guest::{Caller, Problem, Request, Response, Settings};
use http::Method;

use crate::hear;

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    Caller::admit(&Settings::new("listener"), &request, Problem::NoSuchOrder).await?;
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["payments", "events"], Method::POST) => hear::hear(request).await,
        _ => Err(Problem::NoSuchOrder),
    }
}
