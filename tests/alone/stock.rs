//! The processor by itself: what it asks of the stock, and what it makes of the answer.

use host::calls::{Answer, RedisResult, Ruling};
use order::{ChangeKind, CommandId, NewOrder, Placed, Record};
use queue::Message;
use serde_json::{Value, json};

use super::double::{binary, held, redis_fails, replies};
use super::processor::{holding, is_record_of};
use super::sample::{id, message, order, placed};
use super::script::Hold;
use super::*;
use crate::harness::an_order;

/// A rule for what the stock says to the nth order.
fn stock_says(n: u8, verdict: impl Fn() -> Ruling + Send + Sync + 'static) -> Double {
    holding([order(n), order(n + 1)]).when(move |effect| match effect.verb() {
        Some(Verb::Hold(holds)) if holds.iter().any(|hold| hold.id == id(n).as_bytes()) => Some(match verdict() {
            Ruling::Answer(Answer::Redis(own)) => replies(
                holds.iter().flat_map(|hold| if hold.id == id(n).as_bytes() { own.clone() } else { held() }).collect(),
            ),
            failure => failure,
        }),
        _ => None,
    })
}

/// The reply of the hold script to the first delivery of an order: so few are left.
pub(crate) fn short(item: &str, units: i64, left: i64) -> Ruling {
    let [first, count, units, left] = [1, 1, units, left].map(RedisResult::Int64);
    replies(vec![binary("short"), first, count, binary(item), units, left])
}

#[tokio::test]
async fn an_order_asks_for_all_its_pieces_of_each_article_once() {
    let mut body = an_order();
    body["lines"].as_array_mut().unwrap().push(json!({"sku": "TEA-1", "quantity": 5, "unit_price": 100}));
    let several = Placed { order: NewOrder::parse(body.to_string().as_bytes()).unwrap(), ..placed(1) };
    let again = Message { delivery: 3, ..message(id(1).as_bytes(), several.encode()) };
    for untracked in ["allow", "reject"] {
        let alone = holding([again.clone()]).with("untracked_stock", untracked).around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let holds = alone
            .take_effects()
            .iter()
            .filter_map(|effect| match effect.verb() {
                Some(Verb::Hold(holds)) => Some(holds.clone()),
                _ => None,
            })
            .flatten()
            .collect::<Vec<_>>();
        let items = vec![("TEA-1".to_owned(), 7), ("CUP-2".to_owned(), 1)];
        assert_eq!(
            holds,
            [Hold {
                id: id(1).as_bytes().to_vec(),
                delivery: 3,
                untracked: untracked.to_owned(),
                recall: CommandId { order: id(1), change: Some(ChangeKind::Cancel) }.to_bytes(),
                asks: String::new(),
                waits: false,
                items
            }]
        );
    }
}

#[tokio::test]
async fn an_order_that_the_stock_is_short_of_is_rejected_for_good() {
    let alone = stock_says(1, || short("TEA-1", 2, 1)).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let Some(Effect::StoreSet(_, record)) = effects.iter().find(|effect| is_record_of(1)(effect)) else { panic!() };
    let record = Record::from_json(record).unwrap();
    assert_eq!(record.status(), order::Status::Rejected);
    assert_eq!(record.reason().unwrap().as_str(), "not enough in stock: TEA-1 (2 wanted, 1 left)");
    let settled = settled(&effects, "placed");
    let rejected = settled.iter().find(|settled| settled.id == id(1).as_bytes()).unwrap();
    assert_eq!((rejected.verdict.as_str(), rejected.counter.as_str()), ("done", "orders:rejected"));
    let event: Value = serde_json::from_slice(&rejected.emits[0].payload).unwrap();
    assert_eq!(event["type"], "sluice.order.rejected");
    let neighbour = settled.iter().find(|settled| settled.id == id(2).as_bytes()).unwrap();
    assert_eq!((neighbour.verdict.as_str(), neighbour.counter.as_str()), ("done", "orders:confirmed"));
}

#[tokio::test]
async fn an_order_whose_stock_is_not_known_to_be_held_is_not_decided() {
    type Say = fn() -> Ruling;
    let unexpected = "the stock can't be held: unexpected reply to hold";
    let table: [(Say, &str, &str); 6] = [
        (|| redis_fails("OOM: out of memory"), "release", "the stock can't be held: Redis failed: OOM"),
        (|| redis_fails("WRONGTYPE: on @user_script:7."), "retry", "the stock can't be held: Redis failed: WRONGTYPE"),
        (|| replies(vec![binary("late")]), "retry", "another worker has the order now"),
        (|| replies(vec![binary("perhaps")]), "retry", unexpected),
        (|| replies(vec![]), "retry", unexpected),
        (|| replies(vec![binary("short"), RedisResult::Int64(1), binary("TEA-1")]), "retry", unexpected),
    ];
    for (say, verdict, reason) in table {
        let alone = stock_says(1, say).around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        assert!(!effects.iter().any(is_record_of(1)), "{reason}: no record is written");
        let settled = settled(&effects, "placed");
        let retried = settled.iter().find(|settled| settled.id == id(1).as_bytes()).unwrap();
        assert_eq!((retried.verdict.as_str(), retried.emits.len()), (verdict, 0), "{reason}");
        assert!(retried.reason.starts_with(reason), "{}", retried.reason);
        // Redis is in trouble for all who asked with it.
        let neighbours = if verdict == "release" { "release" } else { "done" };
        let neighbour = settled.iter().find(|settled| settled.id == id(2).as_bytes()).unwrap();
        assert_eq!(neighbour.verdict, neighbours, "{reason}");
    }
}
