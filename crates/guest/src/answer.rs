//! The export by which the host sends requests to a component, and what holds for those of all components.

use access::Route;
use http::Method;

use crate::cors::Page;
use crate::etag::tagged;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;

/// Answers a request by a component's own function, if its path can be one of its routes at all.
pub async fn answer<F: Future<Output = Response>>(request: Request, by: impl FnOnce(Request) -> F) -> Response {
    if let Some(named) = request.without_empty_segments() {
        return Problem::EmptySegment { named }.into_response();
    }
    let (page, asks_methods) = (Page::by(&request), request.method() == Method::OPTIONS);
    let known = (*request.method() == Method::GET).then(|| request.texts("if-none-match"));
    // Most requests ask for none of it, and it costs.
    let methods = if asks_methods || page.is_some() { Route::methods(request.path()) } else { None };
    let answer = match &methods {
        Some(methods) if asks_methods => Response::empty().with("allow", methods),
        _ => by(request).await,
    };
    let answer = match known {
        Some(known) => tagged(answer, &known),
        None => answer,
    };
    match page {
        Some(page) => page.allow(answer, methods).await,
        None => answer,
    }
}

/// Makes the component answer requests by an `async fn(Request) -> Response`. It is spin-sdk's `http_service` with
/// other types.
#[macro_export]
macro_rules! http_service {
    ($answer:path) => {
        struct Component;

        ::spin_sdk::wasip3::http::service::export!(Component);

        impl ::spin_sdk::wasip3::exports::http::handler::Guest for Component {
            async fn handle(
                request: ::spin_sdk::wasip3::http::types::Request,
            ) -> Result<::spin_sdk::wasip3::http::types::Response, ::spin_sdk::wasip3::http::types::ErrorCode> {
                Ok($crate::answer($crate::Request::new(request)?, $answer).await.into_wasi())
            }
        }
    };
}
