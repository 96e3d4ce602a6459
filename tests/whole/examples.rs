//! The programs in examples/: a shop and an endpoint, in three languages.

use std::path::PathBuf;
use std::process::Stdio;

use bytes::Bytes;
use http::Request;
use standardwebhooks::Webhook;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::{Client, SECRET, Sluice, root, skipped, within};

/// How the programs of a language are run.
struct Language {
    name: &'static str,
    /// It is there if the language is installed with what the programs need.
    needs: &'static str,
    run: fn(&str) -> Command,
}

const PYTHON: Language = Language {
    name: "Python",
    needs: "target/examples/standardwebhooks",
    run: |program| {
        let mut command = Command::new("python3");
        command.arg(root().join(format!("examples/python/{program}.py")));
        command.env("PYTHONPATH", root().join("target/examples"));
        command
    },
};

const TYPESCRIPT: Language = Language {
    name: "TypeScript",
    needs: "examples/typescript/node_modules/tsx",
    run: |program| {
        let mut command = Command::new("node");
        command.args(["--import", "tsx", &format!("{program}.ts")]).current_dir(root().join("examples/typescript"));
        command
    },
};

const RUST: Language = Language {
    name: "Rust",
    needs: "target/debug/endpoint",
    run: |program| Command::new(root().join("target/debug").join(program)),
};

impl Language {
    /// Says aloud that the test is skipped where the language isn't installed.
    fn is_installed(&self) -> bool {
        let is_there = root().join(self.needs).exists();
        if !is_there {
            skipped(&format!("the example in {} lacks {}. Run `make examples`.", self.name, self.needs));
        }
        is_there
    }
}

/// An endpoint that runs. It ends with this guard.
struct RunningExample {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl RunningExample {
    async fn endpoint(language: &Language) -> Self {
        let mut command = (language.run)("endpoint");
        command.env("PORT", "0").env("WEBHOOK_SECRET", SECRET).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("it is installed");
        let mut example = Self {
            url: String::new(),
            lines: BufReader::new(process.stdout.take().expect("it is piped")).lines(),
            _process: process,
        };
        let line = example.line().await;
        example.url = line.strip_prefix("listening on ").expect("it says where").to_owned();
        example
    }

    async fn line(&mut self) -> String {
        let line = within("the endpoint to print a line", self.lines.next_line());
        line.await.expect("it can be read").expect("the endpoint runs")
    }

    /// What it answers to an event with this signature.
    async fn send(&self, id: &str, body: &str, signed: &str) -> u16 {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let signature = Webhook::new(SECRET).unwrap().sign(id, seconds as i64, signed.as_bytes()).unwrap();
        let request = Request::post("/")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(Bytes::from(body.to_owned()));
        let address = self.url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        Client::new(address).send(request.unwrap()).await.status().as_u16()
    }
}

async fn shop(language: &Language, sluice: &Sluice) -> Vec<String> {
    let mut command = (language.run)("shop");
    let url = format!("http://{}", sluice.running.address().expect("it listens"));
    let output = within("the shop to end", command.env("SLUICE_URL", url).output()).await.expect("it is installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

/// An event of another order, in one line.
fn event(id: &str, version: u64, event_type: &str) -> String {
    format!(r#"{{"id":"{id}","type":"{event_type}","subject":"another","version":{version}}}"#)
}

async fn works(language: &Language) {
    if !language.is_installed() {
        return;
    }
    let mut endpoint = RunningExample::endpoint(language).await;
    let webhooks = serde_json::json!([{"name": "example", "url": endpoint.url, "secret": SECRET}]).to_string();
    let sluice = Sluice::with(&[("webhooks", &webhooks), ("webhook_origin", "http://127.0.0.1:*")]).await;
    let [placed, decided] = shop(language, &sluice).await.try_into().expect("two lines");
    let id = placed.strip_prefix("placed ").expect("the order's id");
    assert_eq!((decided.as_str(), sluice.get(id).await["status"].as_str()), ("confirmed", Some("confirmed")));
    assert_eq!(endpoint.line().await, format!("sluice.order.confirmed {id}"));

    let (second, first) = (event("another.2", 2, "cancelled"), event("another.1", 1, "confirmed"));
    assert_eq!(endpoint.send("another.2", &second, &second).await, 204);
    assert_eq!(endpoint.send("another.2", &second, &second).await, 204, "it comes twice");
    assert_eq!(endpoint.send("another.1", &first, &first).await, 204, "it comes late");
    assert_eq!(endpoint.send("another.3", &event("another.3", 3, "forged"), &first).await, 401);
    let last = event("another.4", 4, "last");
    assert_eq!(endpoint.send("another.4", &last, &last).await, 204);
    assert_eq!(endpoint.line().await, "cancelled another");
    assert_eq!(endpoint.line().await, "last another", "neither the double, nor what was late, nor what was forged");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_and_the_endpoint_in_python_work() {
    works(&PYTHON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_and_the_endpoint_in_typescript_work() {
    works(&TYPESCRIPT).await;
    if TYPESCRIPT.is_installed() {
        let compiler: PathBuf = root().join("examples/typescript/node_modules/.bin/tsc");
        let mut checked = Command::new(compiler);
        checked.args(["--project", "."]).current_dir(root().join("examples/typescript"));
        let checked = checked.output().await.expect("it is installed");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_and_the_endpoint_in_rust_work() {
    works(&RUST).await;
}
