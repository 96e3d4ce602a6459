//! Orders that an instance takes at the same time share commands of Redis, and each is told what became of it.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::future::join;
use futures::stream::FuturesOrdered;
use host::calls::{RedisResult, Ruling};
use http::StatusCode;
use order::{Command, IdempotencyKey, OrderId};

use super::double::{redis_fails, replies, verdict_and_id};
use super::intake::{found, refusal};
use super::sample::{get, id, order, post_with};
use super::script::Accept;
use super::*;
use crate::harness::{begun, json};

fn accepts(effect: &Effect) -> Option<&[Accept]> {
    match effect.verb() {
        Some(Verb::Accept(accepts)) => Some(accepts),
        _ => None,
    }
}

/// Redis takes no order before somebody asks for one.
fn held() -> Double {
    let asks = |effect: &Effect| matches!(effect.verb(), Some(Verb::Find { .. }));
    Double::new().holding_back(|effect| accepts(effect).is_some(), asks)
}

/// The idempotency key of the nth order.
fn key(n: usize) -> String {
    format!("cart-{n}")
}

/// How the queue knows that key.
fn digest(n: usize) -> Vec<u8> {
    let key: IdempotencyKey = key(n).parse().unwrap();
    key.digest(None)[..14].to_vec()
}

/// Sends so many orders, each when the one before waits, and then lets Redis go on. Gives the answers in turn; none for
/// those whose clients went away before that.
async fn crowd(alone: &Alone, orders: usize, gone: &[usize]) -> BTreeMap<usize, Response<Bytes>> {
    let mut sends = BTreeMap::new();
    for n in 0..orders {
        sends.insert(n, begun(alone.http(post_with(&[("idempotency-key", &key(n))]))).await);
    }
    sends.retain(|n, _| !gone.contains(n));
    let waiting = sends.into_iter().map(async |(n, send)| (n, send.await)).collect::<FuturesOrdered<_>>();
    let (_, answers) = join(alone.http(get(1)), waiting.collect()).await;
    answers
}

/// For each instance its commands, and in each the orders.
fn commands(alone: &Alone) -> BTreeMap<u64, Vec<Vec<Accept>>> {
    let mut commands = BTreeMap::<u64, Vec<Vec<Accept>>>::new();
    for seen in alone.double.take_seen() {
        if let Some(accepts) = accepts(&seen.effect) {
            commands.entry(seen.instance).or_default().push(accepts.to_vec());
        }
    }
    commands
}

/// The reply to a command whose orders have these verdicts.
fn by_order(accepts: &[Accept], verdict: impl Fn(&Accept) -> Vec<RedisResult>) -> Ruling {
    replies(accepts.iter().flat_map(verdict).collect())
}

#[tokio::test]
async fn orders_that_come_while_a_command_is_under_way_share_the_next_one() {
    let alone = held().around("intake").await;
    let answers = crowd(&alone, 16, &[]).await;
    let commands = commands(&alone);
    let shared: Vec<Vec<usize>> = commands.values().map(|commands| commands.iter().map(Vec::len).collect()).collect();
    assert!(shared.iter().all(|orders| matches!(orders[..], [1] | [1, 1] | [1, 1, _])), "three at most: {shared:?}");

    let accepts: Vec<Accept> = commands.into_values().flatten().flatten().collect();
    assert_eq!((answers.len(), accepts.len()), (16, 16));
    for (n, answer) in &answers {
        let accept = accepts.iter().find(|accept| accept.digest == digest(*n)).unwrap();
        let id = OrderId::from_slice(&accept.id).unwrap().to_string();
        assert_eq!((answer.status(), &json(answer)["id"]), (StatusCode::ACCEPTED, &id.as_str().into()));
        let Ok(Command::Decide(placed)) = Command::decode(&accept.payload) else { panic!("it is an order") };
        assert_eq!(placed.id.to_string(), id);
        assert!(!accept.again);
    }
}

#[tokio::test]
async fn each_order_of_a_shared_command_is_told_its_own_verdict() {
    let verdict = |accept: &Accept| match &accept.digest {
        known if *known == digest(2) => verdict_and_id("replayed", id(1).as_bytes()),
        known if *known == digest(3) => verdict_and_id("conflict", id(1).as_bytes()),
        known if *known == digest(5) => verdict_and_id("full", b""),
        _ => verdict_and_id("accepted", &accept.id),
    };
    let alone = held()
        .when(move |effect| match effect.verb() {
            Some(Verb::Find { .. }) => Some(replies(found("", "queued", &order(1).payload, ""))),
            _ => accepts(effect).map(|accepts| by_order(accepts, verdict)),
        })
        .around("intake")
        .await;
    let answers = crowd(&alone, 8, &[]).await;
    for (n, answer) in &answers {
        match n {
            2 => assert_eq!((answer.status().as_u16(), &json(answer)["id"]), (202, &id(1).to_string().into())),
            3 => assert_eq!(answer.status(), 422),
            5 => drop(refusal(answer, "queue-full")),
            _ => assert_eq!(answer.status(), 202),
        }
        assert_eq!(answer.headers().contains_key("idempotency-replayed"), *n == 2, "order {n}");
    }
}

#[tokio::test]
async fn a_shared_command_whose_connection_broke_is_sent_once_more_for_all_its_orders() {
    let breaks = |effect: &Effect| {
        let accepts = accepts(effect)?;
        (accepts.len() > 1 && !accepts[0].again).then(|| redis_fails("broken pipe"))
    };
    let alone = held().when(breaks).around("intake").await;
    let answers = crowd(&alone, 8, &[]).await;
    assert!(answers.values().all(|answer| answer.status() == 202), "{answers:?}");
    let commands = commands(&alone);
    assert!(commands.values().any(|commands| commands.len() == 4), "none was shared: {commands:?}");
    for commands in commands.values() {
        if let [_, _, first, second] = &commands[..] {
            let again: Vec<_> = first.iter().map(|accept| Accept { again: true, ..accept.clone() }).collect();
            assert_eq!(*second, again, "the same ids, so that none is taken twice");
        }
    }
}

#[tokio::test]
async fn a_shared_command_that_fails_is_told_to_each_of_its_orders_and_to_no_other() {
    let fails = |effect: &Effect| (accepts(effect)?.len() > 1).then(|| redis_fails("broken pipe"));
    let alone = held().when(fails).around("intake").await;
    let answers = crowd(&alone, 8, &[]).await;
    assert_eq!(alone.http(post_with(&[("idempotency-key", "cart")])).await.status(), 202, "the next one is taken");
    let commands = commands(&alone);
    assert!(commands.values().flatten().any(|orders| orders.len() > 1), "none was shared: {commands:?}");
    for (n, answer) in &answers {
        let is_in = |orders: &&Vec<Accept>| orders.iter().any(|accept| accept.digest == digest(*n));
        match commands.values().flatten().find(is_in).unwrap().len() {
            1 => assert_eq!(answer.status(), 202),
            _ => assert!(refusal(answer, "unavailable").contains("Send the order again with the same key")),
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_no_other_order_along() {
    // The first one's command is under way, and the third leads the next.
    for gone in [0, 2, 5] {
        let alone = held().around("intake").await;
        let answers = crowd(&alone, 8, &[gone]).await;
        assert_eq!(answers.len(), 7);
        assert!(answers.values().all(|answer| answer.status() == 202), "without {gone}: {answers:?}");
    }
}
