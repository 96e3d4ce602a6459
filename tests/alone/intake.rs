//! The intake by itself: what it asks of Redis, and what the shop reads when that goes wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use host::calls::{Answer, KeyValueError, RedisError, RedisResult, Refusal, Ruling};
use order::Command;

use super::double::{binary, redis_fails, replies, store_fails, verdict_and_id};
use super::sample::{ACCEPTED_AT, get, id, order, post, post_with};
use super::script::Accept;
use super::*;
use crate::harness::json;

/// The calls of the first order on an instance.
const FIRST: [&str; 2] = ["open", "accept"];

/// The messages that Redis was asked to accept.
fn accepts(effects: &[Effect]) -> Vec<Accept> {
    let accepts = effects.iter().filter_map(|effect| match effect.verb() {
        Some(Verb::Accept(accepts)) => Some(accepts.clone()),
        _ => None,
    });
    accepts.flatten().collect()
}

/// Nothing was taken, and the shop knows that it may come again: the detail.
#[track_caller]
pub(crate) fn refusal(response: &Response<Bytes>, kind: &str) -> String {
    assert_eq!(response.status(), 503, "{response:?}");
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["content-length"], response.body().len().to_string());
    let seconds: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "Retry-After: {seconds}");
    let problem = json(response);
    assert_eq!(problem["type"], format!("urn:sluice:problem:{kind}"), "{problem}");
    assert_eq!(problem["status"], 503);
    problem["detail"].as_str().unwrap().to_owned()
}

fn is_accept(effect: &Effect) -> bool {
    matches!(effect.verb(), Some(Verb::Accept(_)))
}

#[tokio::test]
async fn an_order_is_one_call_of_redis_on_a_kept_connection() {
    let alone = Double::new().around("intake").await;
    let first = alone.http(post()).await;
    assert_eq!(first.status(), 202);
    let seen = alone.double.take_seen();
    let instance = seen[0].instance;
    let effects: Vec<Effect> = seen.into_iter().map(|seen| seen.effect).collect();
    assert_eq!(words(&effects), FIRST);

    for _ in 0..3 {
        assert_eq!(alone.http(post()).await.status(), 202);
        let seen = alone.double.take_seen();
        assert_eq!(seen.len(), 1, "the second order needs nothing but its own command");
        assert!(is_accept(&seen[0].effect) && seen[0].instance == instance);
    }
}

#[tokio::test]
async fn what_redis_keeps_is_what_the_shop_sent_and_was_told() {
    let alone = Double::new().around("intake").await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = alone.http(post_with(&[("traceparent", trace), ("idempotency-key", "cart-4711")])).await;
    let accept = accepts(&alone.take_effects()).remove(0);
    let Ok(Command::Decide(placed)) = Command::decode(&accept.payload) else { panic!("it is an order") };

    assert_eq!(accept.id, placed.id.as_bytes());
    assert_eq!(json(&answer)["id"], placed.id.to_string());
    assert_eq!(answer.headers()["location"], format!("/orders/{}", placed.id));
    assert_eq!(answer.headers()["content-length"], answer.body().len().to_string());
    assert_eq!(placed.trace.unwrap().as_str(), trace);
    assert_eq!(placed.order.lines().len(), 2);
    assert_eq!((accept.digest.len(), accept.fingerprint.len()), (14, 16));
    // The defaults of spin.toml: a day, a million orders, an hour.
    assert_eq!((accept.ttl_ms, accept.depth, accept.age_ms), (86_400_000, 1_000_000, 3_600_000));
    assert!(!accept.again);
}

#[tokio::test]
async fn an_order_without_a_key_has_no_idempotency_record() {
    let alone = Double::new().around("intake").await;
    assert_eq!(alone.http(post_with(&[("traceparent", "nonsense")])).await.status(), 202);
    let accept = accepts(&alone.take_effects()).remove(0);
    assert_eq!((accept.digest, accept.fingerprint, accept.ttl_ms), (vec![], vec![], 0));
    let Ok(Command::Decide(placed)) = Command::decode(&accept.payload) else { panic!("it is an order") };
    assert!(placed.trace.is_none(), "a malformed traceparent is passed over");
}

