//! What the notifier says of the variable `webhooks` where it is wrong: everything, and no secret.

use serde_json::{Value, json};

use super::sample::{SECRET, URL, change, endpoint};
use super::*;

/// Values with one fault, and what is said of each. Where a secret may be, each has [`SECRET`] or a part of it.
fn bad_webhooks() -> Vec<(String, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut endpoint = endpoint("erp", URL);
        endpoint[field] = value;
        Value::from(vec![endpoint]).to_string()
    };
    let secret = |secret: &str| with("secret", json!(secret));
    let unreadable = "can't be read at line 1, column ";
    let no_list = "must be a JSON list of {\"name\", ";
    let name = "has a fault: webhooks/0/name must be 1 to 32 lower-case letters, digits or hyphens, like erp";
    let secrets = |secrets: Value| json!([{"name": "erp", "url": URL, "secrets": secrets}]).to_string();
    let first = "has a fault: webhooks/0/secret ";
    let url = "has a fault: webhooks/0/url ";
    let hidden =
        "has a fault: webhooks/0 has a field of another name, which is not shown here: an endpoint has name, url";
    vec![
        (String::new(), unreadable),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), unreadable),
        (endpoint("erp", URL).to_string(), no_list),
        (json!(SECRET).to_string(), no_list),
        (format!("[{}", endpoint("erp", URL)), unreadable),
        (format!("[\"{SECRET}\"]"), "has a fault: webhooks/0 must be an object: write {\"name\", \"url\""),
        (format!(r#"[{{"name":"erp","url":"{URL}","secret":["{SECRET}"]}}]"#), "webhooks/0/secret must be a string"),
        (format!(r#"[{{"name":"erp","url":"{URL}","secret":"{SECRET}","{SECRET}":1}}]"#), hidden),
        (
            format!(r#"[{{"name":"erp","url":"{URL}","secret":"{SECRET}","secret":"{SECRET}"}}]"#),
            "has a fault: webhooks/0/secret is there twice: write it once",
        ),
        (
            format!(r#"[{{"name":"erp","secret":"{SECRET}"}}]"#),
            "has a fault: webhooks/0/url is missing: write the endpoint's address, like https://erp.test/hook",
        ),
        (
            json!([{"name": "erp", "url": URL}]).to_string(),
            "has a fault: webhooks/0/secret is missing: write whsec_ and the base64 of 24 to 64 random bytes",
        ),
        (with("event", json!([])), "webhooks/0/event is no field: did you mean events?"),
        (with("URL", json!(URL)), "webhooks/0/URL is no field: did you mean url?"),
        (
            with("colour", json!("red")),
            "webhooks/0/colour is no field: an endpoint has name, url, secret or secrets, and",
        ),
        (with("events", json!(SECRET)), "webhooks/0/events must be a list of types of event: leave it out for all"),
        (with("name", json!(null)), name),
        (with("name", json!("")), name),
        (with("name", json!("ERP")), name),
        (with("name", json!("erp.1")), name),
        (with("name", json!("a".repeat(33))), name),
        (with("url", json!("")), url),
        (with("url", json!(7)), url),
        (with("url", json!("erp.test/hooks")), url),
        (with("url", json!("/hooks")), url),
        (with("url", json!("ftp://erp.test/hooks")), url),
        (with("url", json!("https://erp test/")), url),
        (
            with("events", json!(["order.confirmed"])),
            "webhooks/0/events/0 is \"order.confirmed\", which is no event: did you mean sluice.order.confirmed?",
        ),
        (with("events", json!([SECRET])), "webhooks/0/events/0 is no event: events are sluice.order.payment_pending, "),
        (with("events", json!([7])), "webhooks/0/events/0 is no event: events are sluice.order.payment_pending, "),
        (secret(""), first),
        (secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), first),
        (secret("whsec_"), first),
        (secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"), first),
        (secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w"), first),
        (secret(&format!("whsec_{}", "MfKQ".repeat(22))), first),
        (
            with("secrets", json!([SECRET])),
            "webhooks/0 has \"secret\" and \"secrets\": put all of them into \"secrets\"",
        ),
        (secrets(json!([])), "webhooks/0/secrets has 0, but must have 1 to 3"),
        (secrets(json!(vec![SECRET; 4])), "webhooks/0/secrets has 4, but must have 1 to 3"),
        (secrets(json!([SECRET, "MfKQ"])), "has a fault: webhooks/0/secrets/1 must begin with whsec_"),
        (secrets(json!(SECRET)), "webhooks/0/secrets must be a list of 1 to 3 strings"),
        (
            Value::from(vec![endpoint("erp", URL); 2]).to_string(),
            "webhooks/1/name is \"erp\", as that of webhooks/0: give each endpoint its own",
        ),
        (
            (0..33).map(|n| endpoint(&format!("e{n}"), URL)).collect::<Value>().to_string(),
            "names 33 endpoints, but at most 32 are allowed: remove some",
        ),
        (
            Value::from(vec![endpoint("erp", URL), endpoint("Erp", URL)]).to_string(),
            "has a fault: webhooks/1/name must be",
        ),
    ]
}

/// Values with several faults, and all that is said of each, in this order.
fn worse_webhooks() -> Vec<(String, Vec<String>)> {
    let told = |faults: &[&str]| faults.iter().map(|fault| (*fault).to_owned()).collect::<Vec<_>>();
    vec![
        (
            json!([
                {"nam": "erp", "url": "erp.test", "secret": "MfKQ", "events": ["order.placed", "sluice.order.rejectd"]},
                endpoint("crm", URL),
                {"name": "crm", "secrets": [SECRET, "whsec_MfKQ", 7], SECRET: 1},
                SECRET,
            ])
            .to_string(),
            told(&[
                "has 12 faults: ",
                "webhooks/0/nam is no field: did you mean name?; ",
                "webhooks/0/name must be 1 to 32 ",
                "webhooks/0/url must begin with https://",
                "webhooks/0/events/0 is \"order.placed\", which is no event: events are ",
                "webhooks/0/events/1 is \"sluice.order.rejectd\", which is no event: did you mean sluice.order.rejected?",
                "webhooks/0/secret must begin with whsec_: write whsec_ and ",
                "webhooks/2 has a field of another name",
                "webhooks/2/name is \"crm\", as that of webhooks/1",
                "webhooks/2/url is missing",
                "webhooks/2/secrets/1 ",
                "webhooks/2/secrets/2 must be a string",
                "webhooks/3 must be an object",
            ]),
        ),
        (
            Value::from(vec![json!({}); 40]).to_string(),
            told(&["has 121 faults: ", "names 40 endpoints", "webhooks/0/name ", "webhooks/32/url ", "; and 21 more"]),
        ),
    ]
}

#[tokio::test]
async fn every_fault_of_webhooks_is_told_at_once_with_its_place() {
    let alone = Double::new().around("notifier").await;
    for (value, told) in worse_webhooks() {
        alone.double.set("webhooks", &value);
        let error = alone.wake().await.unwrap_err();
        let mut rest = error.as_str();
        for part in told {
            let Some((_, behind)) = rest.split_once(&part) else { panic!("{part} is not in {rest} of {error}") };
            rest = behind;
        }
        assert!(!error.contains("MfKQ") && !alone.printed().contains("MfKQ"), "{error}");
    }
}

#[tokio::test]
async fn webhooks_that_are_wrong_are_told_without_their_secrets() {
    let alone = Double::new().holding("changes", [change(1)]).around("notifier").await;
    for (value, fault) in bad_webhooks() {
        alone.double.set("webhooks", &value);
        let error = alone.wake().await.unwrap_err();
        assert!(error.starts_with("the variable webhooks of component notifier "), "{error}");
        assert!(error.contains(fault), "{error}\nis not: {fault}");
        assert!(!error.contains("MfKQ") && !alone.printed().contains("MfKQ"), "{error}");
    }
    assert!(words(&alone.take_effects()).is_empty(), "nothing was claimed");
}

#[tokio::test]
async fn webhooks_at_the_ends_of_what_is_allowed_are_taken() {
    let secret = |bytes: usize| format!("whsec_{}", base64(bytes));
    for endpoints in [
        json!([]),
        json!([{"name": "a".repeat(32), "url": "https://erp.test", "secret": secret(24)}]),
        json!([{"name": "a-1", "url": "http://[::1]:8080/?q", "secret": secret(64), "events": null}]),
        json!([{"name": "a", "url": "https://erp.test", "secrets": [secret(24), secret(25), secret(64)]}]),
        json!([{"name": "-", "url": "HTTPS://ERP.test/", "secret": secret(33), "events": []}]),
        (0..32).map(|n| endpoint(&format!("e{n}"), URL)).collect(),
    ] {
        let alone = Double::new().with("webhooks", &endpoints.to_string()).around("notifier").await;
        assert_eq!(alone.wake().await, Ok(()), "{endpoints}");
    }
}

/// The base64 of so many zeros.
fn base64(bytes: usize) -> String {
    let padding = (3 - bytes % 3) % 3;
    let letters = (bytes * 8).div_ceil(6);
    format!("{}{}", "A".repeat(letters), "=".repeat(padding))
}
