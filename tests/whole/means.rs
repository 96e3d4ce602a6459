//! How a shop has an order paid for: by a token, already, or later.

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, charging_and_telling, level, track, variables};
use crate::harness::{
    Endpoint, Manner, PaymentProvider, Redis, Sluice, an_order, json as body_of, start_with, unattended,
};

const TOKEN: &str = "pm_1N3T00LkdIwHu7ixt44h1F8k";

/// A provider's words, with the token in them.
const REPEATED: &str = "no such payment method: pm_1N3T00LkdIwHu7ixt44h1F8k";

fn paid_by(payment: Value) -> Value {
    let mut order = an_order();
    order["payment"] = payment;
    order
}

/// Everything that lies in Redis.
async fn all_of_redis(redis: &Redis) -> Vec<u8> {
    let mut all = Vec::new();
    for database in 0..3 {
        let mut connection = redis.raw().await;
        let mut tell = async |words: &[&str]| -> ::redis::Value {
            let mut command = ::redis::cmd(words[0]);
            command.arg(&words[1..]).query_async(&mut connection).await.unwrap_or(::redis::Value::Nil)
        };
        tell(&["SELECT", &database.to_string()]).await;
        let ::redis::Value::Array(keys) = tell(&["KEYS", "*"]).await else { panic!("no keys") };
        for key in keys {
            let key: String = ::redis::from_redis_value(key).unwrap();
            for read in [
                ["GET", &key].as_slice(),
                &["HGETALL", &key],
                &["XRANGE", &key, "-", "+"],
                &["LRANGE", &key, "0", "-1"],
            ] {
                all.extend(format!("{:?}", tell(read).await).into_bytes());
            }
        }
    }
    all
}

