//! A payment provider that forgets a key between two tries, which it must not: what that breaks, and what not.

use std::collections::BTreeSet;
use std::sync::Mutex;

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, charging, variables};
use crate::harness::{Manner, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with};

/// A provider whose first answer to this path is a refusal, though it did what it was asked.
async fn refusing_once(path: &'static str) -> PaymentProvider {
    let refused = Mutex::new(BTreeSet::new());
    PaymentProvider::behaving(move |asked| {
        let is_first = asked.path == path && refused.lock().unwrap().insert(asked.key.clone());
        if is_first { Manner::TakeAndFail(StatusCode::BAD_REQUEST) } else { Manner::Take }
    })
    .await
}

/// How often an order's money was taken.
fn taken(provider: &PaymentProvider, order: &str) -> usize {
    let ledger = provider.ledger();
    let again = ledger.taken_again.iter().filter(|body| body["order_id"] == *order).count();
    usize::from(ledger.charges.contains_key(order)) + again
}

async fn redrive(sluice: &Sluice, letter: &str) {
    let answer = sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [letter]})).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgets_the_key_of_a_charge_charges_twice_if_that_is_redriven_and_not_if_it_is_cancelled() {
    let provider = refusing_once("/charges").await;
    let sluice = charging(&provider).await;
    let [redriven, cancelled] = [sluice.place(&an_order()).await, sluice.place(&an_order()).await];
    for id in [&redriven, &cancelled] {
        sluice.until(id, "needs_attention").await;
        provider.a_day_passes(id);
    }
    redrive(&sluice, &redriven).await;
    sluice.until(&redriven, "confirmed").await;
    assert_eq!(taken(&provider, &redriven), 2, "which is why docs/payments.md says that keys are kept for good");
    sluice.ask(&cancelled, "cancel", &Value::Null).await;
    let record = sluice.until(&cancelled, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{cancelled}"));
    assert_eq!(taken(&provider, &cancelled), 1);
}

/// The second thing that is asked for an order becomes a letter, and so it does when it is redriven after a day.
async fn refused_a_day_later(provider: &PaymentProvider, sluice: &Sluice, letter: &str) {
    provider.asked(2).await;
    dead(sluice, 1).await;
    provider.a_day_passes(letter.split('/').next().unwrap());
    redrive(sluice, letter).await;
    provider.asked(3).await;
    dead(sluice, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgets_the_key_of_a_capture_refuses_it_and_takes_the_money_once() {
    let provider = refusing_once("/captures").await;
    let mut variables = variables(&provider, &[]);
    variables.push(("payment_capture", "on_fulfil".to_owned()));
    let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let answer = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
    refused_a_day_later(&provider, &sluice, &format!("{id}/fulfil")).await;
    let ledger = provider.ledger();
    assert_eq!((ledger.captures.len(), ledger.taken_again.len()), (1, 0));
    assert_eq!(sluice.get(&id).await["status"], "confirmed", "a person must look");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgets_the_key_of_a_refund_refuses_it_and_an_operator_settles_that() {
    let provider = refusing_once("/refunds").await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    let letter = format!("{id}/cancel");
    refused_a_day_later(&provider, &sluice, &letter).await;
    let ledger = provider.ledger();
    assert_eq!((taken(&provider, &id), ledger.refunds.len()), (1, 1), "it was given back once");
    let word = json!({"id": letter, "by": "ann", "why": "refunded already"});
    let answer = sluice.operate("POST", "/dead-letters/placed/settle", KEY, &word).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let record = sluice.until(&id, "cancelled").await;
    assert!(record["payment"].get("settled").is_some(), "{record}");
    assert_eq!(provider.ledger().asked.len(), 3, "nobody was asked");
}

async fn dead(sluice: &Sluice, letters: u64) {
    let what = format!("{letters} dead letters");
    let count = async || {
        let shown = body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await);
        (shown["dead"] == letters).then_some(())
    };
    eventually(&what, count).await;
}
