//! Which request goes to which handler.

use guest::{Caller, Problem, Request, Response, Settings};
use http::Method;

use crate::checks;
use crate::description::description;

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    Caller::admit(&Settings::new("health"), &request, Problem::NoSuchOrder).await?;
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["health"], Method::GET) => Ok(checks::health().await),
        (["openapi.json"], Method::GET) => Ok(description().await),
        _ => Err(Problem::NoSuchOrder),
    }
}
