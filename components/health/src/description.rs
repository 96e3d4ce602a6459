//! `GET /openapi.json`: the description of all routes, for programs. A test makes it from the types of the source:
//! tests/description.

use guest::{Response, Settings};
use http::StatusCode;

const DESCRIPTION: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// How a route begins to say that it asks for a key, and how one does that shops may call.
const ASKS: &str = r#""security": [{"key": ["#;
const ASKS_SHOPS: &str = r#""security": [{"key": ["shop"]"#;

/// It stays the same until the next release or setting, but nobody knows when that comes.
pub(crate) async fn description() -> Response {
    let body = as_set_up(&Settings::new("health")).await.into_bytes();
    Response::json(StatusCode::OK, body).with("cache-control", "public, max-age=300")
}

/// Where no key is set, a route asks for none: see `guest::Caller`.
async fn as_set_up(settings: &Settings) -> String {
    let opened = match (settings.api_keys().await, settings.operator_key().await) {
        (Ok(keys), Ok(operator)) if keys.is_empty() => operator.map_or(ASKS, |_| ASKS_SHOPS),
        _ => return DESCRIPTION.to_owned(),
    };
    // An empty requirement: none is enough.
    DESCRIPTION.replace(opened, &opened.replacen('[', "[{},", 1))
}