#[tokio::test]
async fn a_bad_order_is_not_told_to_redis() {
    let alone = Double::new().around("intake").await;
    let bad = post_with(&[("idempotency-key", "cart-4711")]).map(|_| Bytes::from_static(b"{}"));
    assert_eq!(alone.http(bad).await.status(), 422);
    assert_eq!(words(&alone.take_effects()), [""; 0]);
}

/// A rule for the accept script alone: what becomes of its nth call, from 1.
fn accepting(verdict: impl Fn(usize) -> Option<Ruling> + Send + Sync + 'static) -> Double {
    let calls = AtomicUsize::new(0);
    Double::new().when(
        move |effect| {
            if is_accept(effect) { verdict(calls.fetch_add(1, Ordering::Relaxed) + 1) } else { None }
        },
    )
}

#[tokio::test]
async fn a_kept_connection_that_broke_is_opened_anew_and_the_order_keeps_its_id() {
    let alone = accepting(|call| (call == 2).then(|| redis_fails("broken pipe"))).around("intake").await;
    assert_eq!(alone.http(post()).await.status(), 202);
    alone.take_effects();

    let answer = alone.http(post_with(&[("idempotency-key", "cart-4711")])).await;
    assert_eq!(answer.status(), 202);
    let effects = alone.take_effects();
    assert_eq!(words(&effects), ["accept", "open", "accept"]);
    let tries = accepts(&effects);
    assert_eq!(tries[1], Accept { again: true, ..tries[0].clone() });
    assert_eq!(json(&answer)["id"], order::OrderId::from_slice(&tries[0].id).unwrap().to_string());

    assert_eq!(alone.http(post()).await.status(), 202);
    assert_eq!(words(&alone.take_effects()), ["accept"], "the new connection is kept in turn");
}

#[tokio::test]
async fn a_connection_is_opened_anew_only_once() {
    let alone = accepting(|call| (call > 1).then(|| redis_fails("broken pipe"))).around("intake").await;
    assert_eq!(alone.http(post()).await.status(), 202);
    alone.take_effects();
    let detail = refusal(&alone.http(post()).await, "unavailable");
    assert_eq!(detail, "No order can be taken right now. Send the order again with the same key.");
    assert!(alone.printed().contains("Redis failed: broken pipe"), "{}", alone.printed());
    assert_eq!(words(&alone.take_effects()), ["accept", "open", "accept"]);
}

#[tokio::test]
async fn a_connection_that_fails_when_it_is_new_is_not_tried_again() {
    let alone = accepting(|call| (call == 1).then(|| redis_fails("broken pipe"))).around("intake").await;
    refusal(&alone.http(post()).await, "unavailable");
    assert_eq!(words(&alone.take_effects()), FIRST);
    assert_eq!(alone.http(post()).await.status(), 202);
    assert_eq!(words(&alone.take_effects()), FIRST, "the failed connection is not used again");
}

#[tokio::test]
async fn a_redis_that_says_no_is_told_as_503() {
    for (words, told) in [
        ("OOM: command not allowed when used memory > 'maxmemory'.", "OOM"),
        ("An error was signalled by the server - ReadOnly: You can't write against a read only replica.", "ReadOnly"),
        ("An error was signalled by the server - BusyLoadingError: Redis is loading the dataset", "BusyLoadingError"),
        ("NOAUTH: Authentication required.", "NOAUTH"),
    ] {
        let alone = accepting(move |_| Some(redis_fails(words))).around("intake").await;
        for _ in 0..2 {
            let detail = refusal(&alone.http(post()).await, "unavailable");
            assert!(!detail.contains(told), "what Redis says of itself is for the log: {detail}");
        }
        assert!(alone.printed().contains(told), "{}", alone.printed());
    }
}

