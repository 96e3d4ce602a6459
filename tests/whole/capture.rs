//! Money that is authorized when the order is confirmed and captured when it is fulfilled.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, level, track, variables};
use crate::harness::{
    Asked, Endpoint, Manner, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with,
};

async fn sluice(provider: &PaymentProvider, endpoints: &[&Endpoint], more: &[(&'static str, &str)]) -> Sluice {
    let mut variables = variables(provider, endpoints);
    variables.push(("payment_capture", "on_fulfil".to_owned()));
    variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await
}

async fn fulfil(sluice: &Sluice, id: &str) {
    let answer = sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
}

async fn told(endpoint: &Endpoint, event_type: &str) -> Value {
    eventually(event_type, async || {
        let mut events = endpoint.deliveries().into_iter().map(|delivery| delivery.event());
        events.find(|event| event["type"] == event_type)
    })
    .await
}

/// A provider that does so with captures, and takes all else.
async fn capturing(behave: impl Fn(&Asked) -> Manner + Send + Sync + 'static) -> PaymentProvider {
    PaymentProvider::behaving(move |asked| if asked.path == "/captures" { behave(asked) } else { Manner::Take }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_authorized_when_it_is_confirmed_and_captured_once_when_it_is_fulfilled() {
    let provider = capturing(|asked| match asked.before {
        // Its answers are lost, after the deed.
        1 => Manner::TakeAndFail(StatusCode::BAD_GATEWAY),
        2 => Manner::TakeAndHang,
        _ => Manner::Take,
    })
    .await;
    let sluice = sluice(&provider, &[], &[("payment_timeout_ms", "300")]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    let record = sluice.until(&id, "confirmed").await;
    let (charge, provider_name) = (format!("ch_{id}"), provider.name());
    assert_eq!(record["payment"], json!({"charge_id": charge, "authorized": true, "provider": provider_name}));
    assert_eq!(provider.ledger().authorized[&id]["amount"], 2100);
    assert!(provider.ledger().captures.is_empty() && provider.ledger().charges.is_empty());

    fulfil(&sluice, &id).await;
    let record = sluice.until(&id, "fulfilled").await;
    let captured = json!({"charge_id": charge, "capture_id": format!("cap_{id}"), "provider": provider_name});
    assert_eq!(record["payment"], captured);
    assert_eq!(provider.ledger().captures[&id]["charge_id"], charge);
    assert_eq!(provider.ledger().asked.iter().filter(|asked| asked.path == "/captures").count(), 3);
    assert_eq!(level(&sluice, "TEA-1").await, (0.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_that_was_only_authorized_is_voided_and_nothing_is_ever_taken() {
    let provider = PaymentProvider::start().await;
    let sluice = sluice(&provider, &[], &[]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &json!({})).await;
    let record = sluice.until(&id, "cancelled").await;
    let voided = json!({"charge_id": format!("ch_{id}"), "voided": true, "provider": provider.name()});
    assert_eq!(record["payment"], voided);
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
    let ledger = provider.ledger();
    assert!(ledger.voided.contains(&id) && ledger.captures.is_empty() && ledger.refunds.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_do_not_go_out_for_money_that_cannot_be_had_and_support_can_cancel_the_order() {
    let provider = capturing(|_| Manner::Decline("the authorization expired")).await;
    let endpoint = Endpoint::start("support").await;
    let sluice = sluice(&provider, &[&endpoint], &[]).await;
    track(&sluice, 2).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    fulfil(&sluice, &id).await;
    let event = told(&endpoint, "sluice.order.needs_attention").await;
    assert_eq!((&event["subject"], &event["data"]["change"]), (&json!(id), &json!("fulfil")));
    let reason = "the payment provider did not capture what it had authorized: the authorization expired";
    assert_eq!(event["data"]["reason"], reason);
    let order = sluice.get(&id).await;
    assert_eq!((&order["status"], &order["payment"]["authorized"]), (&json!("confirmed"), &json!(true)));
    assert_eq!(level(&sluice, "TEA-1").await, (0.into(), 2.into()), "its stock is held");

    sluice.ask(&id, "cancel", &json!({})).await;
    assert_eq!(sluice.until(&id, "cancelled").await["payment"]["voided"], true);
    assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_were_paid_for_elsewhere_go_out_by_an_operators_word() {
    let provider = capturing(|_| Manner::Decline("the authorization expired")).await;
    let endpoint = Endpoint::start("support").await;
    let sluice = sluice(&provider, &[&endpoint], &[]).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let path = format!("/orders/{id}/fulfil");
    let answer = sluice.operate_json("POST", &path, KEY, &json!({"tracking": "JD0146"})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{answer:?}");
    told(&endpoint, "sluice.order.needs_attention").await;
    let asked = provider.ledger().asked.len();
    let word = json!({"id": format!("{id}/fulfil"), "by": "ann", "why": "paid by transfer"});
    let answer = sluice.operate("POST", "/dead-letters/placed/settle", KEY, &word).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let order = sluice.until(&id, "fulfilled").await;
    assert_eq!((&order["tracking"], &order["payment"]["settled"]), (&json!("JD0146"), &json!(true)));
    assert_eq!(order["payment"].get("authorized"), None);
    assert_eq!(provider.ledger().asked.len(), asked, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_captured_though_nobody_heard_it_goes_back_when_the_order_is_cancelled() {
    let provider = capturing(|_| Manner::TakeAndFail(StatusCode::BAD_REQUEST)).await;
    let endpoint = Endpoint::start("support").await;
    let sluice = sluice(&provider, &[&endpoint], &[]).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    fulfil(&sluice, &id).await;
    told(&endpoint, "sluice.order.needs_attention").await;
    sluice.ask(&id, "cancel", &json!({})).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{id}"));
    let ledger = provider.ledger();
    assert_eq!(ledger.captures[&id]["amount"], ledger.refunds[&id]["amount"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn support_is_told_of_an_authorization_that_expires_and_not_of_what_was_fulfilled_in_time() {
    let (provider, endpoint) = (PaymentProvider::start().await, Endpoint::start("support").await);
    let late = sluice(&provider, &[&endpoint], &[("payment_capture_within_s", "1")]).await;
    let id = late.place(&an_order()).await;
    let event = told(&endpoint, "sluice.order.authorization_expiring").await;
    assert_eq!((&event["id"], &event["subject"]), (&json!(format!("{id}.1.expiring")), &json!(id)));
    assert_eq!(event["data"], late.get(&id).await);
    fulfil(&late, &id).await;
    late.until(&id, "fulfilled").await;

    let in_time = sluice(&provider, &[], &[]).await;
    let id = in_time.place(&an_order()).await;
    in_time.until(&id, "confirmed").await;
    assert_eq!(reminders(&in_time).await, 1);
    fulfil(&in_time, &id).await;
    in_time.until(&id, "fulfilled").await;
    let left = async || (reminders(&in_time).await == 0).then_some(());
    eventually("the reminder of an order that is fulfilled to be gone", left).await;
}

/// Reminders that wait.
async fn reminders(sluice: &Sluice) -> u64 {
    let mut connection = sluice.redis.raw().await;
    let bodies: Vec<Vec<u8>> =
        redis::cmd("HVALS").arg("{orders}:placed.superseded:body").query_async(&mut connection).await.unwrap();
    bodies.iter().filter(|body| **body == *order::queues::REMINDER.as_bytes()).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shop_has_had_authorized_is_captured_when_stock_is_there_and_else_voided() {
    let provider = PaymentProvider::start().await;
    let variables = variables(&provider, &[]);
    let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
    track(&sluice, 2).await;
    let mut order = an_order();
    order["payment"] = json!({"charge_id": "auth_1", "capture": true});
    let id = sluice.place(&order).await;
    let record = sluice.until(&id, "confirmed").await;
    let captured = json!({"charge_id": "auth_1", "capture_id": format!("cap_{id}"), "provider": provider.name()});
    assert_eq!(record["payment"], captured);
    order["payment"]["charge_id"] = "auth_2".into();
    let short = sluice.place(&order).await;
    let record = sluice.until(&short, "rejected").await;
    let voided = json!({"charge_id": "auth_2", "voided": true, "provider": provider.name()});
    assert_eq!(record["payment"], voided);
    assert!(provider.ledger().voided.contains(&short) && provider.ledger().charges.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_captured_at_one_provider_is_not_given_back_by_another() {
    let first = capturing(|_| Manner::TakeAndFail(StatusCode::BAD_GATEWAY)).await;
    let second = PaymentProvider::start().await;
    let redis: Arc<Redis> = Redis::start().await.into();
    let before = Sluice::on(redis.clone(), start_with(&borrowed(&variables(&first, &[])))).await;
    let mut order = an_order();
    order["payment"] = json!({"charge_id": "auth_1", "capture": true});
    let id = before.place(&order).await;
    first.asked(1).await;
    drop(before);
    let after = Sluice::on(redis, start_with(&borrowed(&variables(&second, &[])))).await;
    after.ask(&id, "cancel", &json!({})).await;
    after.attend().await;
    let reason = eventually("the cancellation to be a dead letter", async || {
        let letters = after.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await;
        let letters = body_of(&letters)["letters"].clone();
        let own = letters.as_array()?.iter().find(|letter| letter["id"] == format!("{id}/cancel"))?;
        own["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(reason.starts_with(first.name()), "{reason}");
    assert!(second.ledger().asked.is_empty(), "it would give back what it never took");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_authorized_is_captured_though_the_setting_changed_meanwhile() {
    let provider = PaymentProvider::start().await;
    let redis: Arc<Redis> = Redis::start().await.into();
    let with = |capture: &str| {
        let mut variables = variables(&provider, &[]);
        variables.push(("payment_capture", capture.to_owned()));
        variables
    };
    let before = Sluice::on(redis.clone(), start_with(&borrowed(&with("on_fulfil")))).await;
    let id = before.place(&an_order()).await;
    before.until(&id, "confirmed").await;
    drop(before);
    let after = Sluice::on(redis, start_with(&borrowed(&with("at_once")))).await;
    fulfil(&after, &id).await;
    assert_eq!(after.until(&id, "fulfilled").await["payment"]["capture_id"], format!("cap_{id}"));
}
