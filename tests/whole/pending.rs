//! A payment that needs its customer: the order waits for it with its stock, and ends by the provider's word, by our
//! asking, by a cancellation or by the time that is over, once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, level, track, variables};
use crate::harness::{
    Asked, Client, Endpoint, Manner, PAYMENT_KEY, PaymentProvider, Redis, SECRET, Sluice, an_order, customer_page,
    eventually, signed_word, start_with, unattended,
};

/// A provider whose customers take their time.
struct Slow {
    provider: PaymentProvider,
    manner: Arc<Mutex<Manner>>,
}

impl Slow {
    async fn begin(manner: Manner) -> Self {
        let manner = Arc::new(Mutex::new(manner));
        let now = manner.clone();
        // A refund is no matter of the customer's.
        let behave = move |asked: &Asked| match asked.path.as_str() {
            "/refunds" => Manner::Take,
            _ => *now.lock().unwrap(),
        };
        Self { provider: PaymentProvider::behaving(behave).await, manner }
    }

    fn does(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn variables(&self, endpoints: &[&Endpoint], more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let own = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let own = own.chain([("payment_event_secret", SECRET.to_owned())]);
        variables(&self.provider, endpoints).into_iter().chain(own).collect()
    }

    async fn host(&self, redis: &Arc<Redis>, endpoints: &[&Endpoint], more: &[(&'static str, &str)]) -> Sluice {
        Sluice::on(redis.clone(), start_with(&borrowed(&self.variables(endpoints, more)))).await
    }

    async fn sluice(&self, endpoints: &[&Endpoint], more: &[(&'static str, &str)]) -> Sluice {
        self.host(&Redis::start().await.into(), endpoints, more).await
    }

    /// Questions for what became of a charge.
    fn questions(&self) -> usize {
        self.provider.ledger().asked.iter().filter(|asked| asked.path.starts_with("/charges/")).count()
    }
}

/// The provider sends word of an order.
async fn word(sluice: &Sluice, order: &str) -> StatusCode {
    sluice.client.send(signed_word(order)).await.status()
}

/// Waits for this event of an order, and gives it.
async fn told(endpoint: &Endpoint, order: &str, state: &str) -> Value {
    eventually(&format!("the event that {order} is {state}"), async || {
        let events = endpoint.deliveries().into_iter().map(|delivery| delivery.event());
        events.into_iter().find(|event| event["subject"] == *order && event["type"] == format!("sluice.order.{state}"))
    })
    .await
}

/// The types of an order's events that reached the endpoint, by version.
fn types(endpoint: &Endpoint, order: &str) -> Vec<String> {
    let mut events: Vec<_> = endpoint.deliveries().into_iter().map(|delivery| delivery.event()).collect();
    events.retain(|event| event["subject"] == *order);
    events.sort_by_key(|event| event["version"].as_u64());
    events.dedup_by_key(|event| event["id"].clone());
    events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

const CONFIRMED: [&str; 2] = ["sluice.order.payment_pending", "sluice.order.confirmed"];

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_something_to_do_is_told_where_and_the_providers_word_confirms_the_order() {
    let (slow, endpoint) = (Slow::begin(Manner::Pend).await, Endpoint::start("erp").await);
    let sluice = slow.sluice(&[&endpoint], &[]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    let shown = sluice.until(&id, "payment_pending").await;
    assert_eq!((&shown["next_action"], &shown["version"]), (&customer_page(&id).into(), &1.into()));
    assert_eq!(shown["payment"], json!({"provider": slow.provider.name()}));
    let event = told(&endpoint, &id, "payment_pending").await;
    assert_eq!(event["data"], shown);
    assert_eq!(level(&sluice, "TEA-1").await, (0.into(), 2.into()), "its stock is held");
    let fulfilled = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(fulfilled.status(), StatusCode::CONFLICT, "{fulfilled:?}");

    slow.does(Manner::Take);
    assert_eq!(word(&sluice, &id).await, StatusCode::ACCEPTED);
    let confirmed = sluice.until(&id, "confirmed").await;
    assert_eq!((&confirmed["version"], confirmed.get("next_action")), (&2.into(), None));
    assert_eq!(confirmed["payment"], json!({"charge_id": format!("ch_{id}"), "provider": slow.provider.name()}));
    told(&endpoint, &id, "confirmed").await;
    assert_eq!(types(&endpoint, &id), CONFIRMED);
    assert_eq!(slow.provider.ledger().charges.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_confirmed_by_asking_alone_and_by_a_word_at_any_time_only_once() {
    let (slow, endpoint) = (Slow::begin(Manner::Process).await, Endpoint::start("erp").await);
    let sluice = slow.sluice(&[&endpoint], &[]).await;
    assert_eq!(word(&sluice, "019ac2b4-52d1-7b6c-9d3e-5a1f0c8e7b42").await, StatusCode::ACCEPTED, "unknown");
    let id = sluice.place(&an_order()).await;
    let shown = sluice.until(&id, "payment_pending").await;
    assert_eq!(shown.get("next_action"), None, "there is nothing that the customer could do");
    for _ in 0..3 {
        assert_eq!(word(&sluice, &id).await, StatusCode::ACCEPTED, "too early");
    }
    eventually("a question", async || (slow.questions() > 0).then_some(())).await;
    assert_eq!(sluice.get(&id).await, shown);
    slow.does(Manner::Take);
    let confirmed = sluice.until(&id, "confirmed").await;
    let asked = slow.provider.ledger().asked.len();
    for _ in 0..3 {
        assert_eq!(word(&sluice, &id).await, StatusCode::ACCEPTED, "too late");
    }
    told(&endpoint, &id, "confirmed").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(slow.provider.ledger().asked.len(), asked, "nobody is asked for what is over");
    assert_eq!(sluice.get(&id).await, confirmed);
    assert_eq!(types(&endpoint, &id), CONFIRMED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_declined_in_the_end_rejects_the_order_and_frees_its_stock() {
    let slow = Slow::begin(Manner::Pend).await;
    let sluice = slow.sluice(&[], &[]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "payment_pending").await;
    slow.does(Manner::Decline("the customer gave up"));
    word(&sluice, &id).await;
    let rejected = sluice.until(&id, "rejected").await;
    assert_eq!(rejected["reason"], "the payment was declined: the customer gave up");
    assert_eq!((rejected.get("payment"), rejected.get("next_action")), (None, None));
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_takes_too_long_is_closed_at_the_provider_and_its_order_rejected() {
    let (slow, endpoint) = (Slow::begin(Manner::Pend).await, Endpoint::start("erp").await);
    let sluice = slow.sluice(&[&endpoint], &[("payment_pending_ttl_s", "1"), ("payment_late_s", "0")]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "payment_pending").await;
    let rejected = sluice.until(&id, "rejected").await;
    assert_eq!(rejected["reason"], "the payment was not completed in time");
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
    told(&endpoint, &id, "rejected").await;
    let ledger = slow.provider.ledger();
    assert!(ledger.closed.contains(&id) && ledger.charges.is_empty(), "{ledger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_closes_a_pending_payment_and_goes_before_it() {
    let (slow, endpoint) = (Slow::begin(Manner::Pend).await, Endpoint::start("erp").await);
    let sluice = slow.sluice(&[&endpoint], &[]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "payment_pending").await;
    let answer = sluice.ask(&id, "cancel", &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
    let cancelled = sluice.until(&id, "cancelled").await;
    assert_eq!((cancelled.get("payment"), cancelled.get("next_action")), (None, None), "nothing was taken");
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
    told(&endpoint, &id, "cancelled").await;
    assert!(slow.provider.ledger().closed.contains(&id));

    // The customer paid, and the word of it is still to come: then the money is given back.
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "payment_pending").await;
    slow.does(Manner::Take);
    pay(&slow, &id).await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    let cancelled = sluice.until(&id, "cancelled").await;
    assert_eq!(cancelled["payment"]["refund_id"], format!("re_{id}"), "{cancelled}");
    let asked = slow.provider.ledger().asked.len();
    word(&sluice, &id).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(slow.provider.ledger().asked.len(), asked);
    assert_eq!(sluice.get(&id).await["status"], "cancelled");
}

/// The customer completes the payment, at the provider.
async fn pay(slow: &Slow, order: &str) {
    let client = Client::new(slow.provider.name().parse().unwrap());
    let request = Request::get(format!("/v1/charges/{order}"));
    let request = request.header("authorization", format!("Bearer {}", PAYMENT_KEY));
    let answer = client.send(request.body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_goes_on_with_a_pending_payment_and_charges_nothing_twice() {
    let (slow, endpoint) = (Slow::begin(Manner::Pend).await, Endpoint::start("erp").await);
    let redis = Arc::new(Redis::start().await);
    let first = slow.host(&redis, &[&endpoint], &[]).await;
    let ids = [first.place(&an_order()).await, first.place(&an_order()).await];
    for id in &ids {
        first.until(id, "payment_pending").await;
    }
    drop(first);

    // The word comes while nobody works, and the customer pays.
    let door = Sluice::on(redis.clone(), unattended(&borrowed(&slow.variables(&[&endpoint], &[])))).await;
    assert_eq!(door.get(&ids[0]).await["status"], "payment_pending");
    slow.does(Manner::Take);
    drop(door);
    let second = slow.host(&redis, &[&endpoint], &[]).await;
    second.attend().await;
    for id in &ids {
        second.until(id, "confirmed").await;
        told(&endpoint, id, "confirmed").await;
        assert_eq!(types(&endpoint, id), CONFIRMED);
    }
    let ledger = slow.provider.ledger();
    let charges = ledger.asked.iter().filter(|asked| asked.path == "/charges").count();
    assert_eq!((charges, ledger.charges.len()), (2, 2), "each was charged once, and asked for after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_leaves_the_payment_pending_until_it_answers() {
    let slow = Slow::begin(Manner::Pend).await;
    let sluice = slow.sluice(&[], &[]).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "payment_pending").await;
    slow.does(Manner::Fail(StatusCode::SERVICE_UNAVAILABLE));
    word(&sluice, &id).await;
    eventually("some questions", async || (slow.questions() > 2).then_some(())).await;
    assert_eq!(sluice.get(&id).await["status"], "payment_pending");
    slow.does(Manner::Take);
    sluice.until(&id, "confirmed").await;
}