/// While Redis is away each request would write a line.
#[tokio::test]
async fn the_log_has_a_line_each_second_at_most_of_what_fails() {
    let alone = accepting(|_| Some(redis_fails("broken pipe"))).around("intake").await;
    let started = std::time::Instant::now();
    for _ in 0..20 {
        refusal(&alone.http(post()).await, "unavailable");
    }
    let lines = alone.printed().matches("broken pipe").count() as u64;
    assert!((1..=started.elapsed().as_secs() + 2).contains(&lines), "{lines} lines");
}

#[tokio::test]
async fn a_redis_that_cannot_be_reached_is_told_as_503() {
    type Refuse = fn() -> RedisError;
    let table: [(Refuse, &str); 4] = [
        (|| RedisError::Other("connection refused".to_owned()), "connection refused"),
        (|| RedisError::InvalidAddress, "redis_host does not allow its address"),
        (|| RedisError::TooManyConnections, "too many open connections"),
        (|| RedisError::TypeError, "Redis can't be reached"),
    ];
    for (error, told) in table {
        let alone = Double::new()
            .when(move |effect| matches!(effect, Effect::RedisOpen).then(|| Ruling::Refuse(Refusal::Redis(error()))))
            .around("intake")
            .await;
        for request in [post(), get(1)] {
            let detail = refusal(&alone.http(request).await, "unavailable");
            assert!(detail.starts_with("No order can be "), "{detail}");
            assert_eq!(words(&alone.take_effects()), ["open"]);
        }
        let printed = alone.printed();
        assert!(printed.contains("Redis can't be reached: ") && printed.contains(told), "{printed}");
    }
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_in_full_on_the_same_connection() {
    let forgotten = "An error was signalled by the server - NoScriptError: No matching script. Please use EVAL.";
    let alone = Double::new()
        .when(move |effect| match effect {
            Effect::Script(script) if !script.in_full => Some(redis_fails(forgotten)),
            _ => None,
        })
        .around("intake")
        .await;
    assert_eq!(alone.http(post()).await.status(), 202);
    let effects = alone.take_effects();
    assert_eq!(words(&effects), ["open", "accept", "accept"]);
    let tries = accepts(&effects);
    assert_eq!(tries[0], tries[1]);
    assert_eq!(alone.http(get(1)).await.status(), 404);
    assert_eq!(words(&alone.take_effects()), ["find", "find"]);
}

#[tokio::test]
async fn a_reply_that_no_script_gives_is_told_as_503() {
    let table: Vec<Vec<RedisResult>> = vec![
        vec![],
        vec![RedisResult::Nil],
        vec![RedisResult::Status("OK".to_owned())],
        vec![RedisResult::Int64(1)],
        vec![binary("accepted")],
        vec![binary("accepted"), RedisResult::Int64(1)],
        vec![binary([0xff, 0xfe]), binary("x")],
        verdict_and_id("taken", b"0123456789abcdef"),
        verdict_and_id("replayed", b"no order"),
    ];
    for reply in table {
        let wrong = reply.clone();
        let alone = accepting(move |call| (call == 1).then(|| replies(wrong.clone()))).around("intake").await;
        let answer = alone.http(post_with(&[("idempotency-key", "cart-4711")])).await;
        refusal(&answer, "unavailable");
        assert_eq!(alone.http(post()).await.status(), 202, "after {reply:?}");
    }
}

#[tokio::test]
async fn a_full_queue_is_told_as_503() {
    let alone = accepting(|_| Some(replies(verdict_and_id("full", b"")))).around("intake").await;
    let detail = refusal(&alone.http(post()).await, "queue-full");
    assert!(detail.starts_with("Nothing was accepted."), "{detail}");
}

#[tokio::test]
async fn each_verdict_of_redis_has_its_answer() {
    for (verdict, status) in [("replayed", 202), ("conflict", 422)] {
        let reply = verdict_and_id(verdict, id(1).as_bytes());
        let queued = found("", "queued", &order(1).payload, "");
        let known = move |effect: &Effect| is_accept(effect).then(|| replies(reply.clone()));
        let alone = finding(queued, known).around("intake").await;
        let answer = alone.http(post_with(&[("idempotency-key", "cart-4711")])).await;
        assert_eq!(answer.status(), status);
        match verdict {
            "replayed" => {
                assert_eq!(answer.headers()["idempotency-replayed"], "true");
                assert_eq!(json(&answer)["id"], id(1).to_string());
                assert_eq!(words(&alone.take_effects()), ["open", "accept", "find"]);
            }
            // Whoever guesses a key must not get an id by it, which is all that protects an order.
            _ => assert!(!String::from_utf8_lossy(answer.body()).contains(&id(1).to_string()), "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_replay_tells_where_the_order_is_now() {
    let record: &[u8] = br#"{"status": "cancelled"}"#;
    let why = r#"{"class":"handler","reason":"the store was away","deliveries":5,"failures":5,"crashes":0}"#;
    for (reply, status) in [
        (found("1.1", "", b"", ""), "cancelled"),
        (found("", "queued", &order(1).payload, ""), "queued"),
        (found("", "dead", &order(1).payload, why), "needs_attention"),
    ] {
        let store = |effect: &Effect| match effect {
            Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_vec())))),
            _ => is_accept(effect).then(|| replies(verdict_and_id("replayed", id(1).as_bytes()))),
        };
        let alone = finding(reply, store).around("intake").await;
        let answer = alone.http(post_with(&[("idempotency-key", "cart-4711")])).await;
        assert_eq!((answer.status().as_u16(), &json(&answer)["status"]), (202, &status.into()));
    }
}

