//! What a release before left in Redis is worked off by this one.
//!
//! Each file here is everything that a release had in Redis when it was stopped, one command in a line, in which each
//! character stands for a byte. Never change one: what it shows may lie in somebody's Redis. A release that keeps
//! anything in another form adds a file of its own.

use serde_json::json;

use crate::harness::{Endpoint, Redis, Sluice, an_order, json as body_of, start_with, webhooks};

const KEY: &str = "0123456789abcdef";

/// Of release 0.1.0. Each order was sent under its name here as its key.
const V0_1: &str = include_str!("0.1.0.jsonl");
/// Given up after its one attempt.
const DEAD: &str = "01a213ce-9ce9-7379-9dc7-23854342235c";
/// Confirmed; the endpoint `erp` has not taken the event yet.
const TOLD: &str = "01a213ce-9d30-7945-b0c2-de9ab667c3a7";
/// In the hands of a worker that was killed when it had held the stock.
const LEASED: &str = "01a213ce-a1ba-7b6c-84d9-30b0552fcbcb";
/// Not looked at yet.
const WAITING: &str = "01a213ce-a21e-7afa-bc26-c9e0a5766552";

async fn left_behind(commands: &str) -> Redis {
    let redis = Redis::start().await;
    let mut connection = redis.raw().await;
    for line in commands.lines() {
        let words: Vec<String> = serde_json::from_str(line).unwrap();
        let mut words = words.iter().map(|word| word.chars().map(|byte| byte as u8).collect::<Vec<_>>());
        let mut command = ::redis::cmd(str::from_utf8(&words.next().unwrap()).unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.exec_async(&mut connection).await.unwrap();
    }
    redis
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_release_0_1_left_in_redis_comes_to_the_end_that_was_promised() {
    let endpoint = Endpoint::start("erp").await;
    let [entries, origin] = webhooks(&[&endpoint]);
    let start = start_with(&[(entries.0, &entries.1), (origin.0, &origin.1), ("operator_key", KEY)]);
    let sluice = Sluice::on(left_behind(V0_1).await.into(), start).await;
    let shown = sluice.get(DEAD).await;
    assert_eq!(shown["status"], "needs_attention", "{shown}");
    assert_eq!(sluice.get(TOLD).await["status"], "confirmed");

    // The first probe of a new host finds what waits.
    assert_eq!(sluice.client.get("/health").await.status(), 200);
    for id in [LEASED, WAITING] {
        sluice.until(id, "confirmed").await;
    }
    let redriven = sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"class": "handler"})).await;
    assert_eq!(body_of(&redriven)["redriven"], 1);
    sluice.until(DEAD, "confirmed").await;

    let mut told: Vec<String> = endpoint.received(5).await.iter().map(|delivery| id_of(&delivery.event())).collect();
    told.sort();
    let mut expected = [DEAD, TOLD, LEASED, WAITING].map(|id| format!("{id}.1")).to_vec();
    expected.push(format!("{DEAD}.attention.1"));
    expected.sort();
    assert_eq!(told, expected);

    for (key, id) in [("dead", DEAD), ("told", TOLD), ("leased", LEASED), ("waiting", WAITING)] {
        let replayed = sluice.post(&an_order(), Some(key)).await;
        assert_eq!((replayed.status().as_u16(), id_of(&body_of(&replayed)).as_str()), (202, id));
    }
    // Each of the four took its two pieces once.
    let stock = sluice.operate("GET", "/stock/TEA-1", KEY, &json!(null)).await;
    assert_eq!(body_of(&stock), json!({"sku": "TEA-1", "available": 92, "held": 8}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_release_0_1_that_died_with_an_order_counts_as_its_crash() {
    let start = start_with(&[("operator_key", KEY), ("max_crashes", "1")]);
    let sluice = Sluice::on(left_behind(V0_1).await.into(), start).await;
    assert_eq!(sluice.client.get("/health").await.status(), 200);
    sluice.until(LEASED, "needs_attention").await;
    let letters = body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &json!(null)).await);
    let letter = letters["letters"].as_array().unwrap().iter().find(|letter| letter["id"] == LEASED).unwrap();
    assert_eq!((&letter["class"], &letter["crashes"]), (&"crash".into(), &1.into()), "{letter}");
    assert_eq!(letter["attempts"][0]["worker"], "processor-d0a00111");
}

fn id_of(named: &serde_json::Value) -> String {
    named["id"].as_str().unwrap().to_owned()
}
