//! A customer whom the bank asks (3-D Secure), at Stripe: the whole application with its adapter, against localstripe.

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{level, track};
use super::stripe::{ASKS, charging_with, paid_by};
use crate::harness::{AtTheBank, Fate, Sluice, Stripe, StripeCall};

const CANCEL: &str = "POST /v1/payment_intents/{id}/cancel";
const SHOP: (&str, &str) = ("stripe_return_url", "https://shop.test/back");

/// An order whose customer must go to the bank, and the bank's page.
async fn at_the_bank(stripe: &Stripe, sluice: &Sluice) -> (String, String) {
    let id = sluice.place(&paid_by(&stripe.books().card(ASKS).await, 1200)).await;
    let shown = sluice.until(&id, "payment_pending").await;
    (id, shown["next_action"].as_str().expect("a page").to_owned())
}

/// Where the intent of an order stands.
async fn standing(stripe: &Stripe, order: &str) -> Value {
    let intents = stripe.books().all("payment_intents").await;
    let [intent] = <[_; 1]>::try_from(intents).expect("one intent");
    assert_eq!(intent["metadata"]["order_id"], order);
    intent["status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_confirms_at_the_bank_is_charged_once_and_the_order_goes_on() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[SHOP]).await;
    track(&sluice, 2).await;
    let (id, page) = at_the_bank(&stripe, &sluice).await;
    assert_eq!(level(&sluice, "TEA-1").await, (0.into(), 2.into()), "its stock is held");
    assert!(stripe.books().taken().await.is_empty());
    assert!(stripe.visit(&page, AtTheBank::Confirms).await);
    let record = sluice.until(&id, "confirmed").await;
    let [charge] = stripe.books().taken().await.try_into().unwrap();
    assert_eq!(charge["amount"], record["total"]);
    assert_eq!(record["payment"], json!({"charge_id": charge["payment_intent"], "provider": "stripe.spin.internal"}));
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    let [refund] = stripe.books().all("refunds").await.try_into().unwrap();
    assert_eq!((&refund["charge"], &refund["amount"]), (&charge["id"], &charge["amount"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_fails_at_the_bank_is_rejected_and_can_pay_nothing_afterwards() {
    // The first answer to the cancellation is lost.
    let lost = std::sync::atomic::AtomicBool::new(false);
    let decide =
        move |call: &StripeCall| match call.what == CANCEL && !lost.swap(true, std::sync::atomic::Ordering::Relaxed) {
            true => Fate::PassAndLose,
            false => Fate::Pass,
        };
    let Some(stripe) = Stripe::behaving(decide).await else { return };
    let sluice = charging_with(&stripe, &[SHOP]).await;
    track(&sluice, 2).await;
    let (id, page) = at_the_bank(&stripe, &sluice).await;
    assert!(stripe.visit(&page, AtTheBank::Fails).await);
    let record = sluice.until(&id, "rejected").await;
    let words = "the payment was declined: The provided PaymentMethod has failed authentication.";
    assert_eq!(record["reason"], words);
    assert_eq!(standing(&stripe, &id).await, "canceled");
    assert!(!stripe.visit(&page, AtTheBank::Confirms).await, "it is too late");
    assert!(stripe.books().all("charges").await.is_empty());
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_while_its_customer_is_at_the_bank_cannot_be_paid_any_more() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[SHOP]).await;
    let (id, page) = at_the_bank(&stripe, &sluice).await;
    assert_eq!(sluice.ask(&id, "cancel", &Value::Null).await.status(), StatusCode::ACCEPTED);
    sluice.until(&id, "cancelled").await;
    assert_eq!(standing(&stripe, &id).await, "canceled");
    assert!(!stripe.visit(&page, AtTheBank::Confirms).await, "it is too late");
    assert!(stripe.books().all("charges").await.is_empty());
}
