//! Whoever is silent is waited for, but not for ever. All deadlines at the same time, since each takes its seconds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use host::calls::Ruling;

use super::double::{binary, found, replies};
use super::sample::{get, order, post};
use super::*;
use crate::harness::{begun, json};

const SILENCE: Duration = Duration::from_secs(3600);

/// What is late on a busy machine, and yet far from the next deadline.
const LATE: Duration = Duration::from_millis(900);

fn silent(pick: impl Fn(&Effect) -> bool + Send + Sync + 'static) -> Double {
    Double::new().when(move |effect| pick(effect).then_some(Ruling::Delay(SILENCE)))
}

async fn the_shop_is_told(double: Double, request: Request<Bytes>, detail: &str) {
    let answer = double.around("intake").await.http(request).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert!(json(&answer)["detail"].as_str().unwrap().starts_with(detail), "{answer:?}");
}

/// Two wait for their own calls. Another one came meanwhile, and waits for one of those and for its own.
async fn those_who_come_at_the_same_time_are_told() {
    let alone = silent(|effect| effect.verb().is_some()).around("intake").await;
    let mut sent = vec![];
    for _ in 0..3 {
        sent.push(begun(alone.http(post())).await);
    }
    for answer in join_all(sent).await {
        assert_eq!(answer.status(), 503, "{answer:?}");
    }
    assert_eq!(words(&alone.take_effects())[1..], ["accept", "accept", "open", "accept"], "each is told after its own");
}

/// Each try ends after a quarter of the lease. Half of the lease is over after the second, and the third is answered.
async fn the_wake_goes_on(
    is_silent: impl Fn(&Effect) -> bool + Send + Sync + 'static,
    component: &'static str,
    words: &str,
) {
    let left = AtomicUsize::new(2);
    let twice = move |effect: &Effect| {
        is_silent(effect) && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    };
    let alone = silent(twice).with("lease_ms", "6000").around(component).await;
    assert_eq!(alone.wake().await, Ok(()));
    assert!(alone.printed().contains(words), "{}", alone.printed());
}

async fn the_record_is_written_again() {
    let is_first = AtomicBool::new(true);
    let record_is_written = move |effect: &Effect| {
        matches!(effect, Effect::StoreSet(key, _) if key.starts_with("order/"))
            && is_first.swap(false, Ordering::Relaxed)
    };
    let alone = silent(record_is_written).holding("placed", [order(1)]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let [settled] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    assert_eq!(settled.verdict, "done");
}

async fn the_order_is_done_without_its_marker() {
    let marker_is_written = |effect: &Effect| matches!(effect, Effect::StoreSet(key, _) if key.starts_with("orders/"));
    let alone = silent(marker_is_written).holding("placed", [order(1)]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(settled(&alone.take_effects(), "placed")[0].verdict, "done");
    assert!(
        alone.printed().contains("The change marker could not be written: the store did not answer within 5 s."),
        "{}",
        alone.printed()
    );
}

#[tokio::test]
async fn what_is_silent_is_given_up_at_its_deadline() {
    let is_script = |effect: &Effect| effect.verb().is_some();
    let is_open = |effect: &Effect| matches!(effect, Effect::RedisOpen);
    let is_get = |effect: &Effect| matches!(effect, Effect::StoreGet(_));
    let with_a_head = || {
        Double::new().when(move |effect| match effect {
            _ if is_get(effect) => Some(Ruling::Delay(SILENCE)),
            _ if is_script(effect) => {
                let mut reply = found(&[4]);
                reply[1] = binary("1.1");
                Some(replies(reply))
            }
            _ => None,
        })
    };
    let redis = |ms: u64| format!("Redis did not answer within {ms} ms");
    let redis_quarter = redis(1500);
    let cases: Vec<(u64, BoxFuture<'_, ()>)> = vec![
        (2, Box::pin(the_shop_is_told(silent(is_script), post(), "No order can be taken"))),
        (2, Box::pin(the_shop_is_told(silent(is_open), post(), "No order can be taken"))),
        (2, Box::pin(the_shop_is_told(silent(is_script), get(1), "No order can be looked up"))),
        (2, Box::pin(the_shop_is_told(with_a_head(), get(1), "The order can't be read"))),
        (4, Box::pin(those_who_come_at_the_same_time_are_told())),
        (4, Box::pin(the_wake_goes_on(is_script, "processor", &redis_quarter))),
        (4, Box::pin(the_wake_goes_on(is_open, "processor", &redis_quarter))),
        (4, Box::pin(the_wake_goes_on(is_script, "notifier", &redis_quarter))),
        (5, Box::pin(the_record_is_written_again())),
        (5, Box::pin(the_order_is_done_without_its_marker())),
    ];
    join_all(cases.into_iter().map(async |(seconds, case)| {
        let (begun, deadline) = (Instant::now(), Duration::from_secs(seconds));
        case.await;
        let taken = begun.elapsed();
        assert!((deadline..deadline + LATE).contains(&taken), "{taken:?} for a deadline of {seconds} s");
    }))
    .await;
}
