//! The processor and orders that cost nothing, however the shop has them paid for: nobody is asked for their money.

use host::calls::{Answer, RedisResult, Ruling};
use order::payment::Capture;
use order::{ChangeRequest, Finding, NewOrder, Payment, Placed, Timestamp};
use serde_json::{Value, json};

use super::double::{binary, replies};
use super::payments::{asking, cancel, charged, charging, requests, woken, written};
use super::sample::{ACCEPTED_AT, id, message, placed};
use super::*;
use crate::harness::an_order;

/// Each piece for nothing, and all of it taken off.
fn free() -> Vec<Placed> {
    let mut for_nothing = an_order();
    for_nothing["lines"].as_array_mut().unwrap().iter_mut().for_each(|line| line["unit_price"] = 0.into());
    let mut taken_off = an_order();
    taken_off["discounts"] = json!([{"amount": 2100}]);
    let means = [
        Value::Null,
        json!({"token": "pm_1"}),
        json!({"charge_id": "ch_1"}),
        json!({"charge_id": "ch_1", "capture": true}),
    ];
    let paid_by = |mut body: Value, payment: Value| {
        body["payment"] = payment;
        Placed { order: NewOrder::parse(body.to_string().as_bytes()).unwrap(), ..placed(1) }
    };
    let bodies = [for_nothing, taken_off].into_iter();
    bodies.flat_map(|body| means.clone().map(|payment| paid_by(body.clone(), payment))).collect()
}

#[tokio::test]
async fn an_order_that_costs_nothing_is_confirmed_without_the_provider() {
    for free in free() {
        for capture in ["at_once", "on_fulfil"] {
            let alone = charging([message(id(1).as_bytes(), free.encode())]).with("payment_capture", capture);
            let (effects, done) = woken(alone).await;
            assert!(requests(&effects).is_empty(), "{capture}: {free:?}");
            assert_eq!(done.counter, "orders:confirmed", "{capture}: {free:?}");
            assert_eq!(written(&effects).unwrap().payment(), Some(&Payment::None), "{capture}: {free:?}");
        }
    }
}

/// The records are of builds that noted a charge or an authorization of the shop's own, too.
#[tokio::test]
async fn an_order_that_costs_nothing_is_fulfilled_and_cancelled_without_the_provider() {
    let authorized = Payment::Asked { charge: "ch_1".parse().ok(), provider: None, capture: Capture::Due, back: None };
    let fulfil = || asking(ChangeRequest::Fulfil { tracking: None, settled: None }, "1.1");
    for free in free() {
        for payment in [Payment::None, charged(), authorized.clone()] {
            for (change, counter) in [(cancel("1.1"), "orders:cancelled"), (fulfil(), "orders:fulfilled")] {
                let finding = Finding::Good(payment.clone());
                let record = order::decide(free.clone(), &finding, Timestamp::from_ms(ACCEPTED_AT + 1)).to_json();
                let alone = charging([change]).when(move |effect| match effect {
                    Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.clone())))),
                    _ => None,
                });
                let (effects, done) = woken(alone).await;
                assert!(requests(&effects).is_empty(), "{counter}: {payment:?}");
                assert_eq!(done.counter, counter, "{payment:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_order_that_costs_nothing_and_was_handed_out_but_not_decided_is_cancelled_without_the_provider() {
    for free in free() {
        let payload = free.encode();
        let alone = charging([cancel("")]).when(move |effect| match effect.verb() {
            Some(Verb::Find { .. }) => {
                let now = RedisResult::Int64(ACCEPTED_AT as i64 + 1_000_000);
                let row = [binary("queued"), binary(&payload), binary(""), RedisResult::Int64(1)];
                Some(replies([now, binary(""), binary("")].into_iter().chain(row).collect()))
            }
            _ => None,
        });
        let (effects, done) = woken(alone).await;
        assert!(requests(&effects).is_empty(), "{free:?}");
        assert_eq!((done.counter.as_str(), done.stock.as_str()), ("orders:cancelled", "back"));
    }
}
