//! What Stripe says of a PaymentIntent and of a refund.

use serde::Deserialize;

/// An order's payment at Stripe. It takes money once, however often it is confirmed.
#[derive(Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    /// Why the last confirmation failed.
    last_payment_error: Option<LastPaymentError>,
}

/// Where an intent stands.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    /// Nobody was asked for money yet.
    RequiresConfirmation,
    /// The customer has to act, as for 3-D Secure.
    RequiresAction,
    /// The card was declined.
    RequiresPaymentMethod,
    /// The money is on its way.
    Processing,
    /// The money is set aside and not taken.
    RequiresCapture,
    /// The money was taken.
    Succeeded,
    /// It never takes money any more.
    Canceled,
    /// A status that this release doesn't know.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct LastPaymentError {
    message: Option<String>,
}

/// A page of intents.
#[derive(Deserialize)]
pub(crate) struct IntentList {
    pub(crate) data: Vec<Intent>,
}

/// Money that Stripe gives back.
#[derive(Deserialize)]
pub(crate) struct StripeRefund {
    pub(crate) id: String,
    status: Option<String>,
    #[serde(default)]
    metadata: RefundMetadata,
}

#[derive(Default, Deserialize)]
struct RefundMetadata {
    order_id: Option<String>,
}

/// A page of refunds, the newest first.
#[derive(Deserialize)]
pub(crate) struct RefundList {
    pub(crate) data: Vec<StripeRefund>,
}

impl Intent {
    /// Why it took no money, for the customer.
    pub(crate) fn fault(self) -> String {
        let words = self.last_payment_error.and_then(|error| error.message);
        words.unwrap_or_else(|| "the card could not be charged".to_owned())
    }
}

impl StripeRefund {
    /// Whether the money is given back, or on its way. Stripe itself pays out what is pending.
    pub(crate) fn is_good(&self) -> bool {
        !matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    /// Whether Sluice asked for it, for this order.
    pub(crate) fn is_of(&self, order: &str) -> bool {
        self.metadata.order_id.as_deref() == Some(order)
    }
}
