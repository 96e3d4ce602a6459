//! An endpoint: receives webhooks, verifies them, drops doubles and sorts out what comes late.

use std::collections::{HashMap, HashSet};
use std::env;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

struct Endpoint {
    webhook: Webhook,
    known: Mutex<Known>,
}

/// A real endpoint keeps this in its database, in the transaction that does the work.
#[derive(Default)]
struct Known {
    seen: HashSet<String>,
    versions: HashMap<String, u64>,
}

impl Known {
    /// Works on an event, at most once.
    fn handle(&mut self, event: &Value) {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let (id, subject) = (text("id"), text("subject"));
        // Events of payments have no version. They come in the order of their time.
        let version = event["version"].as_u64().unwrap_or(0);
        if !self.seen.insert(id) || self.versions.get(&subject).is_some_and(|known| version < *known) {
            return;
        }
        println!("{} {subject}", text("type"));
        self.versions.insert(subject, version);
    }
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Over the bytes as they came. It checks the time too.
    if endpoint.webhook.verify(&body, &headers).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    match (serde_json::from_slice(&body), endpoint.known.lock()) {
        (Ok(event), Ok(mut known)) => {
            known.handle(&event);
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = env::var("WEBHOOK_SECRET").unwrap_or_else(|_| "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let port = env::var("PORT").unwrap_or_else(|_| "8000".to_owned()).parse()?;
    let endpoint = Endpoint { webhook: Webhook::new(&secret)?, known: Mutex::default() };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}/", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", post(receive)).with_state(Arc::new(endpoint))).await?;
    Ok(())
}
