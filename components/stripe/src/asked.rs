//! What Sluice asks for: the bodies of docs/payments.md.

use std::collections::BTreeMap;

use guest::{Request, read_body};
use http::StatusCode;
use order::OrderId;
use order::limits::BODY_BYTES;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::refusal::Refusal;

/// The body of `POST /charges`. Stripe is not told who the customer is.
#[derive(Deserialize)]
pub(crate) struct AskedCharge {
    #[serde(deserialize_with = "order_id")]
    pub(crate) order_id: OrderId,
    /// In minor units.
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) reference: Option<String>,
    pub(crate) payment: Option<AskedToken>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    /// Absent: the money is taken at once.
    #[serde(default, rename = "capture", deserialize_with = "taking")]
    pub(crate) taking: Taking,
}

/// When the money of a charge is taken.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Taking {
    /// At once.
    #[default]
    Now,
    /// When it is captured. Until then it is set aside.
    Later,
}

/// What stands for the card. Whoever has it may be able to charge the card, so it goes to Stripe only.
#[derive(Deserialize)]
pub(crate) struct AskedToken {
    pub(crate) token: String,
    pub(crate) customer: Option<String>,
}

/// The body of `POST /refunds`.
#[derive(Deserialize)]
pub(crate) struct AskedRefund {
    #[serde(deserialize_with = "order_id")]
    pub(crate) order_id: OrderId,
    /// In minor units.
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) charge_id: Option<String>,
}

/// The body of `POST /captures`.
#[derive(Deserialize)]
pub(crate) struct AskedCapture {
    #[serde(deserialize_with = "order_id")]
    pub(crate) order_id: OrderId,
    /// In minor units.
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) charge_id: String,
}

/// Reads a request: what it asks for, and its Idempotency-Key.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<(T, String), Refusal> {
    let key = request.header("idempotency-key").filter(|key| (1..=255).contains(&key.len())).map(str::to_owned);
    let key = key.ok_or_else(|| Refusal::for_good("Send an Idempotency-Key of 1 to 255 characters."))?;
    let body = read_body(request, BODY_BYTES).await?;
    let asked = serde_json::from_slice(&body).map_err(|error| {
        // The error's own words may show a part of the body.
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body can't be read at line {line}, column {column}: see docs/payments.md.");
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    })?;
    Ok((asked, key))
}

fn order_id<'de, D: Deserializer<'de>>(from: D) -> Result<OrderId, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

fn taking<'de, D: Deserializer<'de>>(from: D) -> Result<Taking, D::Error> {
    bool::deserialize(from).map(|now| if now { Taking::Now } else { Taking::Later })
}
