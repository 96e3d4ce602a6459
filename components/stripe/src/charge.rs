//! `POST /charges`: takes an order's total, once, or sets it aside. `GET /charges/{order}`: says what became of that.

use std::time::Duration;

use guest::{Request, Response};
use http::StatusCode;

use crate::answer::{authorized, done, not_yet, waits};
use crate::api::{Stripe, StripeFault};
use crate::asked::{AskedCharge, read};
use crate::form;
use crate::intent::{Intent, IntentStatus};
use crate::notes::{KnownIntent, Notes};
use crate::refusal::Refusal;

/// How long Stripe surely knows a key. It forgets keys when they are a day old; an hour is for clocks that differ.
const KEY_LIFE: Duration = Duration::from_secs(23 * 3600);

pub(crate) async fn charge(request: Request) -> Result<Response, Refusal> {
    let stripe = Stripe::open().await?;
    let (asked, key) = read::<AskedCharge>(request).await?;
    let notes = Notes::of(asked.order_id).await?;
    if notes.is_closed().await? {
        return Err(Refusal::closed());
    }
    let intent = match notes.intent().await? {
        KnownIntent::Id(id) => stripe.intent(&id).await?,
        KnownIntent::Nothing => {
            // What can't be charged is noted nowhere.
            let form = form::intent(&asked, asked.taking)?;
            notes.ask(asked.taking).await?;
            let intent = stripe.create(form, &key).await?;
            keep(&stripe, &notes, intent).await?
        }
        KnownIntent::Asked(ago, taking) => {
            let found = if ago < KEY_LIFE { None } else { stripe.find(&asked.order_id.to_string()).await? };
            let intent = match found {
                Some(found) => found,
                None => stripe.create(form::intent(&asked, taking)?, &key).await?,
            };
            keep(&stripe, &notes, intent).await?
        }
    };
    // A refund notes this before it looks for the intent. So if this is not noted, the refund finds the intent.
    if notes.is_closed().await? {
        return Err(Refusal::closed());
    }
    take(&stripe, intent).await
}

/// What became of a charge that was pending.
pub(crate) async fn look_up(order: &str) -> Result<Response, Refusal> {
    let stripe = Stripe::open().await?;
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "No charge of this order was asked for.");
    let notes = Notes::of(order.parse().map_err(|_| unknown())?).await?;
    match notes.intent().await? {
        _ if notes.is_closed().await? => Err(Refusal::closed()),
        KnownIntent::Id(id) => take(&stripe, stripe.intent(&id).await?).await,
        KnownIntent::Nothing | KnownIntent::Asked(..) => Err(unknown()),
    }
}

/// Notes an intent before money can move. If another delivery has noted one meanwhile, that is the order's: this one
/// may have stood still until Stripe forgot the key.
async fn keep(stripe: &Stripe, notes: &Notes, intent: Intent) -> Result<Intent, Refusal> {
    match notes.intent().await? {
        KnownIntent::Id(noted) if noted != intent.id => stripe.intent(&noted).await,
        _ => {
            notes.keep(&intent.id).await?;
            Ok(intent)
        }
    }
}

async fn take(stripe: &Stripe, intent: Intent) -> Result<Response, Refusal> {
    let intent = match intent.status {
        IntentStatus::RequiresConfirmation => match stripe.confirm(&intent.id).await {
            Ok(confirmed) => confirmed,
            Err(fault) if fault.is_declined() => {
                stripe.cancel(&intent.id).await.map_err(StripeFault::of_intent)?;
                return Err(fault.of_intent());
            }
            Err(fault) => return Err(fault.of_intent()),
        },
        _ => intent,
    };
    match intent.status {
        IntentStatus::Succeeded => Ok(done(&intent.id)),
        IntentStatus::RequiresAction => match intent.page() {
            Some(page) => Ok(waits(&intent.id, page)),
            None => Err(give_up(stripe, &intent, NEEDS_ACTION).await?),
        },
        IntentStatus::RequiresPaymentMethod => {
            let words = intent.fault().unwrap_or("the card could not be charged");
            Err(give_up(stripe, &intent, words).await?)
        }
        IntentStatus::Canceled => Err(Refusal::declined(intent.fault().unwrap_or(CANCELED))),
        IntentStatus::RequiresConfirmation => Err(Refusal::busy("The PaymentIntent is not confirmed yet. Ask again.")),
        IntentStatus::Processing => Ok(not_yet(&intent.id, "processing")),
        IntentStatus::RequiresCapture => Ok(authorized(&intent.id)),
        IntentStatus::Other => Ok(not_yet(&intent.id, "unknown")),
    }
}

/// Cancels an intent and declines. Whoever has been sent to the bank could pay it with another card otherwise.
async fn give_up(stripe: &Stripe, intent: &Intent, words: &str) -> Result<Refusal, Refusal> {
    stripe.cancel(&intent.id).await.map_err(StripeFault::of_intent)?;
    Ok(Refusal::declined(words))
}

const NEEDS_ACTION: &str = "needs the customer's action (3-D Secure), for which this shop is not set up";

/// We cancel what was not paid, and the answer to that may have been lost.
const CANCELED: &str = "the payment was cancelled at Stripe: by hand, or because its customer did not confirm it";
