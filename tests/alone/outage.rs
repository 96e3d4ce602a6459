//! The processor by itself: what it tells Redis of the payment provider, and what it does without leave to ask it.

use host::calls::{HttpError, RedisResult, Refusal, Ruling};
use order::{ChangeRequest, Payment, Timestamp};
use queue::Message;
use serde_json::{Value, json};

use super::double::{binary, replies};
use super::payments::{
    asking, cancel, changed, charged, charging, confirmed, judged, refunds, requests, says, woken, written,
};
use super::sample::order;
use super::*;

/// What the hold says of leave to ask.
const FREE: i64 = 0;
const WAITS: i64 = 1;
/// Any other number is the time since when a probe is needed.
const SINCE: i64 = 1_795_000_000_000;

/// What becomes of the first order with this leave, where the provider does so.
async fn judged_with(leave: i64, say: impl Fn() -> Ruling + Send + Sync + 'static) -> (Vec<Effect>, Settled) {
    let last = Message { delivery: 60, failures: 59, ..order(1) };
    let double = charging([last]).when(move |effect| match (effect, effect.verb()) {
        (Effect::Http(_), _) => Some(say()),
        (_, Some(Verb::Hold(_))) => {
            Some(replies(vec![binary("held"), RedisResult::Int64(0), RedisResult::Int64(leave)]))
        }
        _ => None,
    });
    woken(double.with("max_attempts", "60")).await
}

/// The events that are sent only if the provider turns.
fn news(settled: &Settled) -> Vec<Value> {
    let news = settled.emits.iter().filter(|emit| emit.is_news);
    news.map(|emit| {
        let event: Value = serde_json::from_slice(&emit.payload).unwrap();
        assert_eq!((emit.queue.as_str(), event["id"].as_str().unwrap().as_bytes()), ("changes", &*emit.id));
        event
    })
    .collect()
}

fn refused() -> Ruling {
    Ruling::Refuse(Refusal::Http(HttpError::ConnectionRefused))
}

