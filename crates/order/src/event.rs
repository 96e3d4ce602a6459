//! What subscribers receive: CloudEvents 1.0 in structured JSON.

use crate::command_id::CommandId;
use crate::id::OrderId;
use crate::json::{Node, written};
use crate::new_order::NewOrder;
use crate::payment::without_words;
use crate::record::{Record, Status, Version};
use crate::timestamp::Timestamp;
use crate::trace::TraceParent;
use crate::view::View;
use access::CallerName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The media type of an event (CloudEvents JSON format, section 3).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The id of the event about an order's version. It is the same however often the event is sent.
#[must_use]
pub fn id(order: &OrderId, version: Version) -> String {
    format!("{order}.{version}")
}

/// The event type of an order that was given up and lies in the dead letters.
pub const NEEDS_ATTENTION: &str = "sluice.order.needs_attention";

/// The event type of an order whose money is only authorized, and may soon not be had any more.
pub const AUTHORIZATION_EXPIRING: &str = "sluice.order.authorization_expiring";

/// The event type of an order whose customer was taken out. Who keeps a copy of the order takes them out too.
pub const PERSONAL_DATA_ERASED: &str = "sluice.order.personal_data_erased";

/// The event type of a payment provider that fails for all orders from now on.
pub const PAYMENTS_INTERRUPTED: &str = "sluice.payments.interrupted";

/// The event type of a payment provider that answers again.
pub const PAYMENTS_RESUMED: &str = "sluice.payments.resumed";

/// All event types: one for each status, and those of what went wrong.
pub fn types() -> impl Iterator<Item = &'static str> {
    let others =
        [NEEDS_ATTENTION, AUTHORIZATION_EXPIRING, PERSONAL_DATA_ERASED, PAYMENTS_INTERRUPTED, PAYMENTS_RESUMED];
    Status::ALL.into_iter().map(event_type).chain(others)
}

/// Whether there are events of this type.
#[must_use]
pub fn is_type(event_type: &str) -> bool {
    types().any(|known| known == event_type)
}

fn event_type(status: Status) -> &'static str {
    match status {
        Status::PaymentPending => "sluice.order.payment_pending",
        Status::Confirmed => "sluice.order.confirmed",
        Status::Rejected => "sluice.order.rejected",
        Status::Fulfilled => "sluice.order.fulfilled",
        Status::Cancelled => "sluice.order.cancelled",
    }
}

/// Writes the event about a record, with the record in it. The trace stands in CloudEvents' extension `traceparent`,
/// and the record's version in an extension of our own, `version`: receivers put the events of an order in order by it.
#[must_use]
pub fn to_json(record: &Record, trace: Option<&TraceParent>) -> Vec<u8> {
    about(record, id(&record.id(), record.version()), event_type(record.status()), record.updated_at(), trace)
}

/// Writes the event that an order's customer was taken out, with the record that this made.
#[must_use]
pub fn erased(record: &Record, trace: Option<&TraceParent>) -> Vec<u8> {
    let time = record.erased_at().unwrap_or(record.updated_at());
    about(record, id(&record.id(), record.version()), PERSONAL_DATA_ERASED, time, trace)
}

/// Writes the event that an order's money is only authorized, and may soon not be had any more. Gives its id, too.
#[must_use]
pub fn expiring(record: &Record) -> (String, Vec<u8>) {
    let id = [&id(&record.id(), record.version()), ".expiring"].concat();
    (id.clone(), about(record, id, AUTHORIZATION_EXPIRING, record.updated_at(), None))
}

fn about(
    record: &Record,
    id: String,
    event_type: &'static str,
    time: Timestamp,
    trace: Option<&TraceParent>,
) -> Vec<u8> {
    let event = Event {
        specversion: "1.0",
        id,
        source: "/orders",
        event_type,
        subject: record.id(),
        time,
        datacontenttype: "application/json",
        version: record.version(),
        traceparent: trace,
        data: View::of(record),
    };
    without_words(written(&event))
}

/// The id of the event that a message about an order was given up in one of its deliveries.
#[must_use]
pub fn attention_id(message: CommandId, delivery: u64) -> String {
    let order = message.order;
    match message.change {
        Some(change) => format!("{order}.attention.{change}.{delivery}"),
        None => format!("{order}.attention.{delivery}"),
    }
}

/// A message that was given up, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct GivenUp<'a> {
    /// The message.
    pub message: CommandId,
    /// Its last delivery.
    pub delivery: u64,
    /// The version of the order's present record: [`Version::NONE`] before it has one.
    pub version: Version,
    /// Why it was given up.
    pub reason: &'a str,
    /// Whose key brought the order, as far as it is known.
    pub shop: Option<&'a CallerName>,
    /// The order, if it can be read.
    pub order: Option<&'a NewOrder>,
}

