//! Money that is set aside at Stripe, and taken when the order is fulfilled: the whole application with its adapter,
//! against localstripe.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use host::calls::Ruling;
use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, level, track};
use super::stripe::{ASKS, VISA, charging_with, dying, letters, paid_by, start};
use crate::harness::{AtTheBank, Fate, Redis, Sluice, Stripe, StripeCall, an_order, eventually};

const CAPTURE: &str = "POST /v1/payment_intents/{id}/capture";
const CANCEL: &str = "POST /v1/payment_intents/{id}/cancel";
const LATER: (&str, &str) = ("payment_capture", "on_fulfil");
const PROVIDER: &str = "stripe.spin.internal";

async fn fulfil(sluice: &Sluice, id: &str) {
    let answer = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(answer.status(), 202, "{answer:?}");
}

/// An order whose money is set aside, and its PaymentIntent.
async fn aside(stripe: &Stripe, sluice: &Sluice) -> (String, String) {
    let id = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
    let record = sluice.until(&id, "confirmed").await;
    let intent = record["payment"]["charge_id"].as_str().expect("an id").to_owned();
    assert_eq!(record["payment"], json!({"charge_id": intent, "provider": PROVIDER, "authorized": true}));
    assert_eq!(standing(stripe, &intent).await, "requires_capture");
    assert!(stripe.books().taken().await.is_empty(), "nothing is taken yet");
    (id, intent)
}

/// Where an intent stands.
async fn standing(stripe: &Stripe, intent: &str) -> Value {
    stripe.books().get(&format!("/v1/payment_intents/{intent}")).await.1["status"].clone()
}

/// What a shop's own checkout has set aside.
async fn of_the_shop(stripe: &Stripe, amount: u64) -> String {
    let card = stripe.books().card(VISA).await;
    let form = format!("amount={amount}&currency=eur&payment_method={card}&capture_method=manual&confirm=true");
    let (status, intent) = stripe.books().post("/v1/payment_intents", &form).await;
    assert!(status.is_success(), "{intent}");
    intent["id"].as_str().expect("an id").to_owned()
}

/// An order that the shop has authorized.
fn authorized_by_the_shop(intent: &str) -> Value {
    let mut order = an_order();
    order["payment"] = json!({"charge_id": intent, "capture": true});
    order
}

