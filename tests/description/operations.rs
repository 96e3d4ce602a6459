//! Each route, and what its types don't say of it.

use order::{State, limits};
use serde_json::{Value, json};

use super::examples::{batch, least, priced};
use super::operation::Content::{AnyJson, Json, Text};
use super::operation::{Operation, in_header, in_path, in_query};

const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of them, in the order of `access::ROUTES`.
pub(super) fn operations() -> Vec<Operation> {
    let mut all = orders();
    all.extend(changes());
    all.extend(dead_letters());
    all.extend(desk());
    all.extend(stock());
    all.extend(others());
    all
}

fn order_id() -> Value {
    let schema = json!({"type": "string", "format": "uuid"});
    in_path("id", "The order's id", schema, "019abc5e-6d2a-7c11-9a53-0c2c4a9f3d10")
}

fn queue() -> Value {
    let about = "placed, changes, changes.{endpoint} or placed.superseded";
    in_path("queue", about, json!({"type": "string"}), "placed")
}

fn sku() -> Value {
    in_path("sku", "The article's number, percent-encoded", json!({"type": "string"}), "TEA-1")
}

fn idempotency_key() -> Value {
    let most = limits::IDEMPOTENCY_KEY_CHARS;
    let schema = json!({"type": "string", "minLength": 1, "maxLength": most, "pattern": "^[!-~]+$"});
    in_header("Idempotency-Key", "The same key with the same request counts once", &schema)
}

fn traceparent() -> Value {
    in_header("traceparent", "W3C Trace Context. A malformed one is ignored", &json!({"type": "string"}))
}

const LOCATION: (&str, &str) = ("Location", "Where to read the order");
const LEFT: (&str, &str) = ("RateLimit", "How many orders the caller may still send, if that is bounded");
const POLICY: (&str, &str) = ("RateLimit-Policy", "How many the caller may send, if that is bounded");
const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "true, if the key came before");

fn orders() -> Vec<Operation> {
    vec![
        Operation::new("POST /orders", "placeOrder", "orders", "Place an order")
            .parameter(idempotency_key())
            .parameter(traceparent())
            .body("NewOrder", vec![("least", least()), ("priced", priced())])
            .answer(202, "The order is kept", Json("Order"))
            .header(LOCATION.0, LOCATION.1)
            .header(REPLAYED.0, REPLAYED.1)
            .header(LEFT.0, LEFT.1)
            .header(POLICY.0, POLICY.1)
            .problems(&["malformed-idempotency-key", "invalid-order", "idempotency-key-reused"])
            .problems(&["rate-limited", "queue-full"]),
        Operation::new("POST /orders/batch", "placeOrders", "orders", "Place up to 100 orders in one request")
            .parameter(traceparent())
            .body("OrderBatch", vec![("two", batch())])
            .answer(200, "Each order has its verdict, in the order in which they came", Json("BatchAnswer"))
            .header(LEFT.0, LEFT.1)
            .header(POLICY.0, POLICY.1)
            .problems(&["invalid-request", "rate-limited"]),
        list_orders(),
        Operation::new("GET /orders/{id}", "getOrder", "orders", "Read an order")
            .parameter(order_id())
            .answer(200, "The order as it stands", Json("Order"))
            .problems(&["record-unreadable", "removed"]),
    ]
}

fn list_orders() -> Operation {
    let states: Vec<_> = State::all().map(State::as_str).collect();
    let text = json!({"type": "string"});
    let time =
        json!({"type": "string", "anyOf": [{"format": "date-time", "pattern": "(Z|\\+00:00)$"}, {"format": "date"}]});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": limits::MOST_LISTED, "default": limits::LISTED});
    let cursor = json!({"type": "string", "pattern": "^[0-9a-fA-F]{32}$"});
    Operation::new("GET /orders", "listOrders", "orders", "List orders, the newest first")
        .parameter(in_query("status", "Where they stand", &json!({"type": "string", "enum": states})))
        .parameter(in_query("reference", "The shop's own number", &text))
        .parameter(in_query("email", "The customer's address, in any case of letters", &text))
        .parameter(in_query("created_from", "They were accepted at this time or later", &time))
        .parameter(in_query("created_to", "They were accepted before this time", &time))
        .parameter(in_query("limit", "How many at most", &limit))
        .parameter(in_query("cursor", "The `next` of the page before", &cursor))
        .answer(200, "A page of them. It may be short, and have a next one all the same", Json("OrderList"))
        .problems(&["malformed-request"])
}

fn changes() -> Vec<Operation> {
    vec![
        Operation::new("POST /orders/{id}/cancel", "cancelOrder", "orders", "Cancel an order")
            .parameter(order_id())
            .parameter(traceparent())
            .maybe_body("Cancellation", vec![("reason", json!({"reason": "ordered twice"}))])
            .answer(202, "The change is kept", Json("ChangeAccepted"))
            .header(LOCATION.0, LOCATION.1)
            .answer(200, "The order is cancelled already", Json("Order"))
            .problems(&["illegal-move", "change-given-up", "invalid-order", "record-unreadable", "removed"]),
        Operation::new("POST /orders/{id}/fulfil", "fulfilOrder", "orders", "Note that the goods went out")
            .parameter(order_id())
            .parameter(traceparent())
            .maybe_body("Fulfilment", vec![("tracking", json!({"tracking": "JD014600003SE"}))])
            .answer(202, "The change is kept", Json("ChangeAccepted"))
            .header(LOCATION.0, LOCATION.1)
            .answer(200, "The order is fulfilled already", Json("Order"))
            .problems(&["illegal-move", "change-given-up", "cancel-pending", "refund-unknown"])
            .problems(&["invalid-order", "record-unreadable", "removed"]),
        Operation::new(
            "DELETE /orders/{id}/personal-data",
            "erasePersonalData",
            "orders",
            "Take the customer out of an order",
        )
        .parameter(order_id())
        .parameter(traceparent())
        .answer(202, "The erasure is kept", Json("ChangeAccepted"))
        .header(LOCATION.0, LOCATION.1)
        .answer(200, "The customer is erased already", Json("Order"))
        .problems(&["undecided", "change-given-up", "record-unreadable", "removed"]),
    ]
}

