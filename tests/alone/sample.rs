//! Orders, messages and requests to begin with.

use bytes::Bytes;
use http::Request;
use order::{CommandId, Finding, NewOrder, OrderId, Payment, Placed, Record, Timestamp, event};
use queue::Message;
use serde_json::{Value, json};

use crate::harness::an_order;

/// When all of them were accepted, in ms since the epoch.
pub(crate) const ACCEPTED_AT: u64 = 1_700_000_000_000;

/// The id of the nth order.
pub(crate) fn id(n: u8) -> OrderId {
    OrderId::new(Timestamp::from_ms(ACCEPTED_AT), [n; 10])
}

pub(crate) fn placed(n: u8) -> Placed {
    Placed { id: id(n), order: NewOrder::parse(an_order().to_string().as_bytes()).unwrap(), shop: None, trace: None }
}

pub(crate) fn record(n: u8) -> Record {
    order::decide(placed(n), &Finding::Good(Payment::None), Timestamp::from_ms(ACCEPTED_AT + 1))
}

/// A message that is handed out for the first time.
pub(crate) fn message(id: &[u8], payload: Vec<u8>) -> Message {
    Message {
        id: id.into(),
        subject: id.into(),
        delivery: 1,
        failures: 0,
        crashes: 0,
        suspect: false,
        exhausted: false,
        since: 0,
        thrown_back: false,
        head: None,
        payload: payload.into(),
    }
}

/// The nth order's message.
pub(crate) fn order(n: u8) -> Message {
    message(id(n).as_bytes(), placed(n).encode())
}

/// The change of the nth order, as the processor emits it.
pub(crate) fn change(n: u8) -> Message {
    let record = record(n);
    message(event::id(&record.id(), record.version()).as_bytes(), event::to_json(&record, None))
}

/// The event that tells that the nth order was buried.
pub(crate) fn attention(n: u8) -> Message {
    let about = CommandId { order: id(n), change: None };
    let (order, version) = (placed(n).order, order::Version::NONE);
    let reason = "the store was away";
    let given_up = event::GivenUp { message: about, delivery: 3, version, reason, shop: None, order: Some(&order) };
    let payload = event::attention(&given_up, None, Timestamp::from_ms(ACCEPTED_AT + 2));
    message(event::attention_id(about, 3).as_bytes(), payload)
}

/// A shop's order.
pub(crate) fn post() -> Request<Bytes> {
    post_with(&[])
}

pub(crate) fn post_with(headers: &[(&str, &str)]) -> Request<Bytes> {
    let request = Request::post("http://shop.test/orders").header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Bytes::from(an_order().to_string())).unwrap()
}

/// A shop's question for the nth order.
pub(crate) fn get(n: u8) -> Request<Bytes> {
    Request::get(format!("http://shop.test/orders/{}", id(n))).body(Bytes::new()).unwrap()
}

/// The secret of all endpoints.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) const URL: &str = "https://erp.test/hooks?shop=1";

/// An entry of the variable `webhooks`.
pub(crate) fn endpoint(name: &str, url: &str) -> Value {
    json!({"name": name, "url": url, "secret": SECRET})
}
