//! A shop: places an order and follows it until it is decided.

use std::env;
use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Shop {
    agent: Agent,
    url: String,
    key: Option<String>,
}

impl Shop {
    /// Sends the order until there is an answer. The key makes it one order, however often it is sent.
    fn place(&self, order: &Value, idempotency_key: &str) -> Outcome<String> {
        for attempt in 0..10 {
            let mut wait = 0.1 * f64::from(1 << attempt);
            let mut request =
                self.agent.post(format!("{}/orders", self.url)).header("idempotency-key", idempotency_key);
            if let Some(key) = &self.key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            // If the answer is lost, nobody knows whether the order was taken.
            if let Ok(mut answer) = request.send_json(order) {
                let body: Value = answer.body_mut().read_json()?;
                match answer.status().as_u16() {
                    202 => return Ok(body["id"].as_str().ok_or("the answer has no id")?.to_owned()),
                    408 | 429 | 503 => wait = header(&answer, "retry-after").unwrap_or("").parse().unwrap_or(wait),
                    _ => return Err(body.to_string().into()),
                }
            }
            sleep(Duration::from_secs_f64(wait));
        }
        Err("Sluice gave no answer. Run this again with the same key.".into())
    }

    /// Gives the order once it is decided. While nothing changed, an answer is 304 and has no body.
    fn follow(&self, id: &str) -> Outcome<Value> {
        let (mut order, mut tag, mut wait) = (json!({"status": "queued"}), None::<String>, Duration::from_millis(50));
        while order["status"] == "queued" || order["status"] == "payment_pending" {
            sleep(wait);
            wait = (2 * wait).min(Duration::from_secs(2));
            let mut request = self.agent.get(format!("{}/orders/{id}", self.url));
            if let Some(key) = &self.key {
                request = request.header("authorization", format!("Bearer {key}"));
            }
            if let Some(tag) = &tag {
                request = request.header("if-none-match", tag);
            }
            let mut answer = request.call()?;
            if answer.status() == StatusCode::OK {
                tag = header(&answer, "etag").map(str::to_owned);
                order = answer.body_mut().read_json()?;
            }
        }
        Ok(order)
    }
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

fn main() -> Outcome<()> {
    let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(10)));
    let url = env::var("SLUICE_URL").unwrap_or_else(|_| "http://127.0.0.1:3000".to_owned());
    let shop = Shop { agent: agent.build().into(), url, key: env::var("SLUICE_KEY").ok() };
    let cart = json!({
        "reference": "cart-4711",
        "customer": {"email": "ada@example.com"},
        "currency": "EUR",
        "lines": [{"sku": "TEA-1", "quantity": 2, "unit_price": 450}],
        // What the customer was shown: an order that adds up to anything else is refused.
        "total": 900,
    });
    // A real shop keeps the key with its cart, so that it is the same after a crash.
    let placed = shop.place(&cart, &format!("cart-4711-{}", uuid::Uuid::new_v4()))?;
    println!("placed {placed}");
    let decided = shop.follow(&placed)?;
    println!("{} {}", decided["status"].as_str().unwrap_or(""), decided["reason_code"].as_str().unwrap_or(""));
    Ok(())
}
