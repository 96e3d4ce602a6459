//! An order's payment, and the messages to and from the payment provider.

use crate::envelope::Placed;
use crate::id::OrderId;
use crate::iso_code::Currency;
use crate::json::{Node, Number, behind, written};
use crate::means::Means;
use crate::money::Money;
use crate::new_order::{Customer, NewOrder};
use crate::reader::{Value, text, yes};
use crate::text::{MetadataKey, MetadataValue, Name, NextAction, PaymentId, Provider, Reason, Reference};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How an order that was confirmed is paid for. In JSON `"none"`, `"later"`, or an object with the
/// provider's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// Nobody was asked to pay: the shop has no payment provider, or the total is nothing.
    None,
    /// Nobody was asked to pay: the shop has it paid for later.
    Later,
    /// A provider was asked.
    Asked {
        /// The provider's id of the charge. Absent if the order was cancelled before the charge was answered, and while
        /// that is pending.
        charge: Option<PaymentId>,
        /// Who charged. Records of release 0.1 don't say it.
        provider: Option<Provider>,
        /// Whether the charge took the money.
        capture: Capture,
        /// How the money was given back. `None`: it was not.
        back: Option<GivenBack>,
    },
}

/// Whether a charge took the money, or only made sure of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capture {
    /// The charge takes it: nothing is captured later.
    Charged,
    /// The charge is authorized. The money is taken when the order is fulfilled.
    Due,
    /// It was taken after the charge: the provider's id of that.
    Made(PaymentId),
}

/// How money was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenBack {
    /// By the provider: its id of the refund.
    Refund(PaymentId),
    /// It was never taken, and the provider will not take it.
    Void,
    /// Not by Sluice. If its order is fulfilled, it was paid for elsewhere instead.
    ByHand(SettledByHand),
}

/// An operator's word that nothing is to be asked of the provider any more for a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettledByHand {
    /// Who says so.
    pub by: Name,
    /// Why.
    pub why: Reason,
}

/// What a provider's good answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAnswer {
    /// Its status, if that doesn't say that it is done.
    pub open: Option<String>,
    /// Whether that status says that the money is authorized.
    pub is_authorized: bool,
    /// Its id.
    pub id: Result<PaymentId, NoId>,
    /// Where the customer goes to complete it, if the answer has such a URL.
    pub next_action: Option<NextAction>,
}

/// Why an answer gives no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoId {
    /// It has none.
    Absent,
    /// It has one that can't be kept.
    Bad,
}

/// The body of `POST {payment_url}/charges`.
#[derive(Debug, Serialize)]
pub struct ChargeRequest<'a> {
    order_id: OrderId,
    amount: Money,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a Customer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'a Means>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<MetadataKey, MetadataValue>,
    /// `false`: only authorize it.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<bool>,
}

/// The body of `POST {payment_url}/captures` and of `POST {payment_url}/refunds`.
#[derive(Debug, Serialize)]
pub struct TotalRequest<'a> {
    order_id: OrderId,
    amount: Money,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<&'a PaymentId>,
}

impl<'a> ChargeRequest<'a> {
    /// Takes an order's total.
    #[must_use]
    pub fn new(placed: &'a Placed) -> Self {
        let order = &placed.order;
        Self {
            order_id: placed.id,
            amount: order.total(),
            currency: order.currency(),
            customer: order.customer(),
            reference: order.reference(),
            payment: order.means(),
            metadata: order.metadata(),
            capture: None,
        }
    }

    /// The same, but the provider takes nothing before it is asked to.
    #[must_use]
    pub fn authorize_only(self) -> Self {
        Self { capture: Some(false), ..self }
    }

    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        written(self)
    }
}

impl<'a> TotalRequest<'a> {
    /// Takes an order's total or gives it back. Without a charge's id the provider knows the charge by the order.
    #[must_use]
    pub fn new(order_id: OrderId, order: &NewOrder, charge_id: Option<&'a PaymentId>) -> Self {
        Self { order_id, amount: order.total(), currency: order.currency(), charge_id }
    }

    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        written(self)
    }
}

