//! localstripe, a fake of Stripe's API that others wrote: a process of its own, with a ledger of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use bytes::Bytes;
use http::Request;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{Client, json, root, skipped, within};

/// A localstripe. It ends with this guard.
pub struct Localstripe {
    client: Client,
    _process: Child,
    /// It would die of a line that nobody takes.
    _output: Lines<BufReader<ChildStdout>>,
}

/// What opens it: any key that begins so.
pub const STRIPE_KEY: &str = "sk_test_4242424242424242";

impl Localstripe {
    /// Starts one. `None`: it is not installed, which is said aloud.
    pub async fn start() -> Option<Self> {
        let packages = root().join("target/localstripe");
        if !packages.join("localstripe").is_dir() {
            skipped("localstripe is not in target/localstripe. Run `make localstripe`, which needs python3 with pip.");
            return None;
        }
        let mut process = Command::new("python3")
            .args(["-u", "-m", "localstripe", "--port", "0", "--from-scratch"])
            .env("PYTHONPATH", &packages)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python3, which installed localstripe");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = within("localstripe to listen", async {
            loop {
                let line = lines.next_line().await.expect("it can be read").expect("localstripe runs");
                if let Some((_, rest)) = line.split_once("[::]:") {
                    return rest.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
                }
            }
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.await));
        Some(Self { client: Client::new(address), _process: process, _output: lines })
    }

    /// Passes a request on.
    pub async fn send(&self, request: Request<Bytes>) -> (http::StatusCode, Value) {
        let answer = self.client.send(request).await;
        (answer.status(), json(&answer))
    }

    /// Has it send its events to this address, signed with this secret. It does so a second after each.
    pub async fn tell(&self, url: &str, secret: &str) {
        let form = format!("url={url}&secret={secret}");
        let answer = self.client.send(request("POST", "/_config/webhooks/shop", form)).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Asks for an object.
    pub async fn get(&self, path: &str) -> (http::StatusCode, Value) {
        self.send(request("GET", path, String::new())).await
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, form: &str) -> (http::StatusCode, Value) {
        self.send(request("POST", path, form.to_owned())).await
    }

    /// Makes a PaymentMethod of a card, as a shop's page does, and gives its id.
    pub async fn card(&self, number: &str) -> String {
        let form = format!("type=card&card[number]={number}&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123");
        let (status, method) = self.post("/v1/payment_methods", &form).await;
        assert!(status.is_success(), "{method}");
        method["id"].as_str().expect("an id").to_owned()
    }

    /// Everything of a kind that it knows: `charges`, `payment_intents` or `refunds`.
    pub async fn all(&self, kind: &str) -> Vec<Value> {
        let (status, list) = self.get(&format!("/v1/{kind}?limit=100000")).await;
        assert!(status.is_success(), "{list}");
        list["data"].as_array().expect("a list").clone()
    }

    /// The charges that took money.
    pub async fn taken(&self) -> Vec<Value> {
        let charges = self.all("charges").await.into_iter();
        charges.filter(|charge| charge["status"] == "succeeded" && charge["captured"] == true).collect()
    }
}

fn request(method: &str, path: &str, form: String) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {STRIPE_KEY}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(Bytes::from(form)).expect("a request")
}
