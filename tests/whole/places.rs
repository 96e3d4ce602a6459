//! A payment provider that is slow for a thousand orders is no reason to wait for one that needs none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde_json::json;

use super::payment::{borrowed, variables};
use crate::harness::{Manner, PaymentProvider, Redis, Sluice, an_order, start_with};

const CONCURRENCY: usize = 64;

async fn place_all(sluice: &Sluice, count: usize, payment: serde_json::Value) -> Vec<String> {
    let mut order = an_order();
    order["payment"] = payment;
    let order = &order;
    stream::iter(0..count).map(async |_| sluice.place(order).await).buffered(32).collect().await
}

async fn all_confirmed(sluice: &Sluice, ids: &[String]) {
    let confirmed = stream::iter(ids).map(async |id| sluice.until(id, "confirmed").await);
    confirmed.buffer_unordered(16).for_each(async |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_need_no_charge_are_confirmed_beside_a_thousand_that_wait_for_a_slow_provider() {
    let is_slow = Arc::new(AtomicBool::new(true));
    let slow = is_slow.clone();
    let provider = PaymentProvider::behaving(move |_| match slow.load(Ordering::SeqCst) {
        true => Manner::TakeLate(Duration::from_secs(1)),
        false => Manner::Take,
    })
    .await;
    let mut variables = variables(&provider, &[]);
    variables.retain(|(name, _)| *name != "payment_timeout_ms" && *name != "lease_ms");
    let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;

    let paying = place_all(&sluice, 1000, json!({"token": "tok_1"})).await;
    let free = place_all(&sluice, 200, json!({"later": true})).await;
    all_confirmed(&sluice, &free).await;
    let asked = provider.ledger().asked.len();
    assert!(asked <= 1000 - 3 * CONCURRENCY, "of those that came before, {asked} were charged before");

    is_slow.store(false, Ordering::SeqCst);
    all_confirmed(&sluice, &paying).await;
    let ledger = provider.ledger();
    assert_eq!((ledger.asked.len(), ledger.charges.len()), (1000, 1000), "each was asked for once");
    // The ids of orders that come at the same time are in any order, and so are the requests for so many at once.
    let order: BTreeMap<_, _> = paying.iter().enumerate().map(|(n, id)| (id.as_str(), n)).collect();
    let late = ledger.asked.iter().map(|asked| order[asked.key.as_str()].saturating_sub(asked.before)).max().unwrap();
    assert!(late <= 2 * CONCURRENCY, "one was charged {late} places before its turn");
}
