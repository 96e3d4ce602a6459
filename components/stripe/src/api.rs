//! Stripe's API, as far as it is needed here, and what its errors mean to Sluice.

use std::time::Duration;

use guest::{PartnerRequest, Settings, StripeAccount, unreached, within};
use http::StatusCode;
use queue::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::form;
use crate::intent::{Held, Intent, IntentList, IntentStatus, RefundList, StripeCharge, StripeRefund};
use crate::refusal::Refusal;

/// Stripe, open for one request.
pub(crate) struct Stripe(StripeAccount);

/// What Stripe refused.
pub(crate) struct StripeFault {
    status: StatusCode,
    code: Option<String>,
    refusal: Refusal,
}

/// The body of an error.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorDetails,
}

#[derive(Default, Deserialize)]
struct ErrorDetails {
    code: Option<String>,
    message: Option<String>,
}

/// The version of the API whose answers are read here, whatever the account's default is.
const VERSION: &str = "2024-06-20";

/// How long Stripe may take for one request. Sluice mostly gives up before; what is learnt later is noted all the same.
const DEADLINE: Duration = Duration::from_secs(30);

/// Most bytes that are read of an answer: a page of a hundred refunds.
const ANSWER_BYTES: usize = 512 * 1024;

impl Stripe {
    /// # Errors
    /// If no key is set, or a variable is wrong.
    pub(crate) async fn open() -> Result<Self, Refusal> {
        let account = Settings::new("stripe").stripe_account().await?;
        let closed =
            || Refusal::misconfigured("The adapter for Stripe is off: set the variable stripe_key to turn it on.");
        account.map(Self).ok_or_else(closed)
    }

    /// Creates an intent, unconfirmed: no money is taken.
    pub(crate) async fn create(&self, form: String, key: &str) -> Result<Intent, StripeFault> {
        self.post("/v1/payment_intents", form, Some(key)).await
    }

    /// Has an intent take the money. It has no key: an intent takes its money once, and Stripe would repeat a failure
    /// of its own for the key. Only if Stripe is told where the customer comes back to, it says where to go.
    pub(crate) async fn confirm(&self, intent: &str) -> Result<Intent, StripeFault> {
        let form = self.0.return_url.as_deref().map(form::coming_back_to).unwrap_or_default();
        self.post(&format!("/v1/payment_intents/{intent}/confirm"), form, None).await
    }

    /// Has an intent never take money any more.
    pub(crate) async fn cancel(&self, intent: &str) -> Result<Intent, StripeFault> {
        self.post(&format!("/v1/payment_intents/{intent}/cancel"), String::new(), None).await
    }

    /// Has an intent take the money that it has set aside. It has no key, as its confirmation has none.
    pub(crate) async fn capture(&self, intent: &str, form: String) -> Result<Intent, StripeFault> {
        self.post(&format!("/v1/payment_intents/{intent}/capture"), form, None).await
    }

    /// The same for a charge of the shop's own.
    pub(crate) async fn capture_charge(&self, charge: &str, form: String) -> Result<StripeCharge, StripeFault> {
        self.post(&format!("/v1/charges/{charge}/capture"), form, None).await
    }

    /// Reads what has this id. What an intent's charge has set aside can be taken and let go by the intent only.
    pub(crate) async fn held(&self, id: &str) -> Result<Held, StripeFault> {
        let read = async |intent: &str| self.get(&format!("/v1/payment_intents/{intent}")).await.map(Held::Intent);
        if form::kind(id) == "payment_intent" {
            return read(id).await;
        }
        match self.get::<StripeCharge>(&format!("/v1/charges/{id}")).await? {
            StripeCharge { captured: false, payment_intent: Some(intent), .. } => read(&intent).await,
            charge => Ok(Held::Charge(charge)),
        }
    }

    /// Reads an intent that the notes name.
    pub(crate) async fn intent(&self, intent: &str) -> Result<Intent, Refusal> {
        match self.get(&format!("/v1/payment_intents/{intent}")).await {
            Err(fault) if fault.status == StatusCode::NOT_FOUND => Err(Refusal::misconfigured(format!(
                "Stripe doesn't know {intent}, which was made for this order: is stripe_key of another account, or of \
                 another mode?"
            ))),
            answer => Ok(answer?),
        }
    }