fn captures(stripe: &Stripe) -> usize {
    stripe.calls().iter().filter(|call| call.what == CAPTURE).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_taken_once_when_the_order_is_fulfilled_though_the_answer_is_lost() {
    let lost = AtomicBool::new(false);
    let decide = move |call: &StripeCall| match call.what == CAPTURE && !lost.swap(true, Ordering::Relaxed) {
        true => Fate::PassAndLose,
        false => Fate::Pass,
    };
    let Some(stripe) = Stripe::behaving(decide).await else { return };
    let sluice = charging_with(&stripe, &[LATER]).await;
    let (id, intent) = aside(&stripe, &sluice).await;
    fulfil(&sluice, &id).await;
    let record = sluice.until(&id, "fulfilled").await;
    assert_eq!(record["payment"], json!({"charge_id": intent, "capture_id": intent, "provider": PROVIDER}));
    let [charge] = stripe.books().taken().await.try_into().unwrap();
    assert_eq!((&charge["amount"], &charge["payment_intent"]), (&record["total"], &json!(intent)));
    assert_eq!(captures(&stripe), 1, "the intent itself says that it is captured");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_for_an_order_that_is_cancelled_is_let_go() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[LATER]).await;
    track(&sluice, 2).await;
    let (id, intent) = aside(&stripe, &sluice).await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"], json!({"charge_id": intent, "provider": PROVIDER, "voided": true}));
    assert_eq!(standing(&stripe, &intent).await, "canceled");
    assert!(stripe.books().taken().await.is_empty() && stripe.books().all("refunds").await.is_empty());
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_authorization_was_given_up_at_stripe_is_not_fulfilled_and_can_be_cancelled() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[LATER]).await;
    let (id, intent) = aside(&stripe, &sluice).await;
    stripe.books().post(&format!("/v1/payment_intents/{intent}/cancel"), "").await;
    fulfil(&sluice, &id).await;
    let letter = eventually("the fulfilment to be a dead letter", async || {
        let letters = letters(&sluice).await;
        (letters["dead"] == 1).then(|| letters["letters"][0].clone())
    })
    .await;
    assert!(letter["reason"].as_str().unwrap().contains("it had authorized: The authorization was voided"), "{letter}");
    assert_eq!((sluice.get(&id).await["status"].clone(), captures(&stripe)), ("confirmed".into(), 0));
    sluice.ask(&id, "cancel", &Value::Null).await;
    assert_eq!(sluice.until(&id, "cancelled").await["payment"]["voided"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_of_the_shops_own_is_captured_when_the_stock_is_held_and_else_let_go() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[]).await;
    track(&sluice, 2).await;
    let total = 2100;
    let (first, second) = (of_the_shop(&stripe, total).await, of_the_shop(&stripe, total).await);
    let id = sluice.place(&authorized_by_the_shop(&first)).await;
    let record = sluice.until(&id, "confirmed").await;
    assert_eq!((&record["total"], &record["payment"]["capture_id"]), (&total.into(), &json!(first)));
    assert_eq!(standing(&stripe, &first).await, "succeeded");

    let id = sluice.place(&authorized_by_the_shop(&second)).await;
    sluice.until(&id, "rejected").await;
    assert_eq!(standing(&stripe, &second).await, "canceled", "it is sold out");
    assert_eq!(stripe.books().taken().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_confirms_at_the_bank_has_money_set_aside_until_the_order_is_fulfilled() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging_with(&stripe, &[LATER, ("stripe_return_url", "https://shop.test/back")]).await;
    let id = sluice.place(&paid_by(&stripe.books().card(ASKS).await, 1200)).await;
    let page = sluice.until(&id, "payment_pending").await["next_action"].as_str().expect("a page").to_owned();
    assert!(stripe.visit(&page, AtTheBank::Confirms).await);
    assert_eq!(sluice.until(&id, "confirmed").await["payment"]["authorized"], true);
    assert!(stripe.books().taken().await.is_empty());
    fulfil(&sluice, &id).await;
    sluice.until(&id, "fulfilled").await;
    assert_eq!((stripe.books().taken().await.len(), captures(&stripe)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_now_and_then_what_is_fulfilled_is_taken_to_the_cent_and_what_is_cancelled_is_let_go() {
    // One request in three goes well. Never five in a row fail, which would be an outage.
    let nth = AtomicUsize::new(0);
    let decide = move |call: &StripeCall| match call.what == CAPTURE || call.what == CANCEL {
        true => [Fate::PassAndLose, Fate::Fail(StatusCode::BAD_GATEWAY), Fate::Pass]
            [nth.fetch_add(1, Ordering::Relaxed) % 3],
        false => Fate::Pass,
    };
    let Some(stripe) = Stripe::behaving(decide).await else { return };
    let sluice = charging_with(&stripe, &[LATER]).await;
    let card = stripe.books().card(VISA).await;
    let orders: Vec<Value> = (0..12).map(|n| paid_by(&card, 1000 + 37 * n)).collect();
    let ids = join_all(orders.iter().map(|order| sluice.place(order))).await;
    join_all(ids.iter().map(|id| sluice.until(id, "confirmed"))).await;
    assert!(stripe.books().taken().await.is_empty(), "nothing is taken yet");
    let (goes_out, cancelled) = ids.split_at(6);
    join_all(goes_out.iter().map(|id| fulfil(&sluice, id))).await;
    join_all(cancelled.iter().map(|id| sluice.ask(id, "cancel", &Value::Null))).await;
    let records = join_all(goes_out.iter().map(|id| sluice.until(id, "fulfilled"))).await;
    let voided = join_all(cancelled.iter().map(|id| sluice.until(id, "cancelled"))).await;

    let taken = stripe.books().taken().await;
    assert_eq!(taken.len(), records.len(), "one charge for each order that goes out, none more");
    for record in &records {
        let of_it = taken.iter().filter(|charge| charge["payment_intent"] == record["payment"]["capture_id"]);
        assert_eq!(of_it.map(|charge| &charge["amount"]).collect::<Vec<_>>(), [&record["total"]], "{record}");
    }
    for record in &voided {
        assert_eq!(record["payment"]["voided"], true, "{record}");
        assert_eq!(standing(&stripe, record["payment"]["charge_id"].as_str().expect("an id")).await, "canceled");
    }
    assert!(stripe.books().all("refunds").await.is_empty(), "what was never taken is not given back");
    assert_eq!(stripe.books().all("payment_intents").await.len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_dies_before_or_after_any_of_its_calls_takes_once_or_lets_go_what_was_set_aside() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let card = stripe.books().card(VISA).await;
    for ends in ["fulfilled", "cancelled"] {
        for dies in [(|| Ruling::CrashBefore) as fn() -> Ruling, || Ruling::CrashAfter] {
            for nth in 1.. {
                let (start, calls) = dying(start(&stripe, &[LATER]), nth, dies);
                let sluice = Sluice::on(Redis::start().await.into(), start).await;
                let id = sluice.place(&paid_by(&card, 1200)).await;
                let intent = sluice.until(&id, "confirmed").await["payment"]["charge_id"].clone();
                match ends {
                    "fulfilled" => fulfil(&sluice, &id).await,
                    _ => _ = sluice.ask(&id, "cancel", &Value::Null).await,
                }
                sluice.until(&id, ends).await;
                let taken = stripe.books().taken().await;
                let taken = taken.iter().filter(|it| it["payment_intent"] == intent).count();
                let stands = standing(&stripe, intent.as_str().expect("an id")).await;
                match ends {
                    "fulfilled" => assert_eq!((taken, stands), (1, "succeeded".into()), "call {nth}"),
                    _ => assert_eq!((taken, stands), (0, "canceled".into()), "call {nth}"),
                }
                if calls.load(Ordering::Relaxed) < nth {
                    assert!(nth > 12, "the adapter makes only {nth} calls");
                    break;
                }
            }
        }
    }
}
