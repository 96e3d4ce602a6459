//! What Stripe says of a PaymentIntent, of a charge and of a refund.

use order::NextAction;
use serde::Deserialize;

/// An order's payment at Stripe. It takes money once, however often it is confirmed.
#[derive(Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    /// Why the last confirmation failed.
    last_payment_error: Option<LastPaymentError>,
    /// What the customer has to do.
    next_action: Option<CustomersAction>,
    /// Why it is cancelled.
    cancellation_reason: Option<String>,
    /// What it has taken, as Stripe counts it.
    pub(crate) amount_received: Option<u64>,
    /// In lower case.
    pub(crate) currency: Option<String>,
}

/// A charge. One of the shop's own may have been made without an intent.
#[derive(Deserialize)]
pub(crate) struct StripeCharge {
    pub(crate) id: String,
    /// Whether the money was taken.
    pub(crate) captured: bool,
    /// Whether all of it was given back, or let go.
    #[serde(default)]
    pub(crate) refunded: bool,
    #[serde(default)]
    pub(crate) paid: bool,
    pub(crate) payment_intent: Option<String>,
    /// What it has taken, as Stripe counts it.
    pub(crate) amount_captured: Option<u64>,
    /// In lower case.
    pub(crate) currency: Option<String>,
}

/// What Stripe has under an id that Sluice was given.
pub(crate) enum Held {
    Intent(Intent),
    Charge(StripeCharge),
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

/// Anything but a page to go to is for Stripe's own software on the shop's page.
#[derive(Deserialize)]
struct CustomersAction {
    redirect_to_url: Option<BanksPage>,
}

#[derive(Deserialize)]
struct BanksPage {
    url: Option<String>,
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
    /// Why it took no money, for the customer, if Stripe says it.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.last_payment_error.as_ref()?.message.as_deref()
    }

    /// Whether Stripe has let the money go, because nobody captured it for days.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self.cancellation_reason.as_deref(), Some("automatic" | "expired"))
    }

    /// Where the customer has to go, if that is a page which Sluice can name.
    pub(crate) fn page(&self) -> Option<&str> {
        let page = self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_deref()?;
        page.parse::<NextAction>().is_ok().then_some(page)
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
