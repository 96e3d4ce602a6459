//! Many orders in one body: `{"orders": [{"idempotency_key"?, …an order}]}`.

use std::borrow::Cow;

use crate::fault::{BodyFault, Fault};
use crate::idempotency_key::IdempotencyKey;
use crate::json::Node;
use crate::limits;
use crate::new_order::NewOrder;
use crate::reader;
use serde::Serialize;
use serde_json::value::RawValue;

/// Bytes of a body: orders of an importer have some hundred bytes each, and this is room for ten thousand.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Orders in one body. Redis does nothing else while it takes them.
pub const ORDERS: usize = 100;

const KEY: &str = "idempotency_key";

/// An order of a batch, with its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// Its own idempotency key.
    pub key: Option<IdempotencyKey>,
    /// The order.
    pub order: NewOrder,
}

/// Reads a body. Each order is read by itself: one with faults, which are told by their pointers in the body, keeps no
/// other from being read.
///
/// # Errors
/// What is no JSON, or no list of 1 to [`ORDERS`] elements.
pub fn parse(body: &[u8]) -> Result<Vec<Result<BatchItem, Vec<Fault>>>, BodyFault> {
    let mut tree = Node::parse(body)?;
    let count = |value: &reader::Value<'_>| {
        let [orders] = value.fields(["orders"])?;
        orders.required(|orders| {
            let count = orders.elements()?.len();
            if !(1..=ORDERS).contains(&count) {
                orders.fault(format!("must have 1 to {ORDERS} orders, not {count}"));
            }
            Some(())
        })
    };
    reader::read(&tree, count).map_err(|unread| BodyFault::Invalid(unread.faults))?;
    let Node::Object(members) = &mut tree else { unreachable!("it was read as an object") };
    let Some((_, Node::Array(orders))) = members.first_mut() else { unreachable!("it has one member, an array") };
    Ok(orders.iter_mut().enumerate().map(|(index, order)| item(index, order)).collect())
}

fn item(index: usize, node: &mut Node<'_>) -> Result<BatchItem, Vec<Fault>> {
    let (key, more) = key(node);
    let order = reader::read(node, NewOrder::read_new).map_err(|unread| unread.faults);
    let (faults, order) = match order {
        Ok(order) if order.canonical_json().as_bytes().len() > limits::BODY_BYTES => {
            let detail = format!("has more than {} bytes", limits::BODY_BYTES);
            (vec![Fault { pointer: String::new(), detail: detail.into() }], None)
        }
        Ok(order) => (Vec::new(), Some(order)),
        Err(faults) => (faults, None),
    };
    match order {
        Some(order) if more.is_none() => Ok(BatchItem { key, order }),
        _ => Err(more.into_iter().chain(faults).map(|fault| in_body(index, fault)).collect()),
    }
}

/// Takes the key out of an order, which knows no such field.
fn key(node: &mut Node<'_>) -> (Option<IdempotencyKey>, Option<Fault>) {
    let Node::Object(members) = node else { return (None, None) };
    // If there are two, the order is left with the second, which is a fault.
    let Some(at) = members.iter().position(|(name, _)| name == KEY) else { return (None, None) };
    let detail: Cow<'static, str> = match members.remove(at).1 {
        Node::Null => return (None, None),
        Node::String(text) => match text.parse() {
            Ok(key) => return (Some(key), None),
            Err(crate::fault::Malformed(detail)) => detail,
        },
        other => format!("must be a string, not {}", other.kind()).into(),
    };
    (None, Some(Fault { pointer: format!("/{KEY}"), detail }))
}

/// The fault of an order, with its pointer in the body.
#[must_use]
pub fn in_body(index: usize, Fault { pointer, detail }: Fault) -> Fault {
    Fault { pointer: format!("/orders/{index}{pointer}"), detail }
}

/// The answer to a batch: a verdict for each order, in the order in which they came.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchAnswer<'a> {
    /// The verdicts.
    pub orders: Vec<BatchVerdict<'a>>,
}

/// What one order of a batch would have got alone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchVerdict<'a> {
    /// The status code.
    pub status: u16,
    /// There if its key came with the same order before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_replayed: Option<bool>,
    /// In how many seconds it is worth sending again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The order that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::view::View<'_>>"))]
    pub order: Option<&'a RawValue>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "problem"))]
    pub problem: Option<&'a RawValue>,
}

/// Another crate has that.
#[cfg(feature = "schema")]
fn problem(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::Schema::new_ref("#/components/schemas/Problem".to_owned())
}
