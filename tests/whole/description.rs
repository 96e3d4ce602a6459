//! docs/openapi.json is what the application does: its examples are taken, and a program that tries whatever it allows
//! and forbids finds nothing else. (Besides, the client of these tests compares every answer with it.)

use std::env;
use std::process::Stdio;

use access::ApiKey;
use bytes::Bytes;
use http::Request;
use serde_json::json;
use tokio::process::Command;

use super::access::entry;
use super::payment::KEY;
use crate::description::written;
use crate::harness::{SECRET, Sluice, an_order, json as body_of, root, skipped};

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_to_everybody_and_may_be_kept_for_a_while() {
    let key = ApiKey::new(|| 7);
    let keys = json!([entry("shop", "shop", key.as_str())]).to_string();
    let sluice = Sluice::with(&[("api_keys", &keys)]).await;
    let answer = sluice.client.get("/openapi.json").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(body_of(&answer) == written(), "it is another one: run `make build`");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    let again = Request::get("/openapi.json").header("if-none-match", &answer.headers()["etag"]);
    assert_eq!(sluice.client.send(again.body(Bytes::new()).unwrap()).await.status(), 304);
}

/// Whether the description that is served lets a route be called without a key.
async fn is_open(variables: &[(&str, &str)], method: &str, path: &str) -> bool {
    let sluice = Sluice::with(variables).await;
    let served = body_of(&sluice.client.get("/openapi.json").await);
    served["paths"][path][method]["security"].as_array().unwrap().contains(&json!({}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_asks_for_a_key_where_one_is_asked_for() {
    let key = ApiKey::new(|| 7);
    let keys = json!([entry("shop", "shop", key.as_str())]).to_string();
    for (variables, shops, operators) in
        [(&[][..], true, true), (&[("operator_key", KEY)], true, false), (&[("api_keys", &keys)], false, false)]
    {
        assert_eq!(is_open(variables, "post", "/orders").await, shops, "{variables:?}");
        assert_eq!(is_open(variables, "put", "/stock/{sku}").await, operators, "{variables:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_example_of_the_description_is_taken_as_it_stands() {
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let mut tried = 0;
    for (path, methods) in written()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
            // What is signed, nobody can post as it stands.
            let is_signed = path.starts_with("/payments/");
            for example in examples.as_object().into_iter().flatten().filter(|_| !is_signed) {
                let order = sluice.place(&an_order()).await;
                sluice.until(&order, "confirmed").await;
                let path = path.replace("{id}", &order).replace("{queue}", "placed").replace("{sku}", "TEA-1");
                let (name, body) = (example.0, &example.1["value"]);
                let answer = sluice.operate_json(&method.to_uppercase(), &path, KEY, body).await;
                let told = format!("{method} {path} with {name}: {answer:?}");
                // There is no such letter, and no such stock yet.
                let is_absent = body.get("why").is_some() || method == "patch";
                assert!(answer.status().is_success() || answer.status() == 404 && is_absent, "{told}");
                tried += 1;
            }
        }
    }
    assert!(tried > 8, "there are only {tried} examples");
}

/// Requests that the suite makes. `make fuzz` makes more.
const FEW: usize = 300;

/// It counts its own requests below "Test cases".
fn count(output: &str) -> Option<usize> {
    let line = output.lines().skip_while(|line| !line.starts_with("Test cases")).nth(1)?;
    line.trim().split(' ').next()?.parse().ok()
}

/// The program, if it is installed. If not, that is said aloud.
fn schemathesis() -> Option<Command> {
    let packages = root().join("target/schemathesis");
    let program = packages.join("bin/schemathesis");
    if !program.exists() {
        skipped("schemathesis is not in target/schemathesis. Run `make schemathesis`, which needs python3 with pip.");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(program).env("PYTHONPATH", packages).stdin(Stdio::null()).kill_on_drop(true);
    Some(command)
}

/// Its phases, and the examples of each operation in one run. Many more make it slow. The second phase tries all that
/// is just beyond a bound, and takes longest.
const WHOLE: [&str; 4] = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "50"];
const SHORT: [&str; 4] = ["--phases", "examples,fuzzing,stateful", "--max-examples", "20"];

/// Lets it try the application once, and counts its requests.
async fn run(mut schemathesis: Command, sluice: &Sluice, key: &str, how: [&str; 4], seed: u64) -> usize {
    let address = sluice.running.address().unwrap();
    schemathesis.args(["run", &format!("http://{address}/openapi.json")]).args(how);
    schemathesis.args(["--header", &format!("Authorization: Bearer {key}"), "--seed", &seed.to_string()]);
    // Not all that the schemas allow is taken: amounts must add up.
    schemathesis.args(["--exclude-checks", "positive_data_acceptance", "--continue-on-failure", "--no-color"]);
    let output = schemathesis.current_dir(env::temp_dir()).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "seed {seed}: {told}\n{}", String::from_utf8_lossy(&output.stderr));
    count(&told).unwrap_or_else(|| panic!("it counted nothing: {told}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_tries_all_that_the_description_allows_and_forbids_finds_no_fault() {
    let key = ApiKey::new(|| 7);
    let (keys, secret) = (json!([entry("fuzz", "operator", key.as_str())]).to_string(), SECRET);
    let variables = [("api_keys", &*keys), ("payment_event_secret", secret), ("stripe_event_secret", secret)];
    let sluice = Sluice::with(&variables).await;
    let number = |variable| env::var(variable).ok().map(|number| number.parse::<u64>().unwrap());
    let (wanted, mut seed) = (number("FUZZ_REQUESTS"), number("FUZZ_SEED").unwrap_or(42));
    let how = if wanted.is_some() { WHOLE } else { SHORT };
    let (wanted, mut made) = (wanted.map_or(FEW, |wanted| wanted as usize), 0);
    while made < wanted {
        let Some(schemathesis) = schemathesis() else { return };
        made += run(schemathesis, &sluice, key.as_str(), how, seed).await;
        seed += 1;
        println!("{made} requests, and no fault");
    }
    let health = sluice.client.get("/health").await;
    assert_eq!(health.status(), 200, "{health:?}");
}
