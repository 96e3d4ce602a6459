//! What a component says of a variable that is wrong, before it does anything else.

use super::sample::{change, order, post};
use super::*;
use crate::harness::json as body_of;

/// Numbers: the variable, and values just outside of its range or no numbers at all.
const NUMBERS: &[(&str, &[&str])] = &[
    ("lease_ms", &["", "49", "43200001", "-50", "1e3", "50.0", "0x50", "half a minute"]),
    ("log_retention_h", &["", "0", "8785", "99999999999999999999"]),
    ("retention_days", &["", "-1", "36601", "90d"]),
    ("idempotency_ttl_s", &["", "0", "2592001", "1d"]),
    ("max_queue_depth", &["", "-1", "100000001"]),
    ("max_queue_age_s", &["", "-1", "2592001"]),
    ("max_attempts", &["0", "101", "many"]),
    ("max_crashes", &["0", "101", "2.5"]),
    ("backoff_base_ms", &["0", "3600001", "-1"]),
    ("backoff_cap_ms", &["0", "86400001", "x"]),
    ("drain_budget_ms", &["99", "600001", ""]),
    ("webhook_timeout_ms", &["9", "60001", "15s", ""]),
    ("webhook_concurrency", &["0", "257", ""]),
];

/// The triggers take a namespace as it is, so not even a line break at its end is cut off.
const NAMESPACES: &[&str] = &["", "orders", "{}", "{a b}", "{a}b", "{{a}}", "{a\n}", "{a}\n"];

impl Alone {
    /// Its word about its settings: what the shop reads, or the error of the wake.
    async fn complaint(&self) -> String {
        if self.component != "intake" {
            return self.wake().await.expect_err("a complaint");
        }
        let answer = self.http(post()).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"30".parse().unwrap()));
        assert_eq!(body_of(&answer)["type"], "urn:sluice:problem:misconfigured");
        body_of(&answer)["detail"].as_str().unwrap().to_owned()
    }

    /// Each of these values of the variable is refused by name, and so is its absence.
    async fn refuses(&self, variable: &str, values: &[impl AsRef<str>]) {
        let begins = format!("the variable {variable} of component {} ", self.component);
        for value in values.iter().map(AsRef::as_ref) {
            self.double.set(variable, value);
            let complaint = self.complaint().await;
            let expected = format!("{begins}is {value:?}, but must be ");
            assert!(complaint.starts_with(&expected), "{complaint}\nis not: {expected}");
        }
        self.double.take_away(variable);
        let complaint = self.complaint().await;
        assert!(complaint.starts_with(&format!("{begins}can't be read: ")), "{complaint}");
        assert!(complaint.contains("set it in spin.toml"), "{complaint}");
        self.double.reset(variable);
    }

    async fn refuses_all(&self, numbers: &[&str]) {
        self.refuses("namespace", NAMESPACES).await;
        let wanted = NUMBERS.iter().filter(|(variable, _)| numbers.contains(variable));
        assert_eq!(wanted.clone().count(), numbers.len());
        for (variable, values) in wanted {
            self.refuses(variable, values).await;
        }
        assert_eq!(words(&self.take_effects()), [""; 0], "nothing was asked of anybody");
    }
}

#[tokio::test]
async fn the_intake_names_a_variable_that_is_wrong_until_it_is_mended() {
    let alone = Double::new().around("intake").await;
    let numbers =
        ["lease_ms", "log_retention_h", "retention_days", "idempotency_ttl_s", "max_queue_depth", "max_queue_age_s"];
    alone.refuses_all(&numbers).await;
    assert_eq!(alone.http(post()).await.status(), 202);
}

#[tokio::test]
async fn the_processor_names_a_variable_that_is_wrong_and_claims_nothing() {
    let alone = Double::new().holding("placed", [order(1)]).around("processor").await;
    let numbers = [
        "lease_ms",
        "log_retention_h",
        "retention_days",
        "max_attempts",
        "max_crashes",
        "backoff_base_ms",
        "backoff_cap_ms",
        "drain_budget_ms",
    ];
    alone.refuses_all(&numbers).await;
    alone.double.set("backoff_cap_ms", "999");
    let expected =
        "the variable backoff_cap_ms of component processor is 999, but must be at least backoff_base_ms, 1000";
    assert_eq!(alone.complaint().await, expected);
    alone.double.reset("backoff_cap_ms");
    alone.refuses("untracked_stock", &["", "Allow", "true"]).await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(settled(&alone.take_effects(), "placed").len(), 1, "the order was still there");
}

#[tokio::test]
async fn the_notifier_names_a_variable_that_is_wrong_and_claims_nothing() {
    let alone = Double::new().holding("changes", [change(1)]).around("notifier").await;
    let numbers = [
        "lease_ms",
        "log_retention_h",
        "retention_days",
        "max_crashes",
        "drain_budget_ms",
        "webhook_timeout_ms",
        "webhook_concurrency",
    ];
    alone.refuses_all(&numbers).await;
    let more_than_a_week = (7 * 24 * 3_600_000 + 1).to_string();
    let too_many = ["1"; 33].join(",");
    let schedules = ["", "5000,", "5000;300000", "-1", "soon", &more_than_a_week, &too_many];
    alone.refuses("webhook_schedule_ms", &schedules).await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(settled(&alone.take_effects(), "changes").len(), 1, "the change was still there");
}