#[tokio::test]
async fn each_answer_says_whether_the_provider_fails_or_the_order() {
    type Say = fn() -> Ruling;
    let table: [(Say, &str, &str); 16] = [
        (|| says(200, r#"{"id": "ch_1"}"#), "answered", ""),
        (|| says(202, r#"{"id": "ch_1"}"#), "answered", ""),
        (|| says(200, "{}"), "answered", ""),
        (|| says(400, ""), "answered", ""),
        (|| says(401, ""), "answered", ""),
        (|| says(402, ""), "answered", ""),
        (|| says(404, ""), "answered", ""),
        (|| says(408, ""), "answered", ""),
        (|| says(409, ""), "answered", ""),
        (|| says(302, ""), "failed", "the payment provider answered 302"),
        (|| says(429, r#"{"detail": "ada"}"#), "failed", "the payment provider answered 429"),
        (|| says(500, r#"{"detail": "ada@example.com"}"#), "failed", "the payment provider answered 500"),
        (|| says(503, ""), "failed", "the payment provider answered 503"),
        (refused, "failed", "the payment provider can't be reached: it refused the connection"),
        (
            || Ruling::Delay(std::time::Duration::from_secs(3600)),
            "failed",
            "the payment provider did not answer within 50 ms",
        ),
        (|| Ruling::Refuse(Refusal::Http(HttpError::HttpRequestDenied)), "", ""),
    ];
    for (say, showed, why) in table {
        let (_, settled) = judged(order(1), say).await;
        assert_eq!((settled.showed.as_str(), settled.why.as_str()), (showed, why));
        assert_eq!(settled.partner, if showed.is_empty() { "" } else { "pay.test" });
        let news = news(&settled);
        assert_eq!(news.len(), usize::from(showed == "failed"), "{why}");
        for event in news {
            assert_eq!(event["type"], "sluice.payments.interrupted");
            assert_eq!(event["data"]["reason"], why, "the provider's words may name a customer");
            assert!(event["data"]["since"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{event}");
        }
    }
    let (effects, settled) = changed(cancel("1.1"), confirmed(charged()), || says(503, "")).await;
    assert!(words(&effects).contains(&"ask pay.test".to_owned()));
    assert_eq!((settled.verdict.as_str(), settled.showed.as_str()), ("retry", "failed"));
}

#[tokio::test]
async fn the_time_that_the_provider_asks_for_is_told_with_its_failure() {
    let (_, settled) = judged(order(1), || {
        let Ruling::Answer(host::calls::Answer::Http(mut response)) = says(503, "") else { unreachable!() };
        response.headers_mut().insert("retry-after", "120".parse().unwrap());
        Ruling::Answer(host::calls::Answer::Http(response))
    })
    .await;
    assert_eq!(settled.pause_ms, 120_000);
}

#[tokio::test]
async fn an_order_without_leave_waits_and_nobody_is_asked() {
    let (effects, settled) = judged_with(WAITS, || says(200, r#"{"id": "ch_1"}"#)).await;
    assert!(requests(&effects).is_empty() && written(&effects).is_none());
    assert_eq!((settled.verdict.as_str(), settled.showed.as_str()), ("release", "waits"));
    assert_eq!((settled.partner.as_str(), news(&settled).len()), ("pay.test", 0));
}

#[tokio::test]
async fn a_refund_without_leave_waits_and_the_order_stays_as_it_is() {
    let double = charging([cancel("1.1")]).when(move |effect| match (effect, effect.verb()) {
        (Effect::StoreGet(_), _) => {
            let record = confirmed(charged()).to_json();
            Some(Ruling::Answer(host::calls::Answer::Value(Some(record))))
        }
        (_, Some(Verb::Ask { .. })) => Some(replies(vec![RedisResult::Int64(WAITS)])),
        _ => None,
    });
    let (effects, settled) = woken(double).await;
    assert!(requests(&effects).is_empty() && written(&effects).is_none());
    assert_eq!((settled.verdict.as_str(), settled.showed.as_str()), ("release", "waits"));
}

#[tokio::test]
async fn a_change_that_moves_no_money_needs_no_leave() {
    let fulfil = asking(ChangeRequest::Fulfil { tracking: None, settled: None }, "1.1");
    for (message, record) in [(fulfil, confirmed(charged())), (cancel("1.1"), confirmed(Payment::None))] {
        let (effects, done) = changed(message, record, refunds).await;
        assert!(!words(&effects).iter().any(|word| word.starts_with("ask")));
        assert_eq!((done.verdict.as_str(), done.showed.as_str()), ("done", ""));
    }
}

#[tokio::test]
async fn a_probe_that_fails_is_given_back_though_it_was_the_last_attempt() {
    for say in [refused as fn() -> Ruling, || says(500, r#"{"detail": "ada"}"#)] {
        let (_, settled) = judged_with(SINCE, say).await;
        assert_eq!((settled.verdict.as_str(), settled.showed.as_str()), ("release", "failed"));
        assert!(!settled.why.is_empty() && news(&settled).is_empty());
        let (_, settled) = judged_with(FREE, say).await;
        assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("bury", "handler"));
    }
}

#[tokio::test]
async fn a_probe_that_is_answered_brings_the_news_whatever_the_answer() {
    for (say, verdict) in [
        ((|| says(200, r#"{"id": "ch_1"}"#)) as fn() -> Ruling, "done"),
        (|| says(402, ""), "done"),
        (|| says(400, ""), "bury"),
    ] {
        let (_, settled) = judged_with(SINCE, say).await;
        assert_eq!((settled.verdict.as_str(), settled.showed.as_str()), (verdict, "answered"));
        let [event] = news(&settled).try_into().unwrap();
        let since = Timestamp::from_ms(SINCE as u64).to_string();
        assert_eq!(event["type"], "sluice.payments.resumed");
        assert_eq!(event["data"], json!({"provider": "pay.test", "since": since}));
        assert_eq!((&event["subject"], &event["source"]), (&json!("pay.test"), &json!("/payments")));
    }
}

#[tokio::test]
async fn the_log_is_told_of_a_provider_that_turned_and_of_no_other() {
    for (latest, lines) in [(2, 1), (1, 0)] {
        let double = charging([order(1)]).when(move |effect| match (effect, effect.verb()) {
            (Effect::Http(_), _) => Some(says(500, "")),
            (_, Some(Verb::Settle { .. })) => Some(replies(vec![RedisResult::Int64(latest)])),
            _ => None,
        });
        let alone = double.around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let told = alone.printed();
        let told = told.lines().filter(|line| {
            *line == "pay.test fails for all: the payment provider answered 500. What needs it waits, and spends no attempt."
        });
        assert_eq!(told.count(), lines);
    }
}

#[tokio::test]
async fn orders_that_wait_fill_no_log() {
    let (_, settled) = judged_with(WAITS, refused).await;
    assert_eq!(settled.reason, "the payment provider fails for all orders, so this one waits until it answers");
    let double = charging([order(1)]).when(|effect| match effect.verb() {
        Some(Verb::Hold(_)) => Some(replies(vec![binary("held"), RedisResult::Int64(1), RedisResult::Int64(WAITS)])),
        _ => None,
    });
    let alone = double.around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(alone.printed(), "");
}
