//! `POST /refunds`: gives an order's total back, once, or lets go what was only set aside, and closes the order.

use guest::{Request, Response};

use crate::answer::done;
use crate::api::{Stripe, StripeFault};
use crate::asked::{AskedRefund, read};
use crate::form;
use crate::intent::{Held, Intent, IntentStatus, StripeCharge, StripeRefund};
use crate::notes::{KnownIntent, Notes};
use crate::refusal::Refusal;

pub(crate) async fn refund(request: Request) -> Result<Response, Refusal> {
    let stripe = Stripe::open().await?;
    let (asked, key) = read::<AskedRefund>(request).await?;
    let notes = Notes::of(asked.order_id).await?;
    // Before it looks for the intent: a charge looks for this before it confirms the intent.
    notes.close().await?;
    if let Some(charge) = &asked.charge_id {
        return match stripe.held(charge).await.map_err(StripeFault::of_charge)? {
            Held::Intent(intent) => undo(&stripe, &asked, intent, &key).await,
            Held::Charge(held) if held.captured || !held.paid => give_back(&stripe, &asked, charge, &key).await,
            Held::Charge(held) => release(&stripe, &asked, &held, &key).await,
        };
    }
    let intent = match notes.intent().await? {
        KnownIntent::Id(id) => Some(stripe.intent(&id).await?),
        KnownIntent::Nothing | KnownIntent::Asked(..) => stripe.find(&asked.order_id.to_string()).await?,
    };
    match intent {
        Some(intent) => undo(&stripe, &asked, intent, &key).await,
        None => Err(Refusal::closed()),
    }
}

/// Gives back what an intent took, or has it never take anything.
async fn undo(stripe: &Stripe, asked: &AskedRefund, intent: Intent, key: &str) -> Result<Response, Refusal> {
    match intent.status {
        IntentStatus::Succeeded => give_back(stripe, asked, &intent.id, key).await,
        IntentStatus::Canceled => Err(Refusal::closed()),
        IntentStatus::Processing => Err(Refusal::busy("Stripe still works on the charge. Ask again.")),
        _ => {
            stripe.cancel(&intent.id).await.map_err(StripeFault::of_intent)?;
            Err(Refusal::closed())
        }
    }
}

/// Lets go what a charge of the shop's own has set aside.
async fn release(stripe: &Stripe, asked: &AskedRefund, held: &StripeCharge, key: &str) -> Result<Response, Refusal> {
    if held.refunded {
        return Err(Refusal::closed());
    }
    match stripe.refund(form::release(asked, &held.id), key).await {
        Err(fault) if !fault.is("charge_already_refunded") => Err(fault.of_charge()),
        _ => Err(Refusal::closed()),
    }
}

/// Gives money back, unless Stripe's books say that it was: by us, or in Stripe's dashboard.
async fn give_back(stripe: &Stripe, asked: &AskedRefund, charge: &str, key: &str) -> Result<Response, Refusal> {
    let before = stripe.refunds(charge).await.map_err(StripeFault::of_charge)?;
    let order = asked.order_id.to_string();
    if let Some(ours) = before.iter().find(|refund| refund.is_of(&order) && refund.is_good()) {
        return Ok(given(ours));
    }
    match stripe.refund(form::refund(asked, charge)?, key).await {
        Ok(refund) if refund.is_good() => Ok(given(&refund)),
        Ok(refund) => {
            Err(Refusal::for_good(format!("Stripe's refund {} failed: give the money back otherwise.", refund.id)))
        }
        Err(fault) if fault.is("charge_already_refunded") => {
            before.iter().find(|refund| refund.is_good()).map(given).ok_or_else(|| fault.into())
        }
        Err(fault) => Err(fault.of_charge()),
    }
}

fn given(refund: &StripeRefund) -> Response {
    done(&refund.id)
}