fn dead_letters() -> Vec<Operation> {
    let decision = || vec![("decision", json!({"id": "019abc5e", "by": "ann", "why": "a test order"}))];
    let offset = json!({"type": "integer", "minimum": 0});
    vec![
        Operation::new("GET /dead-letters", "listQueues", "desk", "List the queues that have dead letters").answer(
            200,
            "The queues",
            Json("Overview"),
        ),
        Operation::new("GET /dead-letters/{queue}", "listDeadLetters", "desk", "List the dead letters of a queue")
            .parameter(queue())
            .parameter(in_query("offset", "How many to skip", &offset))
            .answer(200, "A hundred of them, oldest first", Json("LetterPage"))
            .problems(&["malformed-request"]),
        Operation::new("POST /dead-letters/{queue}/redrive", "redrive", "desk", "Send dead letters back")
            .parameter(queue())
            .body("RedriveRequest", vec![("all", json!({"all": true, "per_second": 10}))])
            .answer(200, "How many went back, and how many are left", Json("Redriven"))
            .problems(&["invalid-request"]),
        Operation::new("POST /dead-letters/{queue}/discard", "discard", "desk", "Give a dead letter up for good")
            .parameter(queue())
            .body("DecisionRequest", decision())
            .answer(200, "It is gone", Json("DiscardAnswer"))
            .problems(&["invalid-request"]),
        Operation::new(
            "POST /dead-letters/placed/settle",
            "settle",
            "desk",
            "End a payment that the provider won't end",
        )
        .body("DecisionRequest", decision())
        .answer(200, "The change is in the queue", Json("SettleAnswer"))
        .problems(&["invalid-request", "nothing-to-settle", "cancel-pending"]),
    ]
}

fn desk() -> Vec<Operation> {
    vec![
        Operation::new("GET /endpoints", "listEndpoints", "desk", "List the endpoints that are told of changes")
            .answer(200, "The endpoints", Json("EndpointList")),
        Operation::new("DELETE /endpoints/{name}", "removeEndpoint", "desk", "Remove an endpoint with all that waits")
            .parameter(in_path("name", "The endpoint's name", json!({"type": "string"}), "erp"))
            .answer(200, "It is gone", Json("Removed"))
            .problems(&["endpoint-in-use"]),
        Operation::new("GET /metrics", "getMetrics", "desk", "Read metrics, for Prometheus").answer(
            200,
            "OpenMetrics",
            Text(METRICS),
        ),
    ]
}

fn stock() -> Vec<Operation> {
    let cursor = json!({"type": "integer", "minimum": 0});
    vec![
        Operation::new("GET /stock", "listStock", "desk", "List the articles that have a stock entry")
            .parameter(in_query("cursor", "Of the page before", &cursor))
            .answer(200, "A page of them", Json("StockPage"))
            .problems(&["malformed-request"]),
        Operation::new("GET /stock/{sku...}", "getStock", "desk", "Read an article's stock")
            .parameter(sku())
            .answer(200, "The stock", Json("ShownStock"))
            .problems(&["malformed-request", "untracked"]),
        Operation::new("PUT /stock/{sku...}", "setStock", "desk", "Set how many pieces can be sold")
            .parameter(sku())
            .body("StockLevel", vec![("level", json!({"available": 500}))])
            .answer(200, "The stock", Json("ShownStock"))
            .problems(&["malformed-request", "invalid-request"]),
        Operation::new("PATCH /stock/{sku...}", "changeStock", "desk", "Add pieces, or take them away")
            .parameter(sku())
            .parameter(idempotency_key())
            .body("StockChange", vec![("sold", json!({"by": -3}))])
            .answer(200, "The stock", Json("ShownStock"))
            .header(REPLAYED.0, REPLAYED.1)
            .problems(&["malformed-request", "malformed-idempotency-key", "invalid-request", "idempotency-key-reused"])
            .problems(&["untracked", "not-enough-stock", "too-much-stock"]),
    ]
}

fn others() -> Vec<Operation> {
    let word = || vec![("succeeded", json!({"order_id": "019abc5e-6d2a-7c11-9a53-0c2c4a9f3d10"}))];
    vec![
        Operation::new("POST /payments/events", "paymentEvent", "payments", "Say that something became of a payment")
            .body("PaymentEvent", word())
            .answer(202, "It is heard", AnyJson)
            .problems(&["bad-signature", "invalid-request"]),
        Operation::new("POST /payments/stripe/events", "stripeEvent", "payments", "An event of Stripe")
            .body("StripeEvent", Vec::new())
            .answer(200, "It is passed on, or about no order", AnyJson)
            .problems(&["bad-signature"]),
        Operation::new("GET /health", "getHealth", "probes", "Whether Sluice can work")
            .answer(200, "It can", Json("Health"))
            .answer(503, "It can't", Json("Health")),
        Operation::new("GET /openapi.json", "getDescription", "probes", "This description").answer(
            200,
            "OpenAPI 3.1",
            AnyJson,
        ),
    ]
}
