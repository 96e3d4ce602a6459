//! Variables of the whole application, as spin.toml hands them on, and what the door says of one that is wrong.

use std::sync::Arc;
use std::time::Duration;

use host::{RedisOverride, RunningApplication, StartOptions, Triggers};

use super::*;
use crate::harness::{app, start_with};

/// Starts with one variable set, on a Redis that all of a test share. Nobody is woken.
async fn start(redis: &Redis, variable: &str, value: &str) -> RunningApplication {
    let start = StartOptions {
        redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
        triggers: Triggers::Only(["intake", "desk", "health"].map(str::to_owned).into()),
        ..start_with(&[(variable, value)])
    };
    app().start(start).await.unwrap()
}

/// The name of each variable that has a range, and values outside of it.
const TABLE: &[(&str, &[&str])] = &[
    ("redis_url", &["redis://:hunter2@127.0.0.1:6379/5", "rediss://:hunter2@127.0.0.1:6379/0", "hunter2"]),
    ("store_url", &["redis://:hunter2@127.0.0.1:6379/5", "rediss://:hunter2@127.0.0.1:6379/1", "redis://host:1/1"]),
    ("namespace", &["", "orders"]),
    ("lease_ms", &["49", "43200001", "x"]),
    ("log_retention_h", &["0", "8785"]),
    ("retention_days", &["-1", "36601"]),
    ("idempotency_ttl_s", &["0", "2592001"]),
    ("max_queue_depth", &["-1", "100000001"]),
    ("max_queue_age_s", &["-1", "2592001"]),
    ("max_attempts", &["0", "101"]),
    ("max_crashes", &["0", "101"]),
    ("backoff_base_ms", &["0", "3600001"]),
    ("backoff_cap_ms", &["0", "999", "86400001"]),
    ("drain_budget_ms", &["99", "600001"]),
    ("operator_key", &["hunter2", "0123456789 hunter2", "0123456789\nhunter2", "0123456789\u{e9}hunter2"]),
    ("api_keys", &["", "{}", r#"[{"name":"webshop","sha256":"hunter2","role":"shop"}]"#]),
    ("cors_origins", &["*", "shop.test"]),
    ("stripe_key", &["hunter2 hunter2", "hunter2\u{e9}"]),
    ("stripe_url", &["ftp://hunter2:21", "https://hunter2:*"]),
    ("stripe_event_secret", &["hunter2", "we_hunter2hunter2hunter2", "whsec_hunter2"]),
    ("stripe_return_url", &["shop.test/hunter2", "javascript:hunter2", "https://shop.test/hunter2 hunter2"]),
    ("webhooks", &["", "{}", r#"[{"name":"erp","url":"https://erp.test","secret":"whsec_hunter2"}]"#]),
    ("webhook_schedule_ms", &["", "soon"]),
    ("webhook_timeout_ms", &["9", "60001"]),
    ("webhook_concurrency", &["0", "257"]),
];

/// Those that the intake reads.
const INTAKES: &[&str] = &[
    "redis_url",
    "store_url",
    "namespace",
    "lease_ms",
    "log_retention_h",
    "retention_days",
    "idempotency_ttl_s",
    "max_queue_depth",
    "max_queue_age_s",
    "api_keys",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_wrong_is_named_by_health_and_by_the_first_request_that_needs_it() {
    let redis = Redis::start().await;
    for (variable, values) in TABLE {
        for value in *values {
            let running = start(&redis, variable, value).await;
            let health = running.route(Request::get("/health").body(Bytes::new()).unwrap()).await;
            assert_eq!(health.status(), 503, "{variable} = {value:?}");
            let health = body_of(&health);
            let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "settings").unwrap();
            assert_eq!((&health["status"], &check["status"]), (&"fail".into(), &"fail".into()));
            let detail = check["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("the variable {variable} of component ")), "{detail}");
            assert!(!health.to_string().contains("hunter2"));

            let answer = running.route(post(full().to_string())).await;
            if INTAKES.contains(variable) {
                assert_eq!(answer.status(), 503, "{variable} = {value:?}");
                let problem = problem(&answer);
                assert_eq!(problem["type"], "urn:sluice:problem:misconfigured");
                assert!(problem["detail"].as_str().unwrap().contains(variable), "{problem}");
            } else {
                assert_eq!(answer.status(), 202, "orders are taken whatever is wrong with {variable}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_break_at_the_end_of_a_secret_from_a_file_is_no_part_of_it() {
    let redis = Redis::start().await;
    let redis_url = format!("{}\n", redis.url(0));
    for (variable, value) in [("operator_key", " 0123456789abcdef\r\n"), ("redis_url", &redis_url)] {
        let start = StartOptions {
            redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
            ..start_with(&[("operator_key", "0123456789abcdef"), (variable, value)])
        };
        let running = app().start(start).await.unwrap();
        let request = Request::get("/dead-letters/placed").header("authorization", "Bearer 0123456789abcdef");
        let answer = running.route(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status(), 200, "{variable}: {answer:?}");
        let health = running.route(Request::get("/health").body(Bytes::new()).unwrap()).await;
        assert_eq!(health.status(), 200, "{variable}: {health:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_redis_is_in_no_answer_and_in_no_line_that_is_printed() {
    let redis = Arc::new(Redis::start().await);
    let port = redis.url(0).rsplit_once(':').unwrap().1.trim_end_matches("/0").to_owned();
    let printed = Arc::new(std::sync::Mutex::new(String::new()));
    for url in [
        // The server has no password, no such user, no such database; nobody listens; no address at all.
        format!("redis://:hunter2@127.0.0.1:{port}/0"),
        format!("redis://ann:hunter2@127.0.0.1:{port}/0"),
        format!("redis://ann:hunter2@127.0.0.1:{port}/99"),
        "redis://ann:hunter2@127.0.0.1:hunter2/0".to_owned(),
        "redis://ann:hunter2@".to_owned(),
        format!("redis://ann:hunter2/hunter2#@127.0.0.1:{port}/0"),
        format!("rediss://ann:hunter2@127.0.0.1:{port}/0"),
        "hunter2".to_owned(),
    ] {
        let lines = printed.clone();
        let start = StartOptions {
            redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
            triggers: Triggers::Only(["intake", "desk", "health"].map(str::to_owned).into()),
            output: Some(Arc::new(move |_, line| lines.lock().unwrap().push_str(line))),
            // The workers give up soon.
            ..start_with(&[("redis_url", &url), ("lease_ms", "100")])
        };
        let running = app().start(start).await.unwrap();
        for request in [
            post(full().to_string()),
            Request::get("/orders/017f22e2-79b0-7cc3-98c4-dc0c0c07398f").body(Bytes::new()).unwrap(),
            Request::get("/health").body(Bytes::new()).unwrap(),
        ] {
            let path = request.uri().path().to_owned();
            let answer = running.route(request).await;
            assert_eq!(answer.status(), 503, "{path} with {url}: {answer:?}");
            let told = format!("{:?} {}", answer.headers(), String::from_utf8_lossy(answer.body()));
            assert!(!told.contains("hunter2"), "{path} with {url}: {told}");
        }
        for component in ["processor", "notifier"] {
            // While Redis refuses it, a worker tries on, and says why in a line that is printed.
            let wake = tokio::time::timeout(Duration::from_millis(500), running.redis_message(component, "1"));
            if let Ok(ended) = wake.await {
                let error = ended.unwrap().unwrap_err();
                assert!(!error.contains("hunter2"), "{component} with {url}: {error}");
            }
        }
    }
    assert!(!printed.lock().unwrap().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_both_variables_where_an_origin_does_not_allow_a_url_and_the_value_it_advises_mends_it() {
    let redis = Redis::start().await;
    let webhooks =
        r#"[{"name":"erp","url":"http://localhost:18432/hunter2","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]"#;
    for (variable, value, origin, advised) in [
        ("payment_url", "http://127.0.0.1:9000/v1", "payment_origin", "http://127.0.0.1:9000"),
        ("webhooks", webhooks, "webhook_origin", "http://localhost:18432"),
    ] {
        let health = async |variables: &[(&str, &str)]| {
            let start = StartOptions {
                redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
                triggers: Triggers::Only(["health".to_owned()].into()),
                ..start_with(variables)
            };
            let running = app().start(start).await.unwrap();
            let answer = running.route(Request::get("/health").body(Bytes::new()).unwrap()).await;
            (answer.status().as_u16(), body_of(&answer).to_string())
        };
        let (status, told) = health(&[(variable, value)]).await;
        assert_eq!(status, 503, "{told}");
        let sentence = format!(
            "{origin} of component health is \\\"https://*:443\\\", which doesn't allow {advised}, where {variable} "
        );
        assert!(told.contains(&sentence) && told.contains(&format!("set {origin} to {advised}")), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        let (status, told) = health(&[(variable, value), (origin, advised)]).await;
        assert_eq!(status, 200, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_names_every_fault_of_all_variables_at_once() {
    let redis = Redis::start().await;
    let webhooks = r#"[{"name":"erp","url":"erp.test","secret":"whsec_hunter2","key":1}]"#;
    let wrong = [
        ("namespace", "orders"),
        ("redis_url", "hunter2"),
        ("store_url", "rediss://:hunter2@127.0.0.1:6379/1"),
        ("lease_ms", "49"),
        ("log_retention_h", "0"),
        ("retention_days", "-1"),
        ("max_attempts", "0"),
        ("backoff_base_ms", "0"),
        ("backoff_cap_ms", "x"),
        ("max_queue_age_s", "-1"),
        ("max_queue_depth", "-1"),
        ("operator_key", "hunter2"),
        ("api_keys", r#"[{"name":"Hunter2","sha256":"hunter2"}]"#),
        ("payment_url", "pay.test"),
        ("payment_key", "hunter2 hunter2"),
        ("payment_timeout_ms", "9"),
        ("payment_late_s", "x"),
        ("webhooks", webhooks),
        ("webhook_schedule_ms", "soon"),
        ("webhook_timeout_ms", "9"),
    ];
    let start = StartOptions {
        redis: Some(RedisOverride::new(&redis.url(0)).unwrap()),
        triggers: Triggers::Only(["health".to_owned()].into()),
        ..start_with(&wrong)
    };
    let running = app().start(start).await.unwrap();
    let answer = running.route(Request::get("/health").body(Bytes::new()).unwrap()).await;
    let health = body_of(&answer);
    let settings = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "settings").unwrap();
    let detail = settings["detail"].as_str().unwrap();
    for (variable, _) in wrong {
        let named = format!("the variable {variable} of component health ");
        assert_eq!(detail.matches(&named).count(), 1, "{variable}: {detail}");
    }
    for place in ["webhooks/0/key", "webhooks/0/url", "webhooks/0/secret", "api_keys/0/sha256", "api_keys/0/role"] {
        assert!(detail.contains(place), "{place}: {detail}");
    }
    assert!(!health.to_string().contains("hunter2"), "{health}");
}
