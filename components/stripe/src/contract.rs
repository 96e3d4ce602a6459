//! Which request of Sluice goes to which handler: the contract of docs/payments.md.

use guest::{Request, Response};
use http::{Method, StatusCode};

use crate::refusal::Refusal;
use crate::{capture, charge, refund};

pub(crate) async fn route(request: Request) -> Result<Response, Refusal> {
    let path = request.path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (segments.as_slice(), request.method().clone()) {
        (["charges"], Method::POST) => charge::charge(request).await,
        (["charges", order], Method::GET) => charge::look_up(order).await,
        (["captures"], Method::POST) => capture::capture(request).await,
        (["refunds"], Method::POST) => refund::refund(request).await,
        (["charges", _], _) => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Use GET.")),
        (["charges" | "captures" | "refunds"], _) => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Use POST.")),
        _ => {
            let detail = "The adapter for Stripe knows /charges, /captures and /refunds: set payment_url to \
                          http://stripe.spin.internal, without a path.";
            Err(Refusal::new(StatusCode::NOT_FOUND, detail))
        }
    }
}
