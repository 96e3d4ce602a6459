//! `POST /captures`: takes an order's total of what was set aside, once.

use guest::{Request, Response};

use crate::answer::{done, not_yet};
use crate::api::{Stripe, StripeFault};
use crate::asked::{AskedCapture, read};
use crate::form;
use crate::intent::{Held, Intent, IntentStatus, StripeCharge};
use crate::money::for_stripe;
use crate::notes::Notes;
use crate::refusal::Refusal;

pub(crate) async fn capture(request: Request) -> Result<Response, Refusal> {
    let stripe = Stripe::open().await?;
    let (asked, _) = read::<AskedCapture>(request).await?;
    // A refund notes this before it looks. If it does so only after this, one of the two is refused by Stripe.
    if Notes::of(asked.order_id).await?.is_closed().await? {
        return Err(Refusal::closed());
    }
    match stripe.held(&asked.charge_id).await.map_err(StripeFault::of_charge)? {
        Held::Intent(intent) => of_intent(&stripe, &asked, intent).await,
        Held::Charge(charge) => of_charge(&stripe, &asked, charge).await,
    }
}

/// Where the intent stands says whether the answer to an earlier capture was lost.
async fn of_intent(stripe: &Stripe, asked: &AskedCapture, intent: Intent) -> Result<Response, Refusal> {
    let intent = match intent.status {
        IntentStatus::RequiresCapture => {
            let form = form::capture(asked, "amount_to_capture")?;
            stripe.capture(&intent.id, form).await.map_err(judge)?
        }
        _ => intent,
    };
    match intent.status {
        IntentStatus::Succeeded => taken(asked, &intent.id, intent.amount_received, intent.currency),
        IntentStatus::Canceled if intent.is_expired() => Err(Refusal::declined(EXPIRED)),
        IntentStatus::Canceled => Err(Refusal::voided()),
        IntentStatus::RequiresCapture => Err(Refusal::busy("The PaymentIntent is not captured yet. Ask again.")),
        IntentStatus::Processing => Ok(not_yet(&intent.id, "processing")),
        IntentStatus::Other => Ok(not_yet(&intent.id, "unknown")),
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction => {
            Err(Refusal::declined(intent.fault().unwrap_or(NOT_AUTHORIZED)))
        }
    }
}

async fn of_charge(stripe: &Stripe, asked: &AskedCapture, charge: StripeCharge) -> Result<Response, Refusal> {
    match charge {
        StripeCharge { captured: true, .. } => {
            return taken(asked, &charge.id, charge.amount_captured, charge.currency);
        }
        StripeCharge { paid: false, .. } => return Err(Refusal::declined(NOT_AUTHORIZED)),
        // So Stripe calls what expired, and what was voided by somebody else than Sluice.
        StripeCharge { refunded: true, .. } => return Err(Refusal::declined(EXPIRED)),
        _ => {}
    }
    match stripe.capture_charge(&charge.id, form::capture(asked, "amount")?).await {
        Ok(captured) if captured.captured => taken(asked, &captured.id, captured.amount_captured, captured.currency),
        Ok(_) => Err(Refusal::busy("The charge is not captured yet. Ask again.")),
        Err(fault) if fault.is("charge_already_captured") => Err(Refusal::busy("The charge is captured. Ask again.")),
        Err(fault) => Err(judge(fault)),
    }
}

/// Somebody may have captured a part by hand, and the rest can't be taken any more. Or the shop has named what it took
/// for something else.
fn taken(asked: &AskedCapture, id: &str, amount: Option<u64>, currency: Option<String>) -> Result<Response, Refusal> {
    let total = for_stripe(asked.amount, &asked.currency)?;
    let (amount, currency) = (amount.unwrap_or(total), currency.unwrap_or_else(|| asked.currency.to_ascii_lowercase()));
    if amount == total && currency.eq_ignore_ascii_case(&asked.currency) {
        return Ok(done(id));
    }
    let detail = format!(
        "{amount} {currency} were captured, and not {total} {}, as Stripe counts it. Set it right at Stripe.",
        asked.currency.to_ascii_lowercase()
    );
    Err(Refusal::for_good(detail))
}

fn judge(fault: StripeFault) -> Refusal {
    if fault.is_expired() { Refusal::declined(EXPIRED) } else { fault.of_intent() }
}

const EXPIRED: &str = "the authorization of the payment has expired or was voided: nothing can be taken any more";
const NOT_AUTHORIZED: &str = "the payment was not authorized";
