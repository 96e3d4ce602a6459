//! How a shop has an order paid for.

use crate::fault::Malformed;
use crate::json::behind;
use crate::limits;
use crate::reader::{Value, text, yes};
use crate::text::PaymentId;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How a shop has an order paid for, if it says so. In JSON an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// The provider is to charge what this token stands for.
    Token {
        /// What the provider gave the shop, or its customer's browser, for a card.
        token: PaymentToken,
        /// The provider's own id of the customer, where the token needs one.
        customer: Option<PaymentId>,
    },
    /// The shop has charged it already. The provider gives it back if the order is rejected or cancelled.
    Charged(PaymentId),
    /// The shop has had this charge authorized, and the provider is to capture it.
    Authorized(PaymentId),
    /// It is paid for later, by invoice say. Nobody is asked.
    Later,
}

/// What stands for a card at the payment provider: 1 to [`limits::PAYMENT_TOKEN`] visible ASCII characters without
/// quotes and backslashes. Whoever has it may be able to charge the card, so no answer, event, log or dead letter shows
/// it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PaymentToken(Box<str>);

impl PaymentToken {
    /// The token, for the provider alone.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for PaymentToken {
    type Err = Malformed;

    fn from_str(token: &str) -> Result<Self, Malformed> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        let is_good = (1..=limits::PAYMENT_TOKEN).contains(&token.len()) && token.bytes().all(is_plain);
        let bad = || {
            let most = limits::PAYMENT_TOKEN;
            Malformed::new(format!("must be 1 to {most} visible ASCII characters, without spaces, quotes and \\"))
        };
        is_good.then(|| Self(token.into())).ok_or_else(bad)
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Stands where a token stood.
pub const HIDDEN: &str = "[hidden]";

/// Hides the token in an order's JSON, whoever wrote it.
#[must_use]
pub fn without_token(mut json: Vec<u8>) -> Vec<u8> {
    if let Some(begin) = behind(&json, br#""payment":{"token":""#) {
        // A token has no quote.
        let length = json[begin..].iter().position(|byte| *byte == b'"').unwrap_or(json.len() - begin);
        json.splice(begin..begin + length, HIDDEN.bytes());
    }
    json
}

impl Means {
    /// The shop's own charge, if it has one.
    #[must_use]
    pub fn charge(&self) -> Option<&PaymentId> {
        match self {
            Self::Charged(charge) | Self::Authorized(charge) => Some(charge),
            Self::Token { .. } | Self::Later => None,
        }
    }

    #[inline(never)]
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let [token, customer, charge, capture, later] =
            value.fields(["token", "customer", "charge_id", "capture", "later"])?;
        let (token, customer) = (token.optional(text), customer.optional(text));
        let (charge, capture, later) = (charge.optional(text), capture.optional(yes), later.optional(yes));
        match (token?, customer?, charge?, capture?, later?) {
            (Some(token), customer, None, None, None) => Some(Self::Token { token, customer }),
            (None, None, Some(charge), None, None) => Some(Self::Charged(charge)),
            (None, None, Some(charge), Some(()), None) => Some(Self::Authorized(charge)),
            (None, None, None, None, Some(())) => Some(Self::Later),
            _ => {
                value.fault(
                    "must have either token, and customer where the token needs it, or charge_id, and capture where \
                     it is only authorized, or later",
                );
                None
            }
        }
    }
}

impl Serialize for Means {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize, Default)]
        struct WrittenMeans<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            token: Option<&'a PaymentToken>,
            #[serde(skip_serializing_if = "Option::is_none")]
            customer: Option<&'a PaymentId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            charge_id: Option<&'a PaymentId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            capture: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            later: Option<bool>,
        }
        let written = match self {
            Self::Token { token, customer } => {
                WrittenMeans { token: Some(token), customer: customer.as_ref(), ..WrittenMeans::default() }
            }
            Self::Charged(charge) => WrittenMeans { charge_id: Some(charge), ..WrittenMeans::default() },
            Self::Authorized(charge) => {
                WrittenMeans { charge_id: Some(charge), capture: Some(true), ..WrittenMeans::default() }
            }
            Self::Later => WrittenMeans { later: Some(true), ..WrittenMeans::default() },
        };
        written.serialize(serializer)
    }
}