/// Writes the event that a message was given up, and why.
#[must_use]
pub fn attention(given_up: &GivenUp<'_>, trace: Option<&TraceParent>, now: Timestamp) -> Vec<u8> {
    let GivenUp { message, delivery, version, reason, shop, order: content } = *given_up;
    let CommandId { order, change } = message;
    let given_up = View::given_up(order, change, reason).of_shop(shop);
    let event = Event {
        specversion: "1.0",
        id: attention_id(message, delivery),
        source: "/orders",
        event_type: NEEDS_ATTENTION,
        subject: order,
        time: now.max(order.accepted_at()),
        datacontenttype: "application/json",
        version,
        traceparent: trace,
        data: match content {
            Some(content) => given_up.with(content),
            None => given_up,
        },
    };
    written(&event)
}

/// Writes the event that a payment provider fails for all orders, or answers again: then there is no `reason`. Gives
/// the event's id, too. Its subject is the provider, by host and port.
#[must_use]
pub fn payments_turned(provider: &str, since: Timestamp, reason: &str, now: Timestamp) -> (String, Vec<u8>) {
    let (event_type, turned) = match reason {
        "" => (PAYMENTS_RESUMED, "resumed"),
        _ => (PAYMENTS_INTERRUPTED, "interrupted"),
    };
    let id = format!("payments.{turned}.{}", now.ms());
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let reason = if reason.is_empty() { String::new() } else { [",\"reason\":", &quoted(reason)].concat() };
    let provider = quoted(provider);
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/payments","type":"{event_type}","subject":{provider},"time":"{now}","datacontenttype":"application/json","data":{{"provider":{provider},"since":"{since}"{reason}}}}}"#
    );
    (id, event.into_bytes())
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "types_of_orders"))]
    event_type: &'static str,
    subject: OrderId,
    time: Timestamp,
    datacontenttype: &'static str,
    version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a TraceParent>,
    data: View<'a>,
}

#[cfg(feature = "schema")]
fn types_of_orders(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    crate::scalar_schema::words(types().filter(|name| name.starts_with("sluice.order.")))
}

/// A Lua pattern that finds the type in an event that [`to_json`] or [`attention`] wrote: no attribute before it holds
/// such a text.
pub const TYPE_PATTERN: &str = r#""type":"([^"]+)""#;

/// Writes the event that all was taken out that told of the customer of an order which a person gave up. Gives its id,
/// too. Such an order has no record, and so no version.
#[must_use]
pub fn erased_discarded(order: OrderId, now: Timestamp) -> (String, Vec<u8>) {
    let id = format!("{order}.erased");
    let event = Event {
        specversion: "1.0",
        id: id.clone(),
        source: "/orders",
        event_type: PERSONAL_DATA_ERASED,
        subject: order,
        time: now,
        datacontenttype: "application/json",
        version: Version::NONE,
        traceparent: None,
        data: View::discarded(order).erased(Some(now)),
    };
    (id, written(&event))
}

/// Takes the customer, the address and the note out of the data of an event that one of our builds wrote. `None`: there
/// is nothing to take out.
#[must_use]
pub fn without_customer(event: &[u8], now: Timestamp) -> Option<Vec<u8>> {
    let mut event = Node::parse(event).ok()?;
    let data = event.member_mut("data")?;
    let Node::Object(members) = data else { return None };
    let before = members.len();
    members.retain(|(name, _)| !["customer", "shipping_address", "note"].contains(&&**name));
    if members.len() == before {
        return None;
    }
    members.push(("erased_at".into(), Node::String(now.to_string().into())));
    Some(written(&event))
}

/// What stands in each event with personal data, and in no other.
pub const CUSTOMER_MARK: &str = r#""customer":{"#;

/// The attributes by which an event is routed. Its other attributes and its data are skipped over, unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Attributes<'a> {
    /// Unique among all events, and the same in each delivery.
    pub id: &'a str,
    /// Such as `sluice.order.confirmed`.
    #[serde(rename = "type")]
    pub event_type: &'a str,
}

/// Bytes that are no event.
#[derive(Debug, Error)]
#[error("not an event: {0}")]
pub struct NotAnEvent(#[from] serde_json::Error);

/// Reads the attributes of an event that [`to_json`] wrote.
///
/// # Errors
/// Bytes that are not JSON, or lack an id or a type, or write them with escapes. They will be the same at the next
/// attempt.
pub fn read(event: &[u8]) -> Result<Attributes<'_>, NotAnEvent> {
    Ok(serde_json::from_slice(event)?)
}
