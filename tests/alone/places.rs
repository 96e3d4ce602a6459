//! The processor by itself, where there are fewer places at the payment provider than orders.

use order::{NewOrder, Placed};
use queue::Message;
use serde_json::json;

use super::payments::{charging, says};
use super::sample::{id, message, order, placed};
use super::stock::short;
use super::*;
use crate::harness::an_order;

const PAID: &str = r#"{"id": "ch_1"}"#;

fn is_charge_of(effect: &Effect, n: u8) -> bool {
    matches!(effect, Effect::Http(request) if request.headers()["idempotency-key"] == id(n).to_string())
}

fn is_settled(effect: &Effect, n: u8, verdict: &str) -> bool {
    let Some(Verb::Settle { settled, .. }) = effect.verb() else { return false };
    settled.iter().any(|it| it.id == id(n).as_bytes() && it.verdict == verdict)
}

fn verdict_on(effects: &[Effect], n: u8) -> Settled {
    let all = settled(effects, "placed");
    all.into_iter().find(|settled| settled.id == id(n).as_bytes()).expect("it was settled")
}

/// An order that is paid later asks nobody.
fn paid_later(n: u8) -> Message {
    let mut order = an_order();
    order["payment"] = json!({"later": true});
    let order = NewOrder::parse(order.to_string().as_bytes()).unwrap();
    message(id(n).as_bytes(), Placed { order, ..placed(n) }.encode())
}

fn hold_of(effects: &[Effect], n: u8) -> (String, bool) {
    let holds = effects.iter().filter_map(|effect| match effect.verb() {
        Some(Verb::Hold(holds)) => Some(holds),
        _ => None,
    });
    let hold = holds.flatten().find(|hold| hold.id == id(n).as_bytes()).expect("it held");
    (hold.asks.clone(), hold.waits)
}

/// There is one place at the provider, which takes its time.
fn with_one_place<const N: usize>(orders: [Message; N]) -> Double {
    charging(orders).with("payment_concurrency", "1").with("payment_timeout_ms", "60000")
}

#[tokio::test]
async fn an_order_without_a_place_is_thrown_back_with_its_stock_held_and_leaves_nothing_behind() {
    let second = Message { since: 1_795_000_000_001, ..order(2) };
    let alone = with_one_place([order(1), second, paid_later(3)])
        .holding_back(|effect| is_charge_of(effect, 1), |effect| is_settled(effect, 2, "throttle"))
        .when(|effect| matches!(effect, Effect::Http(_)).then(|| says(201, PAID)))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(!effects.iter().any(|effect| is_charge_of(effect, 2)));
    assert_eq!(hold_of(&effects, 1), ("pay.test".to_owned(), false));
    assert_eq!(hold_of(&effects, 2), ("pay.test".to_owned(), true), "and Redis knows that nobody is asked");
    let thrown_back = verdict_on(&effects, 2);
    assert_eq!((thrown_back.verdict.as_str(), thrown_back.since), ("throttle", 1_795_000_000_001));
    assert_eq!((thrown_back.reason.as_str(), thrown_back.partner.as_str(), thrown_back.emits), ("", "", vec![]));
    assert_eq!(verdict_on(&effects, 1).verdict, "done");
    assert_eq!((verdict_on(&effects, 3).verdict.as_str(), hold_of(&effects, 3).1), ("done", false));
}

#[tokio::test]
async fn an_order_that_was_only_thrown_back_is_charged_as_if_it_came_for_the_first_time() {
    let alone = charging([Message { delivery: 2, thrown_back: true, ..order(1) }])
        .when(|effect| matches!(effect, Effect::Http(_)).then(|| says(201, PAID)))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let words = words(&effects);
    let begin = words.iter().position(|word| word == "hold").unwrap();
    let record = format!("set order/{}/1.2", id(1));
    assert_eq!(words[begin + 1..begin + 4], ["POST https://pay.test/v1/charges", &record, "settle placed"]);
    let done = verdict_on(&effects, 1);
    assert_eq!(done.emits.len(), 1, "its event, and no record to be removed: {:?}", done.emits);
}

#[tokio::test]
async fn what_crashed_before_it_was_thrown_back_is_seen_to_when_it_is() {
    let crashed = Message { delivery: 2, crashes: 1, ..order(2) };
    let alone = with_one_place([order(1), crashed])
        .holding_back(|effect| is_charge_of(effect, 1), |effect| is_settled(effect, 2, "throttle"))
        .when(|effect| matches!(effect, Effect::Http(_)).then(|| says(201, PAID)))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let thrown_back = verdict_on(&alone.take_effects(), 2);
    let removed: Vec<_> = thrown_back.emits.iter().map(|emit| emit.payload.clone()).collect();
    assert_eq!(removed, [format!("order/{}/1.1", id(2)).into_bytes()]);
}

#[tokio::test]
async fn an_order_that_is_sold_out_is_told_so_though_there_is_no_place() {
    let alone = with_one_place([order(1), order(2)])
        .holding_back(|effect| is_charge_of(effect, 1), |effect| is_settled(effect, 2, "done"))
        .when(|effect| match effect.verb() {
            Some(Verb::Hold(holds)) if holds.iter().all(|hold| hold.id == id(2).as_bytes()) => {
                Some(short("TEA-1", 2, 0))
            }
            _ => matches!(effect, Effect::Http(_)).then(|| says(201, PAID)),
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(verdict_on(&alone.take_effects(), 2).counter, "orders:rejected");
}