    /// Finds an order's intent by its metadata. Stripe's search lags behind by a minute, and is not for every account:
    /// without it the intent is not found. Such an intent was never confirmed, because its id was never noted.
    pub(crate) async fn find(&self, order: &str) -> Result<Option<Intent>, Refusal> {
        let found: Result<IntentList, _> =
            self.get(&format!("/v1/payment_intents/search?{}", form::intents_of(order))).await;
        match found {
            Ok(found) => Ok(found.data.into_iter().find(|intent| intent.status != IntentStatus::Canceled)),
            Err(fault) if matches!(fault.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Gives money back.
    pub(crate) async fn refund(&self, form: String, key: &str) -> Result<StripeRefund, StripeFault> {
        self.post("/v1/refunds", form, Some(key)).await
    }

    /// The refunds of a charge or an intent, the newest first.
    pub(crate) async fn refunds(&self, charge: &str) -> Result<Vec<StripeRefund>, StripeFault> {
        let list: RefundList = self.get(&format!("/v1/refunds?{}", form::refunds_of(charge))).await?;
        Ok(list.data)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: String, key: Option<&str>) -> Result<T, StripeFault> {
        let mut headers = self.headers();
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        headers.extend(key.map(|key| ("idempotency-key", key.to_owned())));
        let request = PartnerRequest { url: &self.0.url, path, headers, body: Some(body.into_bytes()) };
        answer(request).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, StripeFault> {
        answer(PartnerRequest { url: &self.0.url, path, headers: self.headers(), body: None }).await
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {}", self.0.key)), ("stripe-version", VERSION.to_owned())]
    }
}

async fn answer<T: DeserializeOwned>(request: PartnerRequest<'_>) -> Result<T, StripeFault> {
    let read = async {
        let sent = request.send().await;
        let reply = sent.map_err(|error| lost(&unreached(&error, "Stripe", "stripe_url")))?;
        let (status, retry_after) = (reply.status, reply.retry_after);
        let body = reply.read(ANSWER_BYTES).await;
        let body = body.map_err(|_| Refusal::new(StatusCode::BAD_GATEWAY, "Stripe's answer broke off."))?;
        match status.is_success() {
            true => serde_json::from_slice(&body).map_err(|_| unreadable(status)),
            false => Err(fault(status, retry_after, &body)),
        }
    };
    let late = || Refusal::new(StatusCode::GATEWAY_TIMEOUT, "Stripe did not answer in time.");
    within(DEADLINE, read).await.unwrap_or_else(|| Err(late().into()))
}

/// What it means that no answer came. What was refused here, before anything was sent, is a fault of the set-up.
fn lost(failure: &Failure) -> Refusal {
    match failure {
        Failure::Throttle { .. } => unreachable!("a request takes no place"),
        Failure::Release { reason, .. } => Refusal::misconfigured(format!("{reason}.")),
        Failure::Retry { reason, .. } | Failure::Bury { reason, .. } => {
            Refusal::new(StatusCode::BAD_GATEWAY, format!("{reason}."))
        }
    }
}

/// A 2xx that is not of Stripe's API. It may mean that money was moved, so the next try looks.
fn unreadable(status: StatusCode) -> StripeFault {
    let detail = format!("Stripe answered {} with something else than its API has.", status.as_u16());
    Refusal::new(StatusCode::BAD_GATEWAY, detail).into()
}

fn fault(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> StripeFault {
    let ErrorBody { error } = serde_json::from_slice(body).unwrap_or_default();
    let words = error.message.unwrap_or_else(|| format!("Stripe answered {}.", status.as_u16()));
    let again = || Refusal::new(StatusCode::BAD_GATEWAY, words.clone()).after(retry_after);
    let refusal = match status {
        StatusCode::PAYMENT_REQUIRED => Refusal::declined(words),
        // Its words show a part of the key.
        StatusCode::UNAUTHORIZED => Refusal::misconfigured("Stripe refuses the key: set the variable stripe_key anew."),
        StatusCode::FORBIDDEN => Refusal::misconfigured(
            "Stripe forbids this to the key: let it write PaymentIntents, charges and refunds, or set another as stripe_key.",
        ),
        // Too many requests, or one with the same key is under way. To ask again at once would spend attempts.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => {
            Refusal::new(status, words).after(retry_after.or(Some(Duration::from_secs(1))))
        }
        // A bank that Stripe needs has failed (424), or a proxy gave up.
        StatusCode::FAILED_DEPENDENCY | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => again(),
        status if status.is_client_error() => Refusal::for_good(words),
        _ => again(),
    };
    StripeFault { status, code: error.code, refusal }
}

impl StripeFault {
    /// Whether Stripe gives this as the reason.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the card was declined.
    pub(crate) fn is_declined(&self) -> bool {
        self.status == StatusCode::PAYMENT_REQUIRED
    }

    /// Whether what was set aside can't be taken any more, because it was too long ago.
    pub(crate) fn is_expired(&self) -> bool {
        self.is("charge_expired_for_capture") || self.is("capture_charge_authorization_expired")
    }

    /// What it means for a charge or an intent of which Sluice has the id.
    pub(crate) fn of_charge(self) -> Refusal {
        match self.status == StatusCode::NOT_FOUND || self.is("resource_missing") {
            true => self.refusal.adding("Is stripe_key of the account and the mode that took the money?"),
            false => self.refusal,
        }
    }

    /// What it means for an intent. Somebody else may have moved it on: the next try sees where it stands.
    pub(crate) fn of_intent(self) -> Refusal {
        match self.is("payment_intent_unexpected_state") {
            true => Refusal::busy("The PaymentIntent changed meanwhile. Ask again."),
            false => self.refusal,
        }
    }
}

impl From<Refusal> for StripeFault {
    fn from(refusal: Refusal) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: None, refusal }
    }
}

impl From<StripeFault> for Refusal {
    fn from(fault: StripeFault) -> Self {
        fault.refusal
    }
}
