//! No payment is taken twice, on the real components and a provider that fails as providers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::redis::AsyncCommands;
use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{
    Endpoint, Manner, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with, unattended,
    webhooks,
};

pub(super) const KEY: &str = "0123456789abcdef";

/// A running application that charges orders here, and retries at once.
pub(super) async fn charging(provider: &PaymentProvider) -> Sluice {
    charging_and_telling(provider, &[]).await
}

pub(super) async fn charging_and_telling(provider: &PaymentProvider, endpoints: &[&Endpoint]) -> Sluice {
    Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables(provider, endpoints)))).await
}

pub(super) fn variables(provider: &PaymentProvider, endpoints: &[&Endpoint]) -> Vec<(&'static str, String)> {
    let own = [
        ("operator_key", KEY),
        ("payment_timeout_ms", "300"),
        ("max_attempts", "50"),
        ("backoff_base_ms", "1"),
        ("backoff_cap_ms", "10"),
        ("lease_ms", "2000"),
    ];
    let own = own.map(|(name, value)| (name, value.to_owned()));
    own.into_iter().chain(provider.variables()).chain(webhooks(endpoints)).collect()
}

pub(super) fn borrowed<'v>(variables: &'v [(&'static str, String)]) -> Vec<(&'static str, &'v str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

pub(super) async fn track(sluice: &Sluice, pieces: u64) {
    for sku in ["TEA-1", "CUP-2"] {
        let answer = sluice.operate("PUT", &format!("/stock/{sku}"), KEY, &json!({"available": pieces})).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    }
}

pub(super) async fn level(sluice: &Sluice, sku: &str) -> (Value, Value) {
    let stock = body_of(&sluice.operate("GET", &format!("/stock/{sku}"), KEY, &Value::Null).await);
    (stock["available"].clone(), stock["held"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_charged_once_and_keeps_the_id_of_its_charge() {
    let provider = PaymentProvider::start().await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    let record = sluice.until(&id, "confirmed").await;
    let ledger = provider.ledger();
    assert_eq!(ledger.asked.len(), 1);
    assert_eq!(record["payment"], json!({"charge_id": format!("ch_{id}"), "provider": provider.name()}));
    assert_eq!(ledger.charges[&id]["amount"], record["total"]);
    assert_eq!(ledger.charges[&id]["customer"], an_order()["customer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_hangs_or_answers_twice_charges_no_order_twice() {
    let manners = [
        Manner::Fail(StatusCode::INTERNAL_SERVER_ERROR),
        Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
        Manner::TakeAndHang,
        Manner::AnswerTwice,
        Manner::Hang,
        Manner::Take,
        Manner::Fail(StatusCode::TOO_MANY_REQUESTS),
        Manner::AnswerTwice,
    ];
    let next = AtomicUsize::new(0);
    // Each request is met otherwise; of many attempts at one order some go well.
    let provider =
        PaymentProvider::behaving(move |_| manners[next.fetch_add(1, Ordering::Relaxed) % manners.len()]).await;
    let sluice = charging(&provider).await;
    let order = an_order();
    let ids = join_all((0..12).map(|_| sluice.place(&order))).await;
    for id in &ids {
        let record = sluice.until(id, "confirmed").await;
        assert_eq!(record["payment"]["charge_id"], format!("ch_{id}"));
    }
    let ledger = provider.ledger();
    assert_eq!(ledger.charges.len(), ids.len(), "one charge for each order, none more");
    assert!(ledger.asked.len() > ids.len(), "some were asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_order_is_rejected_and_its_stock_is_there_for_others() {
    let provider = PaymentProvider::behaving(|asked| match asked.before {
        0 => Manner::Decline("insufficient funds"),
        _ => Manner::Take,
    })
    .await;
    let endpoint = Endpoint::start("erp").await;
    let sluice = charging_and_telling(&provider, &[&endpoint]).await;
    track(&sluice, 2).await;
    let declined = sluice.place(&an_order()).await;
    let record = sluice.until(&declined, "rejected").await;
    assert_eq!(record["reason"], "the payment was declined: insufficient funds");
    assert_eq!(record.get("payment"), None);
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
    let taken = sluice.place(&an_order()).await;
    sluice.until(&taken, "confirmed").await;
    assert_eq!(level(&sluice, "TEA-1").await, (0.into(), 2.into()));
    let events = endpoint.received(2).await;
    let types: Vec<_> = events.iter().map(|delivery| delivery.event()["type"].clone()).collect();
    assert!(types.contains(&"sluice.order.rejected".into()) && types.contains(&"sluice.order.confirmed".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_provider_refuses_for_good_is_a_dead_letter_and_goes_on_when_redriven() {
    let provider = PaymentProvider::behaving(|asked| match asked.before {
        0 => Manner::Fail(StatusCode::BAD_REQUEST),
        _ => Manner::Take,
    })
    .await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    let shown = sluice.until(&id, "needs_attention").await;
    assert_eq!(shown["reason"], "it could not be processed, and an operator must look at it");
    let letters = body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await);
    assert_eq!((&letters["letters"][0]["id"], &letters["letters"][0]["class"]), (&json!(id), &json!("permanent")));
    assert_eq!(letters["letters"][0]["reason"], "the payment provider answered 400: told to fail");
    sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
    sluice.until(&id, "confirmed").await;
    assert_eq!(provider.ledger().charges.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_paid_order_gives_back_money_and_stock_once() {
    let provider = PaymentProvider::behaving(|asked| match (asked.path.as_str(), asked.before) {
        ("/refunds", 1) => Manner::TakeAndFail(StatusCode::SERVICE_UNAVAILABLE),
        _ => Manner::Take,
    })
    .await;
    let sluice = charging(&provider).await;
    track(&sluice, 5).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let reason = json!({"reason": "ordered twice"});
    let cancels = join_all((0..5).map(|_| sluice.ask(&id, "cancel", &reason))).await;
    assert!(cancels.iter().all(|answer| [200, 202].contains(&answer.status().as_u16())), "{cancels:?}");
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(
        record["payment"],
        json!({"charge_id": format!("ch_{id}"), "refund_id": format!("re_{id}"), "provider": provider.name()})
    );
    assert_eq!((&record["reason"], &record["version"]), (&json!("ordered twice"), &json!(2)));
    assert_eq!(level(&sluice, "TEA-1").await, (5.into(), 0.into()));
    let again = sluice.ask(&id, "cancel", &Value::Null).await;
    assert_eq!((again.status(), body_of(&again)), (StatusCode::OK, record));
    assert_eq!(provider.ledger().refunds.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_before_its_turn_is_never_charged() {
    let provider = PaymentProvider::start().await;
    let (redis, variables) = (Arc::new(Redis::start().await), variables(&provider, &[]));
    let door = Sluice::on(redis.clone(), unattended(&borrowed(&variables))).await;
    let id = door.place(&an_order()).await;
    let answer = door.ask(&id, "cancel", &Value::Null).await;
    assert_eq!((answer.status(), &body_of(&answer)["status"]), (StatusCode::ACCEPTED, &json!("queued")));

    let sluice = Sluice::on(redis, start_with(&borrowed(&variables))).await;
    track(&sluice, 5).await;
    sluice.attend().await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!((&record["version"], record.get("payment")), (&json!(1), None));
    assert!(provider.ledger().asked.is_empty(), "{:?}", provider.ledger().asked);
    assert_eq!(level(&sluice, "TEA-1").await, (5.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_given_up_after_its_charge_is_refunded_when_it_is_cancelled() {
    let provider = PaymentProvider::behaving(|asked| match asked.path.as_str() {
        "/charges" => Manner::TakeAndFail(StatusCode::BAD_REQUEST),
        _ => Manner::Take,
    })
    .await;
    let sluice = charging(&provider).await;
    track(&sluice, 5).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "needs_attention").await;
    assert_eq!(level(&sluice, "TEA-1").await, (3.into(), 2.into()), "a dead letter keeps its stock");
    let answer = sluice.ask(&id, "cancel", &Value::Null).await;
    assert_eq!(body_of(&answer)["status"], "needs_attention", "{answer:?}");
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"], json!({"refund_id": format!("re_{id}"), "provider": provider.name()}));
    assert_eq!(level(&sluice, "TEA-1").await, (5.into(), 0.into()));
    let letters = eventually("the dead letter to go", async || {
        let letters = body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await);
        (letters["dead"] == 0).then_some(letters)
    });
    letters.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_charge_was_tried_is_not_rejected_for_stock_that_sold_out_since() {
    let provider = PaymentProvider::behaving(|asked| match asked.before {
        0 => Manner::TakeAndHang,
        _ => Manner::Take,
    })
    .await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    provider.asked(1).await;
    track(&sluice, 0).await;
    let record = sluice.until(&id, "confirmed").await;
    assert_eq!(record["payment"]["charge_id"], format!("ch_{id}"));
    assert_eq!(provider.ledger().charges.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_does_not_wait_for_the_retry_of_its_order_and_nothing_is_charged_after_it() {
    for (manner, refunds) in
        [(Manner::TakeAndFail(StatusCode::GATEWAY_TIMEOUT), 1), (Manner::Fail(StatusCode::INTERNAL_SERVER_ERROR), 0)]
    {
        let provider = PaymentProvider::behaving(move |asked| match asked.path.as_str() {
            "/charges" => manner,
            _ => Manner::Take,
        })
        .await;
        let mut variables = variables(&provider, &[]);
        variables.extend([("backoff_base_ms", "3600000".to_owned()), ("backoff_cap_ms", "3600000".to_owned())]);
        let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
        track(&sluice, 2).await;
        let id = sluice.place(&an_order()).await;
        provider.asked(1).await;
        sluice.ask(&id, "cancel", &json!({"reason": "ordered twice"})).await;
        let record = sluice.until(&id, "cancelled").await;
        assert_eq!((&record["reason"], &record["version"]), (&json!("ordered twice"), &json!(1)));
        assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
        let ledger = provider.ledger();
        assert_eq!(ledger.asked.iter().filter(|asked| asked.path == "/charges").count(), 1, "{manner:?}");
        assert_eq!(ledger.refunds.len(), refunds);
        let totals: Vec<String> = sluice.redis.raw().await.hkeys("{orders}:totals").await.unwrap();
        assert!(!totals.contains(&"orders:unchanged".to_owned()), "{totals:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_no_provider_could_be_asked_for_is_charged_when_its_url_is_right() {
    let provider = PaymentProvider::start().await;
    let redis = Arc::new(Redis::start().await);
    let mistyped = || {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a port");
        let mut variables = variables(&provider, &[]);
        variables.extend([("payment_url", format!("http://{nobody}")), ("max_attempts", "2".to_owned())]);
        start_with(&borrowed(&variables))
    };
    let sluice = Sluice::on(redis.clone(), mistyped()).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "needs_attention").await;
    drop(sluice);

    let sluice = Sluice::on(redis, start_with(&borrowed(&variables(&provider, &[])))).await;
    let again = sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
    assert_eq!(again.status(), StatusCode::OK, "{again:?}");
    let record = sluice.until(&id, "confirmed").await;
    assert_eq!(record["payment"]["provider"], provider.name());
}
