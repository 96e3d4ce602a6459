//! A customer whom the bank asks (3-D Secure), at Stripe: the whole application with its adapter, against localstripe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use host::StartOptions;
use host::calls::{Operation, Ruling, decide};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::payment::{level, track};
use super::stripe::{ASKS, charging_with, paid_by, start};
use crate::harness::{AtTheBank, Fate, Redis, SECRET, Sluice, Stripe, StripeCall, eventually, json as body_of};

const CANCEL: &str = "POST /v1/payment_intents/{id}/cancel";
const LOOK: &str = "GET /v1/payment_intents/{id}";
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
    let lost = AtomicBool::new(false);
    let decide = move |call: &StripeCall| match call.what == CANCEL && !lost.swap(true, Ordering::Relaxed) {
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

const STRIPES: &str = "whsec_0123456789abcdef0123456789abcdef";
const HEARING: [(&str, &str); 3] = [SHOP, ("stripe_event_secret", STRIPES), ("payment_event_secret", SECRET)];

#[tokio::test(flavor = "multi_thread")]
async fn stripes_own_signed_event_confirms_an_order_that_nobody_else_would_ask_for() {
    let heard = Arc::new(AtomicBool::new(false));
    // As long as no event was heard, whoever asks is told nothing.
    let asked = heard.clone();
    let decide_fate = move |call: &StripeCall| match call.what == LOOK && !asked.load(Ordering::Relaxed) {
        true => Fate::Fail(StatusCode::BAD_GATEWAY),
        false => Fate::Pass,
    };
    let Some(stripe) = Stripe::behaving(decide_fate).await else { return };
    let hears = heard.clone();
    let watching = decide(move |call| {
        let hastens = matches!(call.operation, Operation::Redis { .. }) && &*call.component == "listener";
        hears.fetch_or(hastens, Ordering::Relaxed);
        Ruling::Proceed
    });
    let start = StartOptions { calls: Some(Arc::new(watching)), ..start(&stripe, &HEARING) };
    let sluice = Sluice::on(Redis::start().await.into(), start).await;
    let address = sluice.running.address().expect("it listens");
    stripe.books().tell(&format!("http://{address}/payments/stripe/events"), STRIPES).await;
    let (id, page) = at_the_bank(&stripe, &sluice).await;
    assert!(stripe.visit(&page, AtTheBank::Confirms).await);
    eventually("the event to be passed on", async || heard.load(Ordering::Relaxed).then_some(())).await;
    sluice.until(&id, "confirmed").await;
    assert_eq!(stripe.books().taken().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_outside_nobody_reaches_the_adapter_but_with_an_event_that_stripe_has_signed() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &HEARING).await;
    let charge = json!({"order_id": "019ac2b4-52d1-7b6c-9d3e-5a1f0c8e7b42", "amount": 1, "currency": "EUR",
        "payment": {"token": "pm_1"}});
    for (method, path) in [
        ("POST", "/charges"),
        ("POST", "/refunds"),
        ("GET", "/charges/019ac2b4-52d1-7b6c-9d3e-5a1f0c8e7b42"),
        ("POST", "/payments/stripe/charges"),
        ("POST", "/payments/stripe/events/charges"),
        ("POST", "/payments/stripe/events/../../../charges"),
        ("POST", "/payments/stripe/events%2F..%2Fcharges"),
        ("POST", "//charges"),
    ] {
        let request = Request::builder().method(method).uri(path).header("idempotency-key", "key");
        let request = request.header("host", "stripe.spin.internal").header("content-type", "application/json");
        let answer = sluice.client.send(request.body(Bytes::from(charge.to_string())).unwrap()).await;
        let kind = body_of(&answer)["type"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status().as_u16(), &*kind), (404, "urn:sluice:problem:not-found"), "{method} {path}");
    }
    let event = json!({"data": {"object": {"metadata": {"order_id": "019ac2b4-52d1-7b6c-9d3e-5a1f0c8e7b42"}}}});
    for path in ["/payments/stripe/events", "/payments/events"] {
        let request = Request::post(path).header("stripe-signature", "t=1700000000,v1=00");
        let answer = sluice.client.send(request.body(Bytes::from(event.to_string())).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert!(stripe.calls().is_empty(), "{:?}", stripe.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_the_secret_that_stripes_events_need_too() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[("stripe_event_secret", STRIPES)]).await;
    let health = sluice.client.get("/health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told = String::from_utf8_lossy(health.body()).into_owned();
    assert!(told.contains("the variable payment_event_secret of component health is empty, but stripe_event_secret"));
    assert_eq!(charging_with(&stripe, &HEARING).await.client.get("/health").await.status(), StatusCode::OK);
}
