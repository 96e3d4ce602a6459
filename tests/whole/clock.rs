//! Redis's clock is set back or forward while orders are in work: it is seen and told, and costs no order anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use host::StartOptions;
use host::calls::{Kind, Ruling, decide};
use http::StatusCode;
use serde_json::Value;

use crate::harness::{
    Endpoint, PaymentProvider, Reaction, Redis, SettableClock, Sluice, an_order, eventually, json, start_with, webhooks,
};

const HOUR: i64 = 3600;
const ORDERS: usize = 20;
/// Long enough for the slowest of them, and far less than an hour.
const SOON: Duration = Duration::from_secs(15);

/// Two hosts on a Redis whose clock can be set. Each payment takes a while.
struct Shop {
    hosts: [Sluice; 2],
    clock: SettableClock,
    provider: PaymentProvider,
}

impl Shop {
    async fn open() -> Self {
        let (redis, clock) = Redis::with_clock().await;
        let (redis, provider) = (Arc::new(redis), PaymentProvider::start().await);
        let start = || {
            let payment = provider.variables();
            let payment = payment.iter().map(|(name, value)| (*name, value.as_str()));
            // A crash would be the end of its order.
            let variables: Vec<_> = payment.chain([("lease_ms", "3000"), ("max_crashes", "1")]).collect();
            let slow = decide(|call| match call.operation.kind() {
                Kind::Http => Ruling::Delay(Duration::from_millis(700)),
                _ => Ruling::Proceed,
            });
            StartOptions { calls: Some(Arc::new(slow)), ..start_with(&variables) }
        };
        let hosts = [Sluice::on(redis.clone(), start()).await, Sluice::on(redis.clone(), start()).await];
        Self { hosts, clock, provider }
    }

    async fn place_all(&self) -> Vec<String> {
        let orders = (0..ORDERS).map(|n| async move { self.hosts[n % 2].place(&an_order()).await });
        futures::future::join_all(orders).await
    }

    async fn all_confirmed(&self, orders: &[String]) {
        let since = Instant::now();
        for order in orders {
            self.hosts[0].until(order, "confirmed").await;
        }
        assert!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
    }

    /// What health says of the clock, if it says anything.
    async fn told(&self) -> Option<String> {
        let health = self.hosts[1].client.get("/health").await;
        assert_eq!(health.status(), StatusCode::OK, "{health:?}");
        let health = json(&health);
        let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "clock")?;
        assert_eq!((&check["status"], &health["status"]), (&Value::from("warn"), &Value::from("warn")));
        Some(check["detail"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_in_work_are_charged_once_and_confirmed_soon_when_redis_s_clock_is_set_back_or_forward() {
    for (jump, says) in [(-HOUR, "it was set back"), (HOUR, "it was set forward")] {
        let shop = Shop::open().await;
        let mut orders = shop.place_all().await;
        shop.provider.asked(1).await;
        shop.clock.set(jump);
        orders.extend(shop.place_all().await);
        shop.all_confirmed(&orders).await;
        assert_eq!(shop.provider.ledger().asked.len(), orders.len(), "{jump}: each once");
        let told = shop.told().await.unwrap_or_else(|| panic!("{jump}: health says nothing"));
        assert!(told.starts_with("Redis's clock is 35") || told.starts_with("Redis's clock is 3600 s"), "{told}");
        assert!(told.contains(says), "{told}");

        shop.clock.set(0);
        let orders = shop.place_all().await;
        shop.all_confirmed(&orders).await;
        assert_eq!(shop.provider.ledger().asked.len(), 3 * ORDERS, "{jump}: each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_to_be_retried_does_not_wait_for_an_hour_when_the_clock_is_set_back() {
    let (redis, clock) = Redis::with_clock().await;
    let endpoint = Endpoint::behaving("erp", |before| match before {
        0 => Reaction::Answer(StatusCode::SERVICE_UNAVAILABLE),
        _ => Reaction::Answer(StatusCode::NO_CONTENT),
    })
    .await;
    let [(name, entries), (origin, pattern)] = webhooks(&[&endpoint]);
    let variables = [(name, entries.as_str()), (origin, &pattern), ("webhook_schedule_ms", "2000")];
    let sluice = Sluice::on(Arc::new(redis), start_with(&variables)).await;
    sluice.place(&an_order()).await;
    endpoint.received(1).await;
    clock.set(-HOUR);
    // A probe asks every few seconds: nothing else would wake anybody here.
    eventually("the event to be told again", async || {
        sluice.attend().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        (endpoint.deliveries().len() == 2).then_some(())
    })
    .await;
}
