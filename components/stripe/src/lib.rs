//! The adapter for Stripe. On one side it is the payment provider of docs/payments.md: `POST /charges`,
//! `GET /charges/{order}`, `POST /captures` and `POST /refunds`. On the other side it speaks Stripe's API. Only the
//! components of this application can call it. From outside, Stripe alone is heard: `POST /payments/stripe/events`.
//!
//! What keeps an order from being charged twice or for nothing, whatever is lost:
//!
//! 1. A PaymentIntent takes money once, however often it is confirmed. So each order has one intent. It is created
//!    unconfirmed, its id is noted in the store, and only then it is confirmed. An intent whose id was lost on the way
//!    is never confirmed.
//! 2. A refund first notes the order as closed, and then looks for the intent. A charge first notes the intent, and
//!    then looks whether the order is closed. So at least one of the two sees the other.
//! 3. What was set aside is taken once, or let go, and Stripe itself keeps the two apart. Whoever asks again looks at
//!    the intent first.

mod answer;
mod api;
mod asked;
mod capture;
mod charge;
mod contract;
mod events;
mod form;
mod intent;
mod money;
mod notes;
mod refund;
mod refusal;
mod routes;

use guest::{Problem, Request, Response};
use refusal::Refusal;

guest::http_service!(handle);

async fn handle(request: Request) -> Response {
    match request.path().starts_with("/payments/") {
        true => routes::route(request).await.unwrap_or_else(Problem::into_response),
        false => contract::route(request).await.unwrap_or_else(Refusal::into_response),
    }
}
