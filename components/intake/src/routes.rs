//! Which request goes where.

use guest::{Answer, Request};
use http::Method;

use crate::problem::Problem;
use crate::{change, place, show};

pub(crate) async fn route(request: Request) -> Result<Answer, Problem> {
    let method = request.method().clone();
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["orders"] => match method {
            Method::POST => place::place(request).await,
            _ => Err(Problem::MethodNotAllowed { allow: "POST" }),
        },
        ["orders", id] => match method {
            // The server leaves out the body of an answer to HEAD.
            Method::GET | Method::HEAD => show::show(id).await,
            _ => Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }),
        },
        ["orders", id, "cancel"] => change::cancel(request, id).await,
        ["orders", id, "fulfil"] => change::fulfil(request, id).await,
        _ => Err(Problem::NotFound),
    }
}
