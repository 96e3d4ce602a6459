//! The export by which the host sends requests to a component, and what holds for those of all components.

use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;

/// Answers a request by a component's own function, if its path can be one of its routes at all.
pub async fn answer<F: Future<Output = Response>>(request: Request, by: impl FnOnce(Request) -> F) -> Response {
    match request.without_empty_segments() {
        Some(named) => Problem::EmptySegment { named }.into_response(),
        None => by(request).await,
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
