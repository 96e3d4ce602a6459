//! What the adapter notes about each order in the application's store, for good: a dead letter may be redriven after
//! weeks, when Stripe has forgotten its keys.
//!
//! | key | value | written |
//! |---|---|---|
//! | `stripe/{order}/intent` | the time in ms, and ` later` if the money is only set aside | before it is created |
//! | the same | the id of the PaymentIntent | before it is confirmed |
//! | `stripe/{order}/closed` | nothing | before a refund looks for the PaymentIntent |

use std::time::Duration;

use guest::{now_ms, within};
use http::StatusCode;
use order::OrderId;
use spin_sdk::key_value::{Error, Store};

use crate::asked::Taking;
use crate::refusal::Refusal;

/// The notes about one order.
pub(crate) struct Notes {
    store: Store,
    intent: String,
    closed: String,
}

/// What the notes say of an order's intent.
pub(crate) enum KnownIntent {
    /// None was asked for.
    Nothing,
    /// One was asked for so long ago, to take the money then. The answer never came.
    Asked(Duration, Taking),
    /// Its id.
    Id(String),
}

/// Stands behind the time.
const LATER: &str = " later";

/// How long the store may take for one note.
const DEADLINE: Duration = Duration::from_secs(5);

impl Notes {
    pub(crate) async fn of(order: OrderId) -> Result<Self, Refusal> {
        let store = in_time(Store::open_default()).await?;
        Ok(Self { store, intent: format!("stripe/{order}/intent"), closed: format!("stripe/{order}/closed") })
    }

    /// Notes that an intent is about to be created. Whoever asks again must ask for the same: Stripe compares it.
    pub(crate) async fn ask(&self, taking: Taking) -> Result<(), Refusal> {
        let mark = if taking == Taking::Later { LATER } else { "" };
        in_time(self.store.set(&self.intent, [&now_ms().to_string(), mark].concat())).await
    }

    /// Notes the intent that is about to be confirmed.
    pub(crate) async fn keep(&self, intent: &str) -> Result<(), Refusal> {
        in_time(self.store.set(&self.intent, intent)).await
    }

    pub(crate) async fn intent(&self) -> Result<KnownIntent, Refusal> {
        let Some(note) = in_time(self.store.get(&self.intent)).await? else { return Ok(KnownIntent::Nothing) };
        let note = String::from_utf8_lossy(&note).into_owned();
        let (time, taking) = match note.strip_suffix(LATER) {
            Some(time) => (time, Taking::Later),
            None => (&*note, Taking::Now),
        };
        Ok(match time.parse() {
            Ok(asked) => KnownIntent::Asked(Duration::from_millis(now_ms().saturating_sub(asked)), taking),
            Err(_) => KnownIntent::Id(note),
        })
    }

    /// Notes that the order is not charged any more.
    pub(crate) async fn close(&self) -> Result<(), Refusal> {
        in_time(self.store.set(&self.closed, b"")).await
    }

    pub(crate) async fn is_closed(&self) -> Result<bool, Refusal> {
        in_time(self.store.exists(&self.closed)).await
    }
}

/// The store's answer. Nothing goes on without it: what isn't noted is not done.
async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Refusal> {
    let reason = match within(DEADLINE, call).await {
        Some(Ok(answer)) => return Ok(answer),
        Some(Err(Error::Other(words))) => format!("failed: {}", queue::one_line(&words)),
        Some(Err(error)) => format!("failed: {error}"),
        None => format!("did not answer within {} s", DEADLINE.as_secs()),
    };
    Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("The store of the adapter for Stripe {reason}.")))
}