/// Statuses that say that a charge or a refund is done.
const DONE: [&str; 3] = ["succeeded", "paid", "captured"];

/// Statuses that say that a charge is authorized, and takes the money later.
const AUTHORIZED: [&str; 3] = ["authorized", "authorised", "requires_capture"];

/// Characters of a status that are told.
const STATUS: usize = 64;

/// Reads the answer to a charge or a refund: its id, a string or a whole number, its status, if it has one, and its
/// `next_action`. Its other fields are the provider's own.
#[must_use]
pub fn read_answer(answer: &[u8]) -> ProviderAnswer {
    let answer = members(answer);
    let words = |name| match member(&answer, name) {
        Some(Node::String(words)) => Some(&**words),
        _ => None,
    };
    let open = words("status").filter(|status| !DONE.contains(status));
    let id = match member(&answer, "id") {
        None | Some(Node::Null) => Err(NoId::Absent),
        Some(Node::String(id)) => id.parse().map_err(|_| NoId::Bad),
        Some(Node::Number(Number::Unsigned(id))) => id.to_string().parse().map_err(|_| NoId::Bad),
        Some(_) => Err(NoId::Bad),
    };
    ProviderAnswer {
        open: open.map(|status| status.chars().take(STATUS).collect()),
        is_authorized: open.is_some_and(|status| AUTHORIZED.contains(&status)),
        id,
        next_action: words("next_action").and_then(|url| url.parse().ok()),
    }
}

/// Reads of which order a provider sends word: the field `order_id`. Nothing else of the word is believed. `None`: it
/// says no order.
#[must_use]
pub fn read_word(word: &[u8]) -> Option<String> {
    match member(&members(word), "order_id") {
        Some(Node::String(order)) => Some(order.to_string()),
        _ => None,
    }
}

/// Reads what a refusal says to people: the detail of its problem (RFC 9457), or else its title.
#[must_use]
pub fn read_problem(answer: &[u8]) -> Option<String> {
    let refusal = members(answer);
    ["detail", "title"].into_iter().find_map(|name| match member(&refusal, name) {
        Some(Node::String(words)) => Some(words.to_string()),
        _ => None,
    })
}

/// The members of an object. Anything else has none.
fn members(json: &[u8]) -> Vec<(Cow<'_, str>, Node<'_>)> {
    match Node::parse(json) {
        Ok(Node::Object(members)) => members,
        _ => Vec::new(),
    }
}

fn member<'m>(members: &'m [(Cow<'_, str>, Node<'m>)], name: &str) -> Option<&'m Node<'m>> {
    members.iter().find_map(|(known, value)| (known == name).then_some(value))
}

