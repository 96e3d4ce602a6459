//! The whole application: the real components on a Redis of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use host::{CompiledApplication, LoadOptions, RedisOverride, RunningApplication, StartOptions, Triggers};
use http::{Request, Response};
use serde_json::Value;

use super::{Client, Redis, eventually};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The application as it is shipped, compiled once for all tests.
pub fn app() -> CompiledApplication {
    static APP: OnceLock<CompiledApplication> = OnceLock::new();
    APP.get_or_init(|| {
        let load = LoadOptions {
            runtime_config: Some(root().join("runtime-config.toml")),
            cache: Some(root().join("target/tmp/compiled")),
            progress: None,
        };
        CompiledApplication::load(&root().join("spin.toml"), load).expect("run `make build` first")
    })
    .clone()
}

/// A running application. It ends with this guard.
pub struct Sluice {
    /// Its queue and its store.
    pub redis: Arc<Redis>,
    /// The host.
    pub running: RunningApplication,
    /// Speaks to it.
    pub client: Client,
}

impl Sluice {
    /// With the manifest's own values.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With other values for some variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(Redis::start().await), start_with(variables)).await
    }

    /// On a Redis that is there already. `start` says everything but the Redis and where to listen.
    pub async fn on(redis: Arc<Redis>, start: StartOptions) -> Self {
        let override_ = RedisOverride::new(&redis.url(0)).expect("a Redis URL");
        let listen = Some("127.0.0.1:0".parse().expect("an address"));
        let running = app().start(StartOptions { listen, redis: Some(override_), ..start }).await.expect("it starts");
        running.subscribed().await;
        let client = Client::of_application(running.address().expect("it listens"));
        Self { redis, running, client }
    }

    /// Sends an order.
    pub async fn post(&self, body: &Value, key: Option<&str>) -> Response<Bytes> {
        let mut request = Request::post("/orders").header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.client.send(request.body(Bytes::from(body.to_string())).expect("a request")).await
    }

    /// Sends an order that must be taken, and gives its id.
    pub async fn place(&self, body: &Value) -> String {
        let response = self.post(body, None).await;
        assert_eq!(response.status(), 202, "{response:?}");
        json(&response)["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a request of an operator who knows this key.
    pub async fn operate(&self, method: &str, path: &str, key: &str, body: &Value) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        self.client.send(request.body(Bytes::from(body.to_string())).expect("a request")).await
    }

    /// The same with a body that is declared as JSON.
    pub async fn operate_json(&self, method: &str, path: &str, key: &str, body: &Value) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {key}"));
        self.client.send(request.body(Bytes::from(body.to_string())).expect("a request")).await
    }

    /// Asks for a change of an order, as a shop does. `null`: without a body.
    pub async fn ask(&self, id: &str, change: &str, body: &Value) -> Response<Bytes> {
        let request = Request::post(format!("/orders/{id}/{change}"));
        let (request, body) = match body {
            Value::Null => (request, Bytes::new()),
            body => (request.header("content-type", "application/json"), Bytes::from(body.to_string())),
        };
        self.client.send(request.body(body).expect("a request")).await
    }

    /// Has what waits worked off, though it was rung for when nobody was there.
    pub async fn attend(&self) {
        let health = self.client.get("/health").await;
        assert_eq!(health.status(), 200, "{health:?}");
    }

    /// What is said of an order.
    pub async fn get(&self, id: &str) -> Value {
        json(&self.client.get(&format!("/orders/{id}")).await)
    }

    /// Waits until an order has this status, and gives what is said of it.
    pub async fn until(&self, id: &str, status: &str) -> Value {
        eventually(&format!("order {id} to be {status}"), async || {
            let order = self.get(id).await;
            (order["status"] == status).then_some(order)
        })
        .await
    }
}

/// A start of the door alone: what it takes waits until others start on the same Redis.
pub fn unattended(variables: &[(&str, &str)]) -> StartOptions {
    StartOptions { triggers: Triggers::Only(["intake".to_owned()].into()), ..start_with(variables) }
}

/// A start with these variables.
pub fn start_with(variables: &[(&str, &str)]) -> StartOptions {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    StartOptions { variables: variables.collect::<BTreeMap<_, _>>(), ..StartOptions::default() }
}

/// The body of a response.
pub fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_else(|error| panic!("{error} in {response:?}"))
}

/// An order that is in order.
pub fn an_order() -> Value {
    serde_json::json!({
        "reference": "cart-4711",
        "customer": {"email": "ada@example.com", "name": "Ada"},
        "currency": "EUR",
        "lines": [
            {"sku": "TEA-1", "name": "Tea", "quantity": 2, "unit_price": 450},
            {"sku": "CUP-2", "quantity": 1, "unit_price": 1200},
        ],
    })
}