/// The reply of the find script, 10 s after the order was accepted.
pub(crate) fn found(head: &str, place: &str, payload: &[u8], why: &str) -> Vec<RedisResult> {
    let now = RedisResult::Int64(ACCEPTED_AT as i64 + 10_000);
    let row = |place: &str, payload: &[u8], why: &str| {
        vec![binary(place), binary(payload), binary(why), RedisResult::Int64(0)]
    };
    let none = row("", b"", "");
    [vec![now, binary(head), binary("")], row(place, payload, why), none.clone(), none.clone(), none].concat()
}

pub(crate) fn finding(
    reply: Vec<RedisResult>,
    store: impl Fn(&Effect) -> Option<Ruling> + Send + Sync + 'static,
) -> Double {
    Double::new().when(move |effect| match effect.verb() {
        Some(Verb::Find { .. }) => Some(replies(reply.clone())),
        _ => store(effect),
    })
}

#[tokio::test]
async fn a_record_is_answered_byte_for_byte() {
    let record: &[u8] = b"{\"id\": \"as it was  written\"}";
    let store = |effect: &Effect| match effect {
        Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record.to_vec())))),
        _ => None,
    };
    let alone = finding(found("3.17", "", b"", ""), store).around("intake").await;
    let answer = alone.http(get(1)).await;
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (200, record));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(words(&alone.take_effects())[1..], ["find", "open store", &format!("get order/{}/3.17", id(1))]);
}

