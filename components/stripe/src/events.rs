//! `POST /payments/stripe/events`: Stripe says that something became of a payment. As any provider's word it is not
//! believed. It is passed on to the listener, which has the order's message come at once and Sluice ask.

use std::time::Duration;

use guest::{EventSignature, PartnerRequest, Problem, Request, Response, Settings, read_body, within};
use http::{StatusCode, Uri};
use order::OrderId;
use serde_json::Value;

/// Bytes in the body of an event: a PaymentIntent or a charge with all its metadata, several times over.
const BODY_BYTES: usize = 256 * 1024;

/// How long the listener may take. Stripe waits some seconds more.
const DEADLINE: Duration = Duration::from_secs(8);

const LISTENER: &str = "http://listener.spin.internal";

pub(crate) async fn hear(request: Request) -> Result<Response, Problem> {
    let settings = Settings::new("stripe");
    // Without a secret no signature is good.
    let Some(secrets) = settings.event_secrets().await? else { return Err(Problem::BadStripeSignature) };
    let signature = EventSignature::of(&request);
    let body = read_body(request, BODY_BYTES).await?;
    if !signature.is_some_and(|signature| signature.is_good(&secrets, &body)) {
        return Err(Problem::BadStripeSignature);
    }
    // Whatever else Stripe tells: of other payments, of customers, of payouts.
    if let Some(order) = order_of(&body) {
        pass_on(&settings, order).await?;
    }
    Ok(Response::json(StatusCode::OK, b"{}".to_vec()))
}

/// The order of ours that an event is about: its object is a PaymentIntent, a charge or a refund with our metadata.
fn order_of(event: &[u8]) -> Option<OrderId> {
    let event: Value = serde_json::from_slice(event).ok()?;
    event.pointer("/data/object/metadata/order_id")?.as_str()?.parse().ok()
}

async fn pass_on(settings: &Settings, order: OrderId) -> Result<(), Problem> {
    let Some(signers) = settings.word_signers().await? else {
        let fault = "is empty: set it, because Stripe's events are passed on with its signature".to_owned();
        return Err(settings.error("payment_event_secret", fault).into());
    };
    let word = format!(r#"{{"order_id":"{order}"}}"#).into_bytes();
    let headers = signers.headers(&order.to_string(), &word);
    let url = Uri::from_static(LISTENER);
    let request = PartnerRequest { url: &url, path: "/payments/events", headers, body: Some(word) };
    let why = match within(DEADLINE, request.send()).await {
        Some(Ok(reply)) if reply.status.is_success() => return Ok(()),
        Some(Ok(reply)) => format!("the listener answered {}", reply.status.as_u16()),
        Some(Err(error)) => format!("the listener can't be reached: {error:?}"),
        None => "the listener did not answer in time".to_owned(),
    };
    Err(Problem::EventNotPassedOn { why })
}
