//! An order's payment, and the messages to and from the payment provider.

use crate::envelope::Placed;
use crate::id::OrderId;
use crate::iso_code::Currency;
use crate::money::Money;
use crate::new_order::{Customer, NewOrder};
use crate::reader::{Value, text};
use crate::text::{PaymentId, Reference};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// How an order that was confirmed is paid for. In JSON `"none"`, or an object with the provider's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// The shop has no payment provider: nobody was asked to pay.
    None,
    /// The order's total was taken.
    Charged {
        /// The provider's id of the charge.
        charge: PaymentId,
    },
    /// The total was taken and given back.
    Refunded {
        /// The provider's id of the charge. Absent if the order was cancelled before the charge was answered.
        charge: Option<PaymentId>,
        /// The provider's id of the refund.
        refund: PaymentId,
    },
}

/// The body of `POST {payment_url}/charges`.
#[derive(Debug, Serialize)]
pub struct ChargeRequest<'a> {
    order_id: OrderId,
    amount: Money,
    currency: Currency,
    customer: &'a Customer,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Reference>,
}

/// The body of `POST {payment_url}/refunds`.
#[derive(Debug, Serialize)]
pub struct RefundRequest<'a> {
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
        }
    }

    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}

impl<'a> RefundRequest<'a> {
    /// Gives an order's total back. Without a charge's id the provider knows the charge by the order.
    #[must_use]
    pub fn new(order_id: OrderId, order: &NewOrder, charge_id: Option<&'a PaymentId>) -> Self {
        Self { order_id, amount: order.total(), currency: order.currency(), charge_id }
    }

    /// The JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}

/// Reads the id in the answer to a charge or a refund. Its other fields are the provider's own. `None`: it has no id.
#[must_use]
pub fn read_id(answer: &[u8]) -> Option<PaymentId> {
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    serde_json::from_slice::<WithId>(answer).ok()?.id.parse().ok()
}

/// Reads what a refusal says to people: the detail of its problem (RFC 9457), or else its title.
#[must_use]
pub fn read_problem(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        title: Option<String>,
        detail: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(answer).ok()?;
    refusal.detail.or(refusal.title)
}

impl Payment {
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        if value.is_string() {
            return value.constant("none").map(|()| Self::None);
        }
        let [charge, refund] = value.fields(["charge_id", "refund_id"])?;
        let charge = charge.optional(text);
        match (charge?, refund.optional(text)?) {
            (charge, Some(refund)) => Some(Self::Refunded { charge, refund }),
            (Some(charge), None) => Some(Self::Charged { charge }),
            (None, None) => {
                value.fault("must be \"none\", or have a charge_id or a refund_id");
                None
            }
        }
    }
}

impl Serialize for Payment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (charge, refund) = match self {
            Self::None => return serializer.serialize_str("none"),
            Self::Charged { charge } => (Some(charge), None),
            Self::Refunded { charge, refund } => (charge.as_ref(), Some(refund)),
        };
        let mut object = serializer.serialize_struct("Payment", 2)?;
        for (name, id) in [("charge_id", charge), ("refund_id", refund)] {
            if let Some(id) = id {
                object.serialize_field(name, id)?;
            }
        }
        object.end()
    }
}