#[tokio::test]
async fn an_order_without_a_record_is_shown_where_it_waits() {
    let message = order(1).payload;
    let why = r#"{"class":"handler","reason":"the store was away","deliveries":5,"failures":5,"crashes":0}"#;
    let gone = r#"{"at":1,"by":"ann","why":"a test order","class":"handler","reason":"the store was away"}"#;
    let neutral = "it could not be processed, and an operator must look at it";
    for (reply, status, reason) in [
        (found("", "queued", &message, ""), "queued", None),
        (found("", "dead", &message, why), "needs_attention", Some(neutral)),
        (found("", "queued", b"{", ""), "needs_attention", Some(neutral)),
        (found("", "discarded", b"", gone), "discarded", Some("an operator gave it up")),
    ] {
        let alone = finding(reply, |_| None).around("intake").await;
        let answer = alone.http(get(1)).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        let shown = json(&answer);
        assert_eq!((&shown["id"], &shown["status"]), (&id(1).to_string().into(), &status.into()));
        match reason {
            // The operator's, the store's and the parser's words stand at the desk.
            Some(reason) => assert_eq!(shown["reason"], reason),
            None => assert_eq!(shown["age_ms"], 10_000),
        }
        assert_eq!(words(&alone.take_effects()), ["open", "find"], "no store is asked");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_503() {
    let failing = |effect: &Effect| matches!(effect, Effect::StoreGet(_)).then(|| store_fails("out of order"));
    let unopened = |effect: &Effect| {
        matches!(effect, Effect::StoreOpen).then(|| Ruling::Refuse(Refusal::KeyValue(KeyValueError::NoSuchStore)))
    };
    type Store = Box<dyn Fn(&Effect) -> Option<Ruling> + Send + Sync>;
    let table: Vec<(&str, Store, &str)> =
        vec![("1.1", Box::new(failing), "out of order"), ("1.1", Box::new(unopened), "the store failed")];
    for (head, store, told) in table {
        let alone = finding(found(head, "", b"", ""), store).around("intake").await;
        let detail = refusal(&alone.http(get(1)).await, "unavailable");
        assert_eq!(detail, "The order can't be read right now. Send the request again.");
        assert!(alone.printed().contains(told), "{}", alone.printed());
    }
}

#[tokio::test]
async fn a_lost_record_is_told_as_500_because_trying_again_does_not_help() {
    for (head, told) in [("1.1", "the store has lost the record"), ("first", "the head of the order is no version")] {
        let alone = finding(found(head, "", b"", ""), |_| None).around("intake").await;
        let answer = alone.http(get(1)).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get("retry-after")), (500, None), "{answer:?}");
        let problem = json(&answer);
        assert_eq!(problem["type"], "urn:sluice:problem:record-unreadable");
        let detail = "Its data can't be read. Tell the operator, because trying again doesn't help.";
        assert_eq!(problem["detail"], detail);
        assert!(alone.printed().contains(told), "{}", alone.printed());
    }
}

#[tokio::test]
async fn a_reply_about_an_order_that_no_script_gives_is_told_as_503() {
    for reply in [
        vec![],
        vec![binary("now")],
        vec![RedisResult::Int64(-1), binary(""), binary(""), binary("")],
        found("", "elsewhere", b"", ""),
        found("", "dead", b"", "no JSON"),
        found("", "dead", b"", r#"{"class":"unheard of"}"#),
    ] {
        let alone = finding(reply, |_| None).around("intake").await;
        refusal(&alone.http(get(1)).await, "unavailable");
    }
}

#[tokio::test]
async fn a_password_is_in_no_answer_and_in_no_line_that_is_printed() {
    type Fail = fn(&Effect) -> Option<Ruling>;
    let failures: [Fail; 4] = [
        |_| None,
        |effect| matches!(effect, Effect::RedisOpen).then(|| redis_fails("connection refused")),
        |effect| {
            let refusal = || Ruling::Refuse(Refusal::Redis(RedisError::InvalidAddress));
            matches!(effect, Effect::RedisOpen).then(refusal)
        },
        |effect| effect.verb().map(|_| redis_fails("WRONGPASS: invalid username-password pair")),
    ];
    for url in ["redis://ann:hunter2@127.0.0.1:6379/0", "redis://ann:hunter2@127.0.0.1:port", "hunter2"] {
        for failure in failures {
            let alone = Double::new().when(failure).with("redis_url", url).around("intake").await;
            for request in [post(), get(1)] {
                let answer = alone.http(request).await;
                let told = format!("{:?} {}", answer.headers(), String::from_utf8_lossy(answer.body()));
                assert!(!told.contains("hunter2"), "{told}");
            }
            assert!(!alone.printed().contains("hunter2"), "{}", alone.printed());
        }
    }
}
