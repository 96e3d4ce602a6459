//! Which request goes to which handler.

use guest::{Problem, Request, Response};
use http::Method;

use crate::{change, place, show};

pub(crate) async fn route(request: Request) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["orders"], Method::POST) => place::place(request).await,
        (["orders"], _) => Err(Problem::MethodNotAllowed { allow: "POST" }),
        // The server leaves out the body of an answer to HEAD.
        (["orders", id], Method::GET | Method::HEAD) => show::show(&request, id).await,
        (["orders", _], _) => Err(Problem::MethodNotAllowed { allow: "GET, HEAD" }),
        (["orders", id, "cancel"], Method::POST) => change::cancel(request, id).await,
        (["orders", id, "fulfil"], Method::POST) => change::fulfil(request, id).await,
        (["orders", _, "cancel" | "fulfil"], _) => Err(Problem::MethodNotAllowed { allow: "POST" }),
        _ => Err(Problem::NoSuchOrder),
    }
}