impl Payment {
    /// Who was asked, if that is known.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        match self {
            Self::Asked { provider, .. } => provider.as_ref().map(Provider::as_str),
            Self::None | Self::Later => None,
        }
    }

    /// Whether the money is authorized, and neither taken nor given up.
    #[must_use]
    pub fn is_due(&self) -> bool {
        matches!(self, Self::Asked { capture: Capture::Due, back: None, .. })
    }

    /// Notes how it was given back. What was authorized isn't any more.
    pub(crate) fn give(&mut self, how: GivenBack) {
        if let Self::Asked { capture, back, .. } = self {
            *back = Some(how);
            if *capture == Capture::Due {
                *capture = Capture::Charged;
            }
        }
    }

    /// Reads a payment. One of another shape may be of a later release.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let payment = Self::read_known(value);
        if payment.is_none() && !value.is_object() {
            value.may_be_later();
        }
        payment
    }

    fn read_known(value: &Value<'_>) -> Option<Self> {
        if value.is_string() {
            return Some(if value.one_of(&["none", "later"])? == "later" { Self::Later } else { Self::None });
        }
        let [charge, authorized, made, refund, voided, settled, provider] =
            value.fields(["charge_id", "authorized", "capture_id", "refund_id", "voided", "settled", "provider"])?;
        let (charge, provider) = (charge.optional(text), provider.optional(text));
        let (authorized, made) = (authorized.optional(yes), made.optional(text));
        let (refund, voided, settled) =
            (refund.optional(text), voided.optional(yes), settled.optional(SettledByHand::read));
        let capture = match (made?, authorized?) {
            (Some(made), _) => Capture::Made(made),
            (None, Some(())) => Capture::Due,
            (None, None) => Capture::Charged,
        };
        let back = match (refund?, voided?, settled?) {
            (Some(refund), ..) => Some(GivenBack::Refund(refund)),
            (None, Some(()), _) => Some(GivenBack::Void),
            (None, None, settled) => settled.map(GivenBack::ByHand),
        };
        let (charge, provider) = (charge?, provider?);
        if charge.is_none() && back.is_none() && provider.is_none() {
            value.fault("must be \"none\", or have a charge_id, a refund_id, settled or a provider");
            return None;
        }
        Some(Self::Asked { charge, provider, capture, back })
    }
}

impl SettledByHand {
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let [by, why] = value.fields(["by", "why"])?;
        let (by, why) = (by.required(text), why.required(text));
        Some(Self { by: by?, why: why? })
    }
}

/// Takes the operator's words out of an order's JSON, whoever wrote it: outside of the desk it only says that the
/// payment was settled.
pub(crate) fn without_words(mut json: Vec<u8>) -> Vec<u8> {
    let Some(behind) = behind(&json, br#""settled":{"#) else { return json };
    let begin = behind - 1;
    let (mut is_string, mut is_escaped) = (false, false);
    let length = json[begin..].iter().position(|byte| {
        let is_plain = !std::mem::take(&mut is_escaped);
        match byte {
            b'"' if is_plain => is_string = !is_string,
            b'\\' if is_plain => is_escaped = true,
            _ => {}
        }
        *byte == b'}' && !is_string
    });
    if let Some(length) = length {
        json.splice(begin..=begin + length, *b"true");
    }
    json
}

/// A payment that a provider was asked for.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AskedPayment<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_id: Option<&'a PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<&'a PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<&'a PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voided: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "settled"))]
    settled: Option<&'a SettledByHand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a Provider>,
}

/// Whether it was settled by hand, or the words of who did: see [`without_words`].
#[cfg(feature = "schema")]
fn settled(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let words = generator.subschema_for::<SettledByHand>();
    schemars::json_schema!({"anyOf": [{"const": true}, words]})
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Payment {
    fn schema_name() -> Cow<'static, str> {
        "Payment".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let asked = generator.subschema_for::<AskedPayment<'_>>();
        schemars::json_schema!({"anyOf": [crate::scalar_schema::words(["none", "later"]), asked]})
    }
}

impl Serialize for Payment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (charge, provider, capture, back) = match self {
            Self::None => return serializer.serialize_str("none"),
            Self::Later => return serializer.serialize_str("later"),
            Self::Asked { charge, provider, capture, back } => (charge.as_ref(), provider.as_ref(), capture, back),
        };
        let (authorized, capture_id) = match capture {
            Capture::Charged => (None, None),
            Capture::Due => (Some(true), None),
            Capture::Made(id) => (None, Some(id)),
        };
        let (refund_id, voided, settled) = match back {
            Some(GivenBack::Refund(refund)) => (Some(refund), None, None),
            Some(GivenBack::Void) => (None, Some(true), None),
            Some(GivenBack::ByHand(settled)) => (None, None, Some(settled)),
            None => (None, None, None),
        };
        AskedPayment { charge_id: charge, authorized, capture_id, refund_id, voided, settled, provider }
            .serialize(serializer)
    }
}
