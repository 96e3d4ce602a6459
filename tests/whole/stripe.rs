//! A shop's checkout at Stripe: the whole application with its adapter, against localstripe.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::AsyncCommands;
use futures::future::join_all;
use host::StartOptions;
use host::calls::{Operation, Ruling, decide};
use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, level, track};
use crate::harness::{Fate, Redis, Sluice, Stripe, StripeCall, an_order, eventually, json as body_of, start_with};

pub(super) const VISA: &str = "4242424242424242";
/// The bank declines it when it is charged.
const DECLINED: &str = "4000000000000341";
/// The bank asks its holder.
pub(super) const ASKS: &str = "4000002500003155";

const CREATE: &str = "POST /v1/payment_intents";
const CONFIRM: &str = "POST /v1/payment_intents/{id}/confirm";

/// A running application that charges orders at Stripe, and retries at once.
async fn charging(stripe: &Stripe) -> Sluice {
    charging_with(stripe, &[]).await
}

pub(super) async fn charging_with(stripe: &Stripe, own: &[(&'static str, &str)]) -> Sluice {
    Sluice::on(Redis::start().await.into(), start(stripe, own)).await
}

pub(super) fn start(stripe: &Stripe, own: &[(&'static str, &str)]) -> StartOptions {
    let usual = [
        ("operator_key", KEY),
        ("payment_timeout_ms", "5000"),
        ("max_attempts", "50"),
        ("backoff_base_ms", "1"),
        ("backoff_cap_ms", "10"),
        ("lease_ms", "10000"),
    ];
    let mut variables = stripe.variables();
    variables.extend(usual.iter().chain(own).map(|(name, value)| (*name, (*value).to_owned())));
    start_with(&borrowed(&variables))
}

/// An order that is paid by this card. `price` makes its total one of its own.
pub(super) fn paid_by(token: &str, price: u64) -> Value {
    let mut order = an_order();
    order["payment"] = json!({"token": token});
    order["metadata"] = json!({"campaign": "summer & sun"});
    order["lines"][1]["unit_price"] = price.into();
    order
}

/// The sum of all amounts.
pub(super) fn sum(objects: &[Value]) -> u64 {
    objects.iter().map(|object| object["amount"].as_u64().unwrap()).sum()
}

pub(super) async fn letters(sluice: &Sluice) -> Value {
    body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_charged_a_decline_rejects_and_a_cancellation_gives_the_money_back() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging(&stripe).await;
    track(&sluice, 100).await;
    let id = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
    let record = sluice.until(&id, "confirmed").await;
    let [charge] = stripe.books().taken().await.try_into().unwrap();
    assert_eq!((&charge["amount"], &charge["currency"]), (&record["total"], &json!("eur")));
    assert_eq!(record["payment"], json!({"charge_id": charge["payment_intent"], "provider": "stripe.spin.internal"}));
    let [intent] = stripe.books().all("payment_intents").await.try_into().unwrap();
    let metadata = json!({"order_id": id, "reference": "cart-4711", "campaign": "summer & sun"});
    assert_eq!((&intent["metadata"], &intent["status"]), (&metadata, &json!("succeeded")));

    let declined = sluice.place(&paid_by(&stripe.books().card(DECLINED).await, 1200)).await;
    let record = sluice.until(&declined, "rejected").await;
    assert_eq!(record["reason"], "the payment was declined: Your card was declined.");

    let asked = sluice.place(&paid_by(&stripe.books().card(ASKS).await, 1200)).await;
    let record = sluice.until(&asked, "rejected").await;
    let words = "needs the customer's action (3-D Secure), for which this shop is not set up";
    assert_eq!(record["reason"], format!("the payment was declined: {words}"));
    let intents = stripe.books().all("payment_intents").await;
    let intent = intents.iter().find(|intent| intent["metadata"]["order_id"] == *asked).unwrap();
    assert_eq!(intent["status"], "canceled", "nobody can act on it any more");

    assert_eq!(stripe.books().taken().await.len(), 1);
    assert_eq!(level(&sluice, "TEA-1").await, (98.into(), 2.into()));
    sluice.ask(&id, "cancel", &Value::Null).await;
    let record = sluice.until(&id, "cancelled").await;
    let [refund] = stripe.books().all("refunds").await.try_into().unwrap();
    assert_eq!((&refund["charge"], &refund["amount"]), (&charge["id"], &charge["amount"]));
    assert_eq!(record["payment"]["refund_id"], refund["id"]);
    assert_eq!(level(&sluice, "TEA-1").await, (100.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_answer_of_stripe_is_lost_an_order_has_one_intent_and_one_charge_and_one_refund() {
    // Each request is carried out twice, and its first answer is lost.
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let first_is_lost = move |call: &StripeCall| match seen.lock().unwrap().insert(call.what.clone()) {
        true => Fate::PassAndLose,
        false => Fate::Pass,
    };
    let Some(stripe) = Stripe::behaving(first_is_lost).await else { return };
    let sluice = charging(&stripe).await;
    let id = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    assert_eq!(stripe.books().all("payment_intents").await.len(), 1);
    assert_eq!(stripe.books().all("charges").await.len(), 1);
    assert_eq!(stripe.books().all("refunds").await.len(), 1);
    let calls: Vec<_> = stripe.calls().into_iter().map(|call| call.what).collect();
    assert_eq!(calls.iter().filter(|what| *what == CONFIRM).count(), 1, "the intent itself says that it is paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_partial_outage_all_are_confirmed_and_charges_and_records_agree_to_the_cent() {
    // Now and then several calls in a row go well. While it fails for all, one order at a time tries, with two calls.
    let fates = [
        Fate::Fail(StatusCode::BAD_GATEWAY),
        Fate::PassAndFail(StatusCode::BAD_GATEWAY),
        Fate::Pass,
        Fate::Pass,
        Fate::Pass,
        Fate::PassAndLose,
        Fate::Fail(StatusCode::TOO_MANY_REQUESTS),
        Fate::Delay(Duration::from_millis(200)),
        Fate::Pass,
        Fate::Fail(StatusCode::SERVICE_UNAVAILABLE),
    ];
    // Some answers come after Sluice has given up on them.
    let decide = move |call: &StripeCall| match call.before % 29 {
        7 => Fate::Delay(Duration::from_millis(1400)),
        _ => fates[call.before % fates.len()],
    };
    let Some(stripe) = Stripe::behaving(decide).await else { return };
    // While Stripe fails for all, the pauses between probes grow with the lease.
    let brief = [("payment_timeout_ms", "1000"), ("backoff_cap_ms", "200"), ("lease_ms", "2000")];
    let sluice = charging_with(&stripe, &brief).await;
    let card = stripe.books().card(VISA).await;
    let orders: Vec<Value> = (0..16).map(|n| paid_by(&card, 1000 + 37 * n)).collect();
    let ids = join_all(orders.iter().map(|order| sluice.place(order))).await;
    let records = join_all(ids.iter().map(|id| sluice.until(id, "confirmed"))).await;

    let charges = stripe.books().taken().await;
    assert_eq!(charges.len(), ids.len(), "one charge for each order, none more");
    for record in &records {
        let of_it = charges.iter().filter(|charge| charge["payment_intent"] == record["payment"]["charge_id"]);
        let amounts: Vec<_> = of_it.map(|charge| &charge["amount"]).collect();
        assert_eq!(amounts, [&record["total"]], "{record}");
    }
    let totals: u64 = records.iter().map(|record| record["total"].as_u64().unwrap()).sum();
    assert_eq!(sum(&charges), totals);
    assert_eq!(stripe.books().all("payment_intents").await.len(), ids.len());
    assert!(stripe.calls().len() > 3 * ids.len(), "some were asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_while_an_answer_is_lost_costs_its_customer_nothing() {
    for (what, fate, taken) in [
        (CREATE, Fate::Fail(StatusCode::BAD_GATEWAY), 0),
        (CREATE, Fate::PassAndLose, 0),
        (CONFIRM, Fate::Fail(StatusCode::BAD_GATEWAY), 0),
        (CONFIRM, Fate::PassAndLose, 1),
    ] {
        let decide = move |call: &StripeCall| if call.what == what { fate } else { Fate::Pass };
        let Some(stripe) = Stripe::behaving(decide).await else { return };
        let hour = [("backoff_base_ms", "3600000"), ("backoff_cap_ms", "3600000")];
        let sluice = charging_with(&stripe, &hour).await;
        track(&sluice, 2).await;
        let id = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
        let failed = async || stripe.calls().iter().any(|call| call.what == what).then_some(());
        eventually("the request that fails", failed).await;
        sluice.ask(&id, "cancel", &Value::Null).await;
        sluice.until(&id, "cancelled").await;
        let (charges, refunds) = (stripe.books().taken().await, stripe.books().all("refunds").await);
        assert_eq!((charges.len(), refunds.len()), (taken, taken), "{what} {fate:?}");
        assert_eq!(sum(&charges), sum(&refunds));
        let intents = stripe.books().all("payment_intents").await;
        let open = intents.iter().filter(|it| !["succeeded", "canceled"].contains(&it["status"].as_str().unwrap()));
        assert_eq!(open.count(), 0, "{what} {fate:?}: {intents:?}");
        assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_redriven_after_weeks_is_charged_once() {
    for what in [CREATE, CONFIRM] {
        let lost = AtomicUsize::new(0);
        let decide = move |call: &StripeCall| match call.what == what && lost.fetch_add(1, Ordering::Relaxed) == 0 {
            true => Fate::PassAndLose,
            false => Fate::Pass,
        };
        let Some(stripe) = Stripe::behaving(decide).await else { return };
        let sluice = charging_with(&stripe, &[("max_attempts", "1")]).await;
        let id = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
        sluice.until(&id, "needs_attention").await;

        // Weeks go by: Stripe has forgotten the keys, and the note is old.
        stripe.forget_keys();
        let mut store = sluice.redis.raw().await;
        ::redis::cmd("SELECT").arg(1).exec_async(&mut store).await.unwrap();
        let note = format!("stripe/{id}/intent");
        let noted: String = store.get(&note).await.unwrap();
        if let Ok(asked) = noted.parse::<u64>() {
            let () = store.set(&note, (asked - 30 * 24 * 3_600_000).to_string()).await.unwrap();
        }
        sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
        sluice.until(&id, "confirmed").await;
        assert_eq!(stripe.books().taken().await.len(), 1, "{what}");
        assert_eq!(stripe.books().all("payment_intents").await.len(), 1, "{what}: it was found by its metadata");
    }
}

/// A start at which the adapter dies at its nth call, counted from 1, and how many calls it has made. Variables don't
/// count: reading one does nothing.
pub(super) fn dying(start: StartOptions, nth: usize, dies: fn() -> Ruling) -> (StartOptions, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let decision = decide(move |call| {
        let counts = &*call.component == "stripe" && !matches!(call.operation, Operation::Variable { .. });
        let dies_now = counts && counted.fetch_add(1, Ordering::Relaxed) + 1 == nth;
        if dies_now { dies() } else { Ruling::Proceed }
    });
    (StartOptions { calls: Some(Arc::new(decision)), ..start }, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_dies_before_or_after_any_of_its_calls_charges_once_and_refunds_once() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let card = stripe.books().card(VISA).await;
    for dies in [(|| Ruling::CrashBefore) as fn() -> Ruling, || Ruling::CrashAfter] {
        for nth in 1.. {
            let (start, calls) = dying(start(&stripe, &[]), nth, dies);
            let sluice = Sluice::on(Redis::start().await.into(), start).await;
            let id = sluice.place(&paid_by(&card, 1200)).await;
            let record = sluice.until(&id, "confirmed").await;
            sluice.ask(&id, "cancel", &Value::Null).await;
            sluice.until(&id, "cancelled").await;
            let is_its = |intent: &&Value| intent["metadata"]["order_id"] == *id;
            let intents = stripe.books().all("payment_intents").await;
            assert_eq!(intents.iter().filter(is_its).count(), 1, "call {nth}");
            let charge = &record["payment"]["charge_id"];
            let charges = stripe.books().taken().await;
            assert_eq!(charges.iter().filter(|it| it["payment_intent"] == *charge).count(), 1, "call {nth}");
            let refunds = stripe.books().all("refunds").await;
            assert_eq!(refunds.iter().filter(is_its).count(), 1, "call {nth}");
            if calls.load(Ordering::Relaxed) < nth {
                assert!(nth > 12, "the adapter makes only {nth} calls");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_of_the_shops_own_is_given_back_at_stripe() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging(&stripe).await;
    let first = sluice.place(&paid_by(&stripe.books().card(VISA).await, 1200)).await;
    sluice.until(&first, "confirmed").await;
    let [charge] = stripe.books().taken().await.try_into().unwrap();
    // What the shop has charged itself.
    let mut order = an_order();
    order["payment"] = json!({"charge_id": charge["id"]});
    let id = sluice.place(&order).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    sluice.until(&id, "cancelled").await;
    let [refund] = stripe.books().all("refunds").await.try_into().unwrap();
    assert_eq!((&refund["charge"], &refund["metadata"]["order_id"]), (&charge["id"], &json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_makes_a_dead_letter_that_does_not_show_it() {
    let Some(stripe) = Stripe::behaving(|_| Fate::Pass).await else { return };
    let sluice = charging(&stripe).await;
    let id = sluice.place(&paid_by("pm_hunter2", 1200)).await;
    sluice.until(&id, "needs_attention").await;
    let letters = letters(&sluice).await;
    assert_eq!(letters["letters"][0]["reason"], "the payment provider answered 422: Not Found");
    assert!(!letters.to_string().contains("hunter2"), "{letters}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_the_adapter_charges_nothing_and_health_names_both_variables() {
    let adapter = "http://stripe.spin.internal";
    let variables =
        [("payment_url", adapter), ("payment_origin", adapter), ("operator_key", KEY), ("max_attempts", "1")];
    let redis = Arc::new(Redis::start().await);
    let sluice = Sluice::on(redis.clone(), start_with(&variables)).await;
    let id = sluice.place(&paid_by("pm_1", 1200)).await;
    let history = eventually("the order to be given back", async || {
        let history: Vec<String> = redis.raw().await.hvals("{orders}:placed:history").await.unwrap();
        history.into_iter().find(|history| history.contains(r#""given_back":1"#))
    });
    let history = history.await;
    assert!(history.contains("401: The adapter for Stripe is off: set the variable stripe_key to turn"), "{history}");
    assert_eq!(sluice.get(&id).await["status"], "queued");
    let health = sluice.client.get("/health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told = String::from_utf8_lossy(health.body()).into_owned();
    assert!(told.contains("the variable stripe_key of component health is empty, but payment_url leads to"), "{told}");
    assert_eq!(letters(&sluice).await["dead"], 0, "no attempt is spent");
}