/// Addresses of the queue's Redis, and what is said of each. What is secret in them has `hunter2` or `p@s`.
const ADDRESSES: &[(&str, &str)] = &[
    ("redis://127.0.0.1:6379/5", "names database 5, but must end in /0: the triggers in spin.toml hear of no other"),
    ("redis://:hunter2@127.0.0.1:6379/1", "names database 1, but must end in /0: "),
    ("rediss://:hunter2@127.0.0.1:6379/0", "asks for TLS by rediss://, which Sluice does not speak yet: start a TLS"),
    ("redis://:p@s/w#r:d%1=@127.0.0.1:6379/0", "percent-encode what is neither letter nor digit in the password"),
    ("redis://hunter2/5#p@s", "percent-encode what is neither letter nor digit in the password"),
    ("hunter2", "must be the address of a Redis, like redis://host:6379/0"),
    ("", "must be the address of a Redis, like redis://host:6379/0"),
];

#[tokio::test]
async fn an_address_of_redis_that_nobody_hears_is_refused_by_name_and_shows_no_part_of_a_password() {
    for component in ["intake", "processor", "notifier"] {
        let alone = Double::new().around(component).await;
        for (address, fault) in ADDRESSES {
            alone.double.set("redis_url", address);
            let complaint = alone.complaint().await;
            let begins = format!("the variable redis_url of component {component} ");
            assert!(complaint.starts_with(&begins) && complaint.contains(fault), "{address}: {complaint}");
            for secret in ["hunter2", "p@s", "w#r", "d%1="] {
                assert!(!complaint.contains(secret) && !alone.printed().contains(secret), "{address}: {complaint}");
            }
        }
        assert_eq!(words(&alone.take_effects()), [""; 0], "nothing was asked of anybody");
        // The line break at the end of a file is no part of it.
        alone.double.set("redis_url", "redis://:p%40s%2Fw%23r%3Ad%251=@127.0.0.1:6379/0\n");
        match component {
            "intake" => assert_eq!(alone.http(post()).await.status(), 202),
            _ => assert_eq!(alone.wake().await, Ok(())),
        }
    }
}

#[tokio::test]
async fn no_order_is_taken_whose_changes_nobody_would_hear_of() {
    let alone = Double::new().around("intake").await;
    for (address, fault) in [
        ("redis://127.0.0.1:6379/0", "names database 0, but must end in /1"),
        ("redis://127.0.0.1:6379", "names database 0, but must end in /1"),
        ("redis://127.0.0.1:7000/1", "is on 127.0.0.1:7000, but must be on the server of redis_url, 127.0.0.1:6379"),
        ("rediss://127.0.0.1:6379/1", "asks for TLS"),
        ("redis://:p@s/w@127.0.0.1:6379/1", "percent-encode"),
    ] {
        alone.double.set("store_url", address);
        let complaint = alone.complaint().await;
        assert!(complaint.starts_with("the variable store_url of component intake ") && complaint.contains(fault));
    }
    assert_eq!(words(&alone.take_effects()), [""; 0], "nothing was asked of anybody");
    alone.double.reset("store_url");
    assert_eq!(alone.http(post()).await.status(), 202);
}

#[tokio::test]
async fn the_ends_of_each_range_are_taken() {
    for ends in [
        &[("lease_ms", "50"), ("log_retention_h", "1"), ("retention_days", "1"), ("idempotency_ttl_s", "1")][..],
        &[
            ("lease_ms", "43200000"),
            ("log_retention_h", "8784"),
            ("retention_days", "36600"),
            ("idempotency_ttl_s", "2592000"),
        ],
        &[("lease_ms", " 50\n"), ("max_queue_depth", "0"), ("max_queue_age_s", "0")],
        &[("namespace", "{a-b_c.d:E9}"), ("max_queue_depth", "100000000"), ("max_queue_age_s", "2592000")],
        &[("max_attempts", "1"), ("max_crashes", "1"), ("backoff_base_ms", "1"), ("backoff_cap_ms", "1")],
        &[
            ("max_attempts", "100"),
            ("max_crashes", "100"),
            ("backoff_base_ms", "3600000"),
            ("backoff_cap_ms", "86400000"),
        ],
        &[("drain_budget_ms", "100"), ("webhook_timeout_ms", "10"), ("webhook_schedule_ms", "0")],
        &[("drain_budget_ms", "600000"), ("webhook_timeout_ms", "60000"), ("webhook_schedule_ms", "1, 604800000")],
    ] {
        let double = || ends.iter().fold(Double::new(), |double, (name, value)| double.with(name, value));
        assert_eq!(double().around("intake").await.http(post()).await.status(), 202, "{ends:?}");
        for component in ["processor", "notifier"] {
            assert_eq!(double().around(component).await.wake().await, Ok(()), "{component}: {ends:?}");
        }
    }
}
