//! The shop's door and the operators' probe, on the whole application: what is asked and answered, word for word.

mod bodies;
mod health;
mod http;
mod keys;
mod raw;
mod rights;
mod settings;
mod together;

use ::http::{Request, Response};
use ::redis::AsyncCommands;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::harness::{Redis, Sluice, json as body_of};

/// An order that says everything that an order can say.
fn full() -> Value {
    json!({
        "reference": "A-1001",
        "customer": {"email": "ann@example.com", "name": "Ann Müller", "phone": "+49 30 901820"},
        "currency": "EUR",
        "lines": [
            {"sku": "TEA-GREEN-100", "name": "Green tea, 100 g", "quantity": 2, "unit_price": 749},
            {"sku": "CUP/红 1", "quantity": 1, "unit_price": 1200}
        ],
        "shipping_address": {
            "name": "Ben Müller", "line1": "Hauptstraße 5", "line2": "c/o Weber", "city": "Berlin", "region": "BE",
            "postal_code": "10827", "country": "DE"
        },
        "note": "Please ring twice.\n\tThank you!",
        "metadata": {"channel": "web"}
    })
}

/// An order that says only what an order must say.
fn least() -> Value {
    json!({
        "customer": {"email": "ann@example.com"},
        "currency": "EUR",
        "lines": [{"sku": "TEA", "quantity": 1, "unit_price": 749}]
    })
}

/// The full order with the value at a JSON pointer replaced, or added.
fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut order = full();
    let (object, name) = pointer.rsplit_once('/').unwrap();
    match order.pointer_mut(object).unwrap() {
        Value::Object(object) => _ = object.insert(name.to_owned(), value.into()),
        Value::Array(array) => array[name.parse::<usize>().unwrap()] = value.into(),
        other => panic!("{other} has no {name}"),
    }
    order
}

/// The full order without the field at a JSON pointer.
fn without(pointer: &str) -> Value {
    let mut order = full();
    let (object, name) = pointer.rsplit_once('/').unwrap();
    order.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    order
}

fn post(body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post("/orders").header("content-type", "application/json").body(body.into()).unwrap()
}

/// The problem that an answer tells, which must be whole.
#[track_caller]
fn problem(response: &Response<Bytes>) -> Value {
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json", "{response:?}");
    assert_eq!(headers["content-length"], response.body().len().to_string());
    let problem = body_of(response);
    assert_eq!(problem["status"], response.status().as_u16());
    assert!(problem["type"].as_str().is_some_and(|kind| kind.starts_with("urn:sluice:problem:")), "{problem}");
    for text in ["title", "detail"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem} has no {text}");
    }
    problem
}

/// All keys of the queue and of the store.
async fn keys(redis: &Redis) -> Vec<String> {
    let mut keys = Vec::new();
    for database in 0..=1 {
        let client = ::redis::Client::open(redis.url(database)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let found: Vec<String> = connection.keys("*").await.unwrap();
        keys.extend(found);
    }
    keys
}
