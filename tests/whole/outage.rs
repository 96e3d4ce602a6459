//! A payment provider that is away is one incident: no order becomes a letter by it, and it is told once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, level, track};
use crate::harness::{
    Asked, Endpoint, Manner, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with,
    webhooks,
};

/// A provider that does so while it is away.
struct Outage {
    provider: PaymentProvider,
    is_away: Arc<AtomicBool>,
    /// When it was asked, and for what.
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Outage {
    async fn begin(manner: Manner) -> Self {
        Self::of(move |_| Some(manner)).await
    }

    /// `None`: it takes the money though it is away.
    async fn of(manner: impl Fn(&Asked) -> Option<Manner> + Send + Sync + 'static) -> Self {
        let (is_away, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (away, times) = (is_away.clone(), asked.clone());
        let provider = PaymentProvider::behaving(move |request| {
            times.lock().unwrap().push(Instant::now());
            let manner = manner(request).filter(|_| away.load(Ordering::SeqCst));
            manner.unwrap_or(Manner::Take)
        });
        Self { provider: provider.await, is_away, asked }
    }

    fn end(&self) {
        self.is_away.store(false, Ordering::SeqCst);
    }

    /// With the manifest's own values but for these.
    async fn host(&self, redis: &Arc<Redis>, endpoints: &[&Endpoint], more: &[(&'static str, &str)]) -> Sluice {
        let own = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let variables = self.provider.variables().into_iter().chain([("operator_key", KEY.to_owned())]);
        let variables: Vec<_> = variables.chain(webhooks(endpoints)).chain(own).collect();
        Sluice::on(redis.clone(), start_with(&borrowed(&variables))).await
    }
}

async fn place(sluice: &Sluice, count: usize) -> Vec<String> {
    let order = an_order();
    join_all((0..count).map(|_| sluice.place(&order))).await
}

/// What health says of payments: since when they are interrupted, and why.
async fn warned(sluice: &Sluice) -> Option<String> {
    let answer = sluice.client.get("/health").await;
    assert_eq!(answer.status(), StatusCode::OK, "the shop may go on: {answer:?}");
    let health = body_of(&answer);
    let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "payments")?;
    assert_eq!((&check["status"], &health["status"]), (&json!("warn"), &json!("warn")));
    Some(check["detail"].as_str().unwrap().to_owned())
}

async fn interrupted(sluice: &Sluice) -> String {
    eventually("health to warn", || warned(sluice)).await
}

async fn letters(sluice: &Sluice) -> Value {
    body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await)["dead"].clone()
}

async fn gauge(sluice: &Sluice, outage: &Outage) -> String {
    let text = sluice.operate("GET", "/metrics", KEY, &Value::Null).await;
    let text = String::from_utf8(text.body().to_vec()).unwrap();
    let begins = format!("sluice_payments_interrupted{{provider=\"{}\"}} ", outage.provider.name());
    text.lines().find_map(|line| line.strip_prefix(&begins)).unwrap_or("none").to_owned()
}

/// The events on payments.
fn told(endpoint: &Endpoint) -> Vec<Value> {
    let events = endpoint.deliveries().into_iter().map(|delivery| delivery.event());
    events.filter(|event| event["source"] == "/payments").collect()
}

/// All is decided, charged once and told once.
async fn assert_ended(sluice: &Sluice, outage: &Outage, endpoint: &Endpoint, ids: &[String]) {
    for id in ids {
        sluice.until(id, "confirmed").await;
    }
    assert_eq!(letters(sluice).await, 0);
    assert_eq!(outage.provider.ledger().charges.len(), ids.len());
    assert_eq!(warned(sluice).await, None);
    assert_eq!(gauge(sluice, outage).await, "0");
    eventually("the events", async || (told(endpoint).len() >= 2).then_some(())).await;
    let mut events = told(endpoint);
    events.dedup_by(|a, b| a["id"] == b["id"]);
    let [interrupted, resumed] = &events[..] else { panic!("{events:?}") };
    assert_eq!(interrupted["type"], "sluice.payments.interrupted");
    assert_eq!(resumed["type"], "sluice.payments.resumed");
    let name = json!(outage.provider.name());
    for event in [interrupted, resumed] {
        assert_eq!((&event["subject"], &event["data"]["provider"]), (&name, &name));
        assert!(event["data"]["since"].is_string(), "{event}");
    }
    assert!(interrupted["data"]["reason"].is_string() && resumed["data"]["reason"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_orders_through_an_outage_are_all_decided_and_none_is_a_letter() {
    let answers = [Manner::Fail(StatusCode::SERVICE_UNAVAILABLE), Manner::Hang, Manner::TakeAndHang];
    for manner in answers {
        let (outage, endpoint) = (Outage::begin(manner).await, Endpoint::start("erp").await);
        let redis = Arc::new(Redis::start().await);
        let sluice = outage.host(&redis, &[&endpoint], &[("payment_timeout_ms", "300")]).await;
        let ids = place(&sluice, 300).await;
        let detail = interrupted(&sluice).await;
        let begins = format!("The payment provider {} fails for all orders since 20", outage.provider.name());
        assert!(detail.starts_with(&begins), "{detail}");
        assert_eq!(gauge(&sluice, &outage).await, "1");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asked = outage.asked.lock().unwrap().len();
        assert!(asked < 150, "one at a time probes it, but {asked} asked");
        outage.end();
        assert_ended(&sluice, &outage, &endpoint, &ids).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_tell_of_one_outage_once_and_each_in_one_line_of_the_log() {
    let (outage, endpoint) = (Outage::begin(Manner::Fail(StatusCode::BAD_GATEWAY)).await, Endpoint::start("erp").await);
    let (redis, lines) = (Arc::new(Redis::start().await), Arc::new(Mutex::new(Vec::new())));
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let lines = lines.clone();
        let own = [("operator_key", KEY.to_owned()), ("lease_ms", "2000".to_owned())];
        let variables: Vec<_> =
            outage.provider.variables().into_iter().chain(webhooks(&[&endpoint])).chain(own).collect();
        let start = host::StartOptions {
            output: Some(Arc::new(move |_, line| lines.lock().unwrap().push(line.to_owned()))),
            ..start_with(&borrowed(&variables))
        };
        hosts.push(Sluice::on(redis.clone(), start).await);
    }
    let mut ids = place(&hosts[0], 60).await;
    interrupted(&hosts[1]).await;
    ids.extend(place(&hosts[1], 60).await);
    outage.end();
    assert_ended(&hosts[0], &outage, &endpoint, &ids).await;
    let name = outage.provider.name();
    for line in [
        format!("{name} fails for all: the payment provider answered 502. What needs it waits, and spends no attempt."),
        format!("{name} answers again. What waited for it goes on."),
    ] {
        let told = lines.lock().unwrap().iter().filter(|told| **told == line).count();
        assert_eq!(told, 1, "{line}: {:?}", lines.lock().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_names_a_time_is_left_alone_until_then() {
    let (outage, endpoint) = (Outage::begin(Manner::Away("3")).await, Endpoint::start("erp").await);
    let redis = Arc::new(Redis::start().await);
    let sluice = outage.host(&redis, &[&endpoint], &[]).await;
    let ids = place(&sluice, 20).await;
    interrupted(&sluice).await;
    outage.end();
    assert_ended(&sluice, &outage, &endpoint, &ids).await;
    let asked = outage.asked.lock().unwrap();
    let gaps = asked.windows(2).map(|two| two[1] - two[0]);
    assert!(gaps.max() >= Some(Duration::from_millis(2900)), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_provider_fails_for_ever_is_a_letter_and_interrupts_nothing() {
    let bad =
        |asked: &Asked| (asked.body["reference"] == "bad").then_some(Manner::Fail(StatusCode::INTERNAL_SERVER_ERROR));
    let (outage, endpoint) = (Outage::of(bad).await, Endpoint::start("erp").await);
    let fast = [("max_attempts", "6"), ("backoff_base_ms", "1"), ("backoff_cap_ms", "1")];
    let sluice = outage.host(&Arc::new(Redis::start().await), &[&endpoint], &fast).await;
    let mut order = an_order();
    order["reference"] = "bad".into();
    let bad = sluice.place(&order).await;
    sluice.until(&bad, "needs_attention").await;
    let good = place(&sluice, 3).await;
    for id in &good {
        sluice.until(id, "confirmed").await;
    }
    assert_eq!((warned(&sluice).await, letters(&sluice).await), (None, 1.into()));
    assert!(told(&endpoint).is_empty());
    let tries = outage.provider.ledger().asked.iter().filter(|asked| asked.key == bad).count();
    assert_eq!(tries, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_no_one_asked_for_is_cancelled_at_once_and_a_refund_waits_for_the_provider() {
    let outage = Outage::of(|asked| {
        let is_refund = asked.path == "/refunds";
        // For so long nobody probes, or the order that comes next might.
        (asked.before > 0 || is_refund).then_some(Manner::Away("3"))
    })
    .await;
    let endpoint = Endpoint::start("erp").await;
    let sluice = outage.host(&Arc::new(Redis::start().await), &[&endpoint], &[("lease_ms", "2000")]).await;
    let paid = sluice.place(&an_order()).await;
    sluice.until(&paid, "confirmed").await;
    track(&sluice, 100).await;
    let ids = place(&sluice, 6).await;
    interrupted(&sluice).await;

    let waiting = sluice.place(&an_order()).await;
    eventually("its stock to be held", async || {
        let (_, held) = level(&sluice, "CUP-2").await;
        (held == 7).then_some(())
    })
    .await;
    sluice.ask(&waiting, "cancel", &Value::Null).await;
    let record = sluice.until(&waiting, "cancelled").await;
    assert_eq!(record.get("payment"), None);
    assert!(warned(&sluice).await.is_some(), "the provider is still away");

    sluice.ask(&paid, "cancel", &Value::Null).await;
    sluice.ask(&ids[0], "cancel", &Value::Null).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(sluice.get(&paid).await["status"], "confirmed");
    outage.end();
    let record = sluice.until(&paid, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{paid}"));
    sluice.until(&ids[0], "cancelled").await;
    for id in &ids[1..] {
        sluice.until(id, "confirmed").await;
    }
    assert_eq!(letters(&sluice).await, 0);
    let ledger = outage.provider.ledger();
    assert_eq!(ledger.asked.iter().filter(|asked| asked.key == waiting).count(), 0);
    assert!(!ledger.charges.contains_key(&ids[0]), "it is closed");
}