fn has_token(bytes: &[u8]) -> bool {
    bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_the_provider_alone_and_is_gone_once_the_order_is_decided() {
    let (provider, endpoint) = (PaymentProvider::start().await, Endpoint::start("erp").await);
    let redis = std::sync::Arc::new(Redis::start().await);
    let start = start_with(&borrowed(&variables(&provider, &[&endpoint])));
    let sluice = Sluice::on(redis.clone(), start).await;
    let mut order = paid_by(json!({"token": TOKEN, "customer": "cus_9s6XKzkNRiz8i3"}));
    order["metadata"] = json!({"cart": "4711"});
    let id = sluice.place(&order).await;
    let record = sluice.until(&id, "confirmed").await;
    let sent = &provider.ledger().charges[&id];
    assert_eq!(sent["payment"], order["payment"]);
    assert_eq!(sent["metadata"], order["metadata"]);
    assert_eq!(record["payment"], json!({"charge_id": format!("ch_{id}"), "provider": provider.name()}));
    let events = endpoint.received(1).await;
    assert!(!has_token(events[0].event().to_string().as_bytes()));
    let kept = all_of_redis(&redis).await;
    assert!(!has_token(&kept), "the token is still in Redis");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_letter_shows_a_token_though_the_provider_repeats_it() {
    let provider = PaymentProvider::behaving(|_| Manner::Refuse(StatusCode::BAD_REQUEST, REPEATED)).await;
    let endpoint = Endpoint::start("erp").await;
    let sluice = charging_and_telling(&provider, &[&endpoint]).await;
    let id = sluice.place(&paid_by(json!({"token": TOKEN}))).await;
    sluice.until(&id, "needs_attention").await;
    let letters = sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await;
    assert!(!has_token(letters.body()), "{letters:?}");
    let letter = &body_of(&letters)["letters"][0];
    assert_eq!(letter["payload"]["order"]["payment"], json!({"token": "[hidden]"}));
    assert_eq!(letter["reason"], "the payment provider answered 400: no such payment method: [hidden]");
    assert!(!has_token(endpoint.received(1).await[0].event().to_string().as_bytes()));
    assert!(!has_token(sluice.get(&id).await.to_string().as_bytes()));
    // Redriven, it is charged with the token that it kept.
    let _ = sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
    let asked = provider.asked(2).await.asked;
    assert_eq!(asked[1].body["payment"]["token"], TOKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_has_charged_is_not_charged_again_and_goes_back_when_the_order_is_cancelled() {
    let provider = PaymentProvider::start().await;
    let sluice = charging_and_telling(&provider, &[]).await;
    let id = sluice.place(&paid_by(json!({"charge_id": "ch_shop_1"}))).await;
    let record = sluice.until(&id, "confirmed").await;
    assert_eq!(record["payment"], json!({"charge_id": "ch_shop_1", "provider": provider.name()}));
    assert!(provider.ledger().asked.is_empty());
    sluice.ask(&id, "cancel", &json!({})).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(provider.ledger().refunds[&id]["charge_id"], "ch_shop_1");
    assert_eq!(record["payment"]["refund_id"], format!("re_{id}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_has_charged_goes_back_when_the_order_is_cancelled_before_it_was_decided() {
    let provider = PaymentProvider::start().await;
    let variables = variables(&provider, &[]);
    let redis = std::sync::Arc::new(Redis::start().await);
    let door = Sluice::on(redis.clone(), unattended(&borrowed(&variables))).await;
    let id = door.place(&paid_by(json!({"charge_id": "ch_shop_1"}))).await;
    door.ask(&id, "cancel", &json!({})).await;
    let sluice = Sluice::on(redis, start_with(&borrowed(&variables))).await;
    sluice.attend().await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{id}"));
    assert_eq!(provider.ledger().refunds[&id]["charge_id"], "ch_shop_1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_order_that_the_shop_has_charged_is_refunded_and_stays_rejected_though_stock_comes_in() {
    let provider = PaymentProvider::behaving(|asked| match asked.before {
        0 => Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
        1 | 2 => Manner::Fail(StatusCode::BAD_GATEWAY),
        _ => Manner::Take,
    })
    .await;
    let mut slow = variables(&provider, &[]);
    slow.retain(|(name, _)| !name.starts_with("backoff"));
    slow.extend([("backoff_base_ms", "200".to_owned()), ("backoff_cap_ms", "200".to_owned())]);
    let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&slow))).await;
    track(&sluice, 0).await;
    let id = sluice.place(&paid_by(json!({"charge_id": "ch_shop_1"}))).await;
    provider.asked(1).await;
    track(&sluice, 9).await;
    let record = sluice.until(&id, "rejected").await;
    assert_eq!(
        record["payment"],
        json!({"charge_id": "ch_shop_1", "refund_id": format!("re_{id}"), "provider": provider.name()})
    );
    assert_eq!(level(&sluice, "TEA-1").await, (json!(9), json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_paid_later_is_confirmed_and_nobody_is_asked() {
    let provider = PaymentProvider::start().await;
    let sluice = charging_and_telling(&provider, &[]).await;
    let id = sluice.place(&paid_by(json!({"later": true}))).await;
    assert_eq!(sluice.until(&id, "confirmed").await["payment"], "later");
    sluice.ask(&id, "cancel", &json!({})).await;
    assert_eq!(sluice.until(&id, "cancelled").await["payment"], "later");
    assert!(provider.ledger().asked.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_an_order_that_needs_one_is_refused_with_the_variable_to_set() {
    let sluice = Sluice::start().await;
    for payment in [json!({"token": TOKEN}), json!({"charge_id": "ch_1"})] {
        let answer = sluice.post(&paid_by(payment), None).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!has_token(answer.body()));
        let fault = json!([{"pointer": "/payment",
            "detail": "needs a payment provider, and none is set: have the operator set payment_url, or send \
                {\"later\": true} and collect the money yourself"}]);
        assert_eq!(body_of(&answer)["errors"], fault);
    }
    let id = sluice.place(&paid_by(json!({"later": true}))).await;
    assert_eq!(sluice.until(&id, "confirmed").await["payment"], "later");
}
