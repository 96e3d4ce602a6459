//! Partners that answer from the head of a request alone, and close the connection with the rest of it unread.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{SECRET, Sluice, an_order, eventually, json as body_of};

const KEY: &str = "0123456789abcdef";

/// Answers each request with 413 before it reads the body. What is unread then has the connection reset. Returns the
/// server's address.
fn refusing() -> String {
    const PROBLEM: &str = r#"{"title": "too much"}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 413 Content Too Large\r\nRetry-After: 0\r\nContent-Type: application/problem+json\r\n\
         Content-Length: {}\r\n\r\n{PROBLEM}",
        PROBLEM.len()
    );
    // It ends with the process that runs the tests.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head, mut byte) = (stream.unwrap(), Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            // A client that went away is no failure of the test.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// An order of more than 80 kB.
fn a_large_order() -> Value {
    let line = |n| json!({"sku": format!("SKU-{n}"), "name": "🫖".repeat(200), "quantity": 1, "unit_price": 1});
    let mut order = an_order();
    order["lines"] = (0..100).map(line).collect();
    order
}

/// What went wrong with each attempt, once so many messages of a queue are dead.
async fn reasons(sluice: &Sluice, queue: &str, dead: usize) -> Vec<String> {
    let path = format!("/dead-letters/{queue}");
    let letters = eventually("the dead letters", async || {
        let answer = sluice.operate("GET", &path, KEY, &Value::Null).await;
        let letters = body_of(&answer)["letters"].take();
        letters.as_array().filter(|letters| letters.len() == dead).cloned()
    })
    .await;
    let attempts = letters.iter().flat_map(|letter| letter["attempts"].as_array().unwrap());
    attempts.map(|attempt| attempt["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answers_before_it_reads_is_understood_each_time() {
    let endpoint = json!([{"name": "erp", "url": refusing(), "secret": SECRET}]).to_string();
    let schedule = ["0"; 19].join(",");
    let variables = [
        ("webhooks", endpoint.as_str()),
        ("webhook_origin", "http://127.0.0.1:*"),
        ("webhook_schedule_ms", &schedule),
        ("operator_key", KEY),
    ];
    let sluice = Sluice::with(&variables).await;
    for _ in 0..10 {
        sluice.place(&a_large_order()).await;
    }
    let reasons = reasons(&sluice, "changes.erp", 10).await;
    assert!(reasons.len() >= 100, "{}", reasons.len());
    let lost: Vec<_> = reasons.iter().filter(|reason| !reason.starts_with("the endpoint answered 413")).collect();
    assert_eq!(lost, Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_answers_before_it_reads_is_understood_each_time() {
    let provider = refusing();
    let variables = [
        ("payment_url", provider.as_str()),
        ("payment_origin", "http://127.0.0.1:*"),
        ("backoff_base_ms", "1"),
        ("backoff_cap_ms", "10"),
        ("operator_key", KEY),
    ];
    let sluice = Sluice::with(&variables).await;
    for _ in 0..50 {
        sluice.place(&a_large_order()).await;
    }
    let reasons = reasons(&sluice, "placed", 50).await;
    assert_eq!(reasons, vec!["the payment provider answered 413: too much"; 50]);
}
