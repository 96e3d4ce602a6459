//! Which request goes to which handler.

use guest::{Caller, Problem, Request, Response, Settings};
use http::{Method, StatusCode};

use crate::checks;

/// The description of all routes, for programs. A test makes it from the types of the source: tests/description.
const DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    Caller::admit(&Settings::new("health"), &request, Problem::NoSuchOrder).await?;
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["health"], Method::GET) => Ok(checks::health().await),
        (["openapi.json"], Method::GET) => Ok(description()),
        _ => Err(Problem::NoSuchOrder),
    }
}

/// It stays the same until the next release, but nobody knows when that comes.
fn description() -> Response {
    Response::json(StatusCode::OK, DESCRIPTION.as_bytes().to_vec()).with("cache-control", "public, max-age=300")
}
