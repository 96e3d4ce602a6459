//! The whole description.

use access::{Allowed, ROUTES, Route};
use http::Method;
use serde_json::{Map, Value, json};

use super::operation::{Operation, in_header, reference};
use super::operations::operations;
use super::responses::{responses, to_begin_with};
use super::schemas::schemas;

const ABOUT: &str = "Takes orders for online shops, keeps every order that it accepted, and works them off at its own \
    pace. Amounts are integers in minor units: 450 is 4.50 euros. In a request, a field that may be left out may be \
    null, and a field that isn't known is a fault. Answers may get more fields, and lists of words more words: ignore \
    what you don't know. docs/api.md says more.";

/// Makes it.
pub(super) fn document() -> Value {
    let mut shared = to_begin_with();
    let paths = paths(&mut shared);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Sluice", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "orders", "description": "For the shop"},
            {"name": "desk", "description": "For operators"},
            {"name": "payments", "description": "For the payment provider"},
            {"name": "probes", "description": "For everybody"},
        ],
        "paths": paths,
        "webhooks": {"order": {"post": webhook()}},
        "components": {"schemas": schemas(), "responses": shared, "securitySchemes": security_schemes()},
    })
}

/// A path as OpenAPI writes it.
pub(super) fn path(form: &str) -> String {
    form.replace("...}", "}")
}

fn paths(shared: &mut Map<String, Value>) -> Value {
    let operations = operations();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let name = format!("{} {}", route.method, route.path);
        let operation = operations.iter().find(|operation| operation.route == name);
        let operation = operation.unwrap_or_else(|| panic!("operations.rs lacks {name}"));
        let path = paths.entry(path(route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = told(operation, route, shared);
    }
    paths.into()
}

fn told(operation: &Operation, route: &Route, shared: &mut Map<String, Value>) -> Value {
    let mut told = json!({
        "operationId": operation.id, "summary": operation.summary, "tags": [operation.tag],
        "security": security(route), "responses": responses(operation, route, shared),
    });
    let mut parameters = operation.parameters.clone();
    if route.method == Method::GET {
        parameters.push(in_header(
            "If-None-Match",
            "The ETag of the answer that the client has",
            &json!({"type": "string"}),
        ));
    }
    if !parameters.is_empty() {
        told["parameters"] = parameters.into();
    }
    if let Some(body) = &operation.body {
        told["requestBody"] = body.json();
    }
    told
}

/// One of the roles is enough.
fn security(route: &Route) -> Value {
    match route.allowed {
        Allowed::Roles(roles) => roles.iter().map(|role| json!({"key": [role.as_str()]})).collect::<Vec<_>>().into(),
        Allowed::Signers if route.path.contains("stripe") => json!([{"stripe": []}]),
        Allowed::Signers => json!([{"standardWebhooks": []}]),
        Allowed::Everybody => json!([]),
    }
}

fn security_schemes() -> Value {
    json!({
        "key": {"type": "http", "scheme": "bearer",
            "description": "A caller's key. Its role must be one of those that the operation names. While no key is \
                set, none is asked for"},
        "standardWebhooks": {"type": "apiKey", "in": "header", "name": "webhook-signature",
            "description": "Signed as Standard Webhooks describes, with webhook-id and webhook-timestamp"},
        "stripe": {"type": "apiKey", "in": "header", "name": "Stripe-Signature", "description": "Signed by Stripe"},
    })
}

/// What the endpoints of a shop get.
fn webhook() -> Value {
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "required": true, "description": description, "schema": {"type": "string"}});
    json!({
        "operationId": "orderChanged", "summary": "An order changed", "tags": ["orders"],
        "parameters": [
            header("webhook-id", "The id of the event, the same in each attempt"),
            header("webhook-timestamp", "Seconds since 1970 at this attempt"),
            header("webhook-signature", "As Standard Webhooks describes"),
        ],
        "requestBody": {"required": true, "content": {"application/cloudevents+json": {"schema": reference("Event")}}},
        "responses": {
            "2XX": {"description": "The event is delivered"},
            "410": {"description": "It is not wanted: it becomes a dead letter"},
            "default": {"description": "It is sent again later"},
        },
    })
}
