//! Which request goes to which handler.

use guest::{Caller, Problem, Request, Response};
use http::Method;

use crate::{batch, change, list, place, show};

pub(crate) async fn route(request: Request, caller: &Caller) -> Result<Response, Problem> {
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["orders"], Method::POST) => place::place(request, caller).await,
        (["orders"], Method::GET) => list::list(&request, caller).await,
        (["orders", "batch"], Method::POST) => batch::place_all(request, caller).await,
        (["orders", id], Method::GET) => show::show(id, caller).await,
        (["orders", id, "cancel"], Method::POST) => change::cancel(request, id, caller).await,
        (["orders", id, "fulfil"], Method::POST) => change::fulfil(request, id, caller).await,
        (["orders", id, "personal-data"], Method::DELETE) => change::erase(&request, id, caller).await,
        _ => Err(Problem::NoSuchOrder),
    }
}
