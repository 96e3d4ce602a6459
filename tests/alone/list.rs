//! The intake by itself when it lists orders: what it asks for, and what it shows when a part of that goes wrong.

use host::calls::{Answer, RedisResult, Ruling};
use order::Email;

use super::double::{binary, redis_fails, replies, store_fails};
use super::intake::refusal;
use super::sample::{id, order, post, record};
use super::script::List;
use super::*;
use crate::harness::json;

fn ask(query: &str) -> Request<Bytes> {
    Request::get(format!("http://shop.test/orders{query}")).body(Bytes::new()).unwrap()
}

/// The first order is decided, the second one waits, and the third one is gone.
fn three() -> Double {
    Double::new().when(three_rule)
}

fn three_rule(effect: &Effect) -> Option<Ruling> {
    let place = |n: u8| binary([n; 12]);
    match (effect, effect.verb()) {
        (_, Some(Verb::List(_))) => {
            Some(replies([1, 2, 3].iter().flat_map(|n| [binary(id(*n).as_bytes()), place(*n)]).collect()))
        }
        (_, Some(Verb::Find { subjects })) => Some(replies(
            [RedisResult::Int64(0)].into_iter().chain(subjects.iter().flat_map(|it| row(&it.0))).collect(),
        )),
        (Effect::StoreGet(_), _) => Some(Ruling::Answer(Answer::Value(Some(record(1).to_json())))),
        _ => None,
    }
}

/// What the find script says of one of them, and of the changes to it.
fn row(subject: &[u8]) -> Vec<RedisResult> {
    let message = |place: &str, payload: &[u8]| vec![binary(place), binary(payload), binary(""), RedisResult::Int64(0)];
    let (head, own) = match subject {
        _ if subject == id(1).as_bytes() => ("1.1", message("", b"")),
        _ if subject == id(2).as_bytes() => ("", message("queued", &order(2).payload)),
        _ => ("", message("", b"")),
    };
    [vec![binary(head), binary("")], own, message("", b""), message("", b""), message("", b"")].concat()
}

fn shown(answer: &Response<Bytes>) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    json(answer)["orders"].as_array().unwrap().iter().map(|it| (text(&it["id"]), text(&it["status"]))).collect()
}

#[tokio::test]
async fn a_page_takes_two_calls_of_redis_however_many_orders_it_has_and_leaves_out_what_is_gone() {
    let alone = three().around("intake").await;
    let answer = alone.http(ask("")).await;
    let expected = [(id(1), "confirmed"), (id(2), "queued")].map(|(id, status)| (id.to_string(), status.to_owned()));
    assert_eq!((answer.status().as_u16(), shown(&answer)), (200, expected.to_vec()));
    let record = format!("get order/{}/1.1", id(1));
    assert_eq!(words(&alone.take_effects()), ["open", "list", "find", "open store", &record]);
    let expected = [("confirmed", id(1)), ("queued", id(2))];
    for (status, id) in expected {
        let answer = alone.http(ask(&format!("?status={status}"))).await;
        assert_eq!(shown(&answer), [(id.to_string(), status.to_owned())]);
    }
}

#[tokio::test]
async fn an_order_is_sent_with_what_it_is_found_by_and_sought_by_the_same() {
    let alone = Double::new().around("intake").await;
    assert_eq!(alone.http(post()).await.status(), 202);
    let tags = alone.take_effects().iter().find_map(|effect| match effect.verb() {
        Some(Verb::Accept(accepts)) => Some(accepts[0].tags.clone()),
        _ => None,
    });
    let tags = tags.unwrap();
    let [email, reference] = [&tags[..10], &tags[10..]];
    let digest = "ada@example.com".parse::<Email>().unwrap().tag();
    assert_eq!(email[4..], digest[2..]);
    for (query, tag) in [
        ("", &b""[..]),
        ("?email=Ada@Example.com", email),
        ("?reference=cart-4711", reference),
        ("?email=ada@example.com&reference=cart-4711", reference),
    ] {
        assert_eq!(json(&alone.http(ask(query)).await), serde_json::json!({"orders": []}));
        let effects = alone.take_effects();
        let Some(Verb::List(List { tag: sought, owner, .. })) = effects.iter().find_map(Effect::verb) else {
            panic!("{effects:?}")
        };
        assert_eq!((&sought[..], owner.as_str()), (tag, ""), "{query}");
    }
}

#[tokio::test]
async fn one_order_that_is_damaged_keeps_no_other_from_being_shown() {
    let damaged = |effect: &Effect| match effect {
        Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(b"{".to_vec())))),
        _ => three_rule(effect),
    };
    let alone = Double::new().when(damaged).around("intake").await;
    let statuses: Vec<_> = shown(&alone.http(ask("")).await).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, ["needs_attention", "queued"]);
}

#[tokio::test]
async fn what_can_not_be_asked_for_is_no_end_of_the_list() {
    for part in ["list", "find", "store"] {
        let fails = move |effect: &Effect| match (effect, effect.verb()) {
            (_, Some(Verb::List(_))) if part == "list" => Some(redis_fails("the connection broke")),
            (_, Some(Verb::Find { .. })) if part == "find" => Some(redis_fails("the connection broke")),
            (Effect::StoreGet(_), _) if part == "store" => Some(store_fails("the connection broke")),
            _ => three_rule(effect),
        };
        let alone = Double::new().when(fails).around("intake").await;
        refusal(&alone.http(ask("")).await, "unavailable");
    }
}
