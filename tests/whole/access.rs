//! Who may do what: callers with API keys, and without.

use access::{Allowed, ApiKey, KeyDigest, ROUTES};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::harness::{Sluice, an_order, eventually, json as body_of, start_with, unattended};

const OPERATOR_KEY: &str = "0123456789abcdef";

/// Who calls: a name, and a role of which there is a key; or a kind of key that opens nothing.
const CALLERS: [(&str, &str); 8] = [
    ("webshop", "shop"),
    ("outlet", "shop"),
    ("wall", "viewer"),
    ("ann", "support"),
    ("olga", "operator"),
    ("nobody", "no key"),
    ("mallory", "an unknown key"),
    ("slip", "a damaged key"),
];

/// What the callers above get for an order of webshop's, in their order: `+` may, `-` 403, `?` 404, `!` 401.
const CELLS: &[(&str, &str)] = &[
    ("POST /orders", "++--+!!!"),
    ("GET /orders", "+++++!!!"),
    ("POST /orders/batch", "++--+!!!"),
    ("GET /orders/{id}", "+?+++!!!"),
    ("POST /orders/{id}/cancel", "+?-++!!!"),
    ("POST /orders/{id}/fulfil", "---++!!!"),
    ("DELETE /orders/{id}/personal-data", "----+!!!"),
    ("GET /dead-letters", "--+++!!!"),
    ("GET /dead-letters/{queue}", "--+++!!!"),
    ("POST /dead-letters/{queue}/redrive", "----+!!!"),
    ("POST /dead-letters/{queue}/discard", "----+!!!"),
    ("POST /dead-letters/placed/settle", "----+!!!"),
    ("GET /endpoints", "--+++!!!"),
    ("DELETE /endpoints/{name}", "----+!!!"),
    ("GET /metrics", "--+++!!!"),
    ("GET /stock", "--+++!!!"),
    ("GET /stock/{sku...}", "--+++!!!"),
    ("PUT /stock/{sku...}", "----+!!!"),
    ("PATCH /stock/{sku...}", "----+!!!"),
    ("POST /payments/events", "++++++++"),
    ("POST /payments/stripe/events", "++++++++"),
    ("GET /health", "++++++++"),
    ("GET /openapi.json", "++++++++"),
];

/// A key that is always the same for one name.
fn key(name: &str) -> String {
    let mut bytes = name.bytes().cycle();
    ApiKey::new(|| bytes.next().unwrap()).as_str().to_owned()
}

pub(super) fn api_keys() -> String {
    let entries = CALLERS[..5].iter().map(|(name, role)| entry(name, role, &key(name)));
    Value::from(entries.collect::<Vec<_>>()).to_string()
}

/// What the variable `api_keys` says of a caller.
pub(super) fn entry(name: &str, role: &str, key: &str) -> Value {
    json!({"name": name, "role": role, "sha256": KeyDigest::of(key).to_string()})
}

/// Nobody listens where the payment provider should be, so that each order that needs it is given up at once.
pub(super) fn without_a_provider(keys: &str) -> [(&str, &str); 4] {
    let url = "http://127.0.0.1:9";
    [("api_keys", keys), ("payment_url", url), ("payment_origin", url), ("max_attempts", "1")]
}

/// What stands in the header of this caller.
fn authorization(name: &str) -> Option<String> {
    match name {
        "nobody" => None,
        "slip" => Some(format!("Bearer {}", &key("webshop")[..44])),
        _ => Some(format!("Bearer {}", key(name))),
    }
}

pub(super) async fn call(sluice: &Sluice, name: &str, method: &str, path: &str, body: &Value) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(authorization) = authorization(name) {
        request = request.header("authorization", authorization);
    }
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    sluice.client.send(request.body(body).unwrap()).await
}

pub(super) async fn place(sluice: &Sluice, name: &str) -> String {
    let answer = call(sluice, name, "POST", "/orders", &an_order()).await;
    assert_eq!(answer.status(), 202, "{answer:?}");
    body_of(&answer)["id"].as_str().unwrap().to_owned()
}

/// An order of the shop `webshop` that was given up, and then discarded.
pub(super) async fn discarded() -> (Sluice, String) {
    let sluice = Sluice::with(&without_a_provider(&api_keys())).await;
    let id = place(&sluice, "webshop").await;
    until(&sluice, &id, "needs_attention").await;
    let discard = json!({"id": id, "by": "olga", "why": "a test"});
    assert_eq!(call(&sluice, "olga", "POST", "/dead-letters/placed/discard", &discard).await.status(), 200);
    (sluice, id)
}

pub(super) async fn until(sluice: &Sluice, id: &str, status: &str) -> Value {
    eventually(&format!("order {id} to be {status}"), async || {
        let order = body_of(&call(sluice, "olga", "GET", &format!("/orders/{id}"), &Value::Null).await);
        (order["status"] == status).then_some(order)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_may_call_the_routes_of_their_role_and_no_other() {
    let routes: Vec<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(CELLS.iter().map(|(route, _)| *route).collect::<Vec<_>>(), routes, "each route has its line here");
    let sluice = Sluice::with(&[("api_keys", &api_keys()), ("operator_key", OPERATOR_KEY)]).await;
    for ((route, cells), known) in CELLS.iter().zip(ROUTES) {
        let (method, form) = route.split_once(' ').unwrap();
        for ((name, role), cell) in CALLERS.iter().zip(cells.chars()) {
            let order = place(&sluice, "webshop").await;
            let path = form.replace("{id}", &order).replace("{queue}", "placed").replace("{name}", "erp");
            let path = path.replace("{sku...}", "TEA-1");
            let body = match form {
                "/orders" => an_order(),
                "/orders/batch" => json!({"orders": [an_order()]}),
                _ => Value::Null,
            };
            let answer = call(&sluice, name, method, &path, &body).await;
            let told = format!("{route} by {name} with {role}: {answer:?}");
            match (cell, &known.allowed) {
                ('+', Allowed::Roles(_)) => assert!(![401, 403].contains(&answer.status().as_u16()), "{told}"),
                ('+', _) => assert!(answer.status() != 403, "{told}"),
                ('-', _) => {
                    assert!(answer.status() == 403 && body_of(&answer)["detail"].to_string().contains(role), "{told}")
                }
                ('?', _) => assert_eq!(answer.status(), 404, "{told}"),
                _ => {
                    assert_eq!(
                        (answer.status().as_u16(), &answer.headers()["www-authenticate"]),
                        (401, &"Bearer".parse().unwrap()),
                        "{told}"
                    );
                    let is_damaged = body_of(&answer)["detail"].to_string().contains("slip");
                    assert_eq!(is_damaged, *name == "slip", "{told}");
                }
            }
        }
    }
    let operator = sluice.operate("GET", "/dead-letters", OPERATOR_KEY, &Value::Null).await;
    assert_eq!(operator.status(), 200, "the operator's key goes on being one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_and_its_idempotency_key_are_of_the_shop_that_brought_them_wherever_the_order_stands() {
    let keys = api_keys();
    let door = Sluice::with(&[]).await;
    let redis = door.redis.clone();
    door.running.stop().await;
    // It waits, because nobody works.
    let door = Sluice::on(redis.clone(), unattended(&[("api_keys", &keys)])).await;
    let post = async |name: &str| {
        let request = Request::post("/orders").header("content-type", "application/json");
        let request = request.header("authorization", authorization(name).unwrap()).header("idempotency-key", "cart-1");
        door.client.send(request.body(an_order().to_string().into()).unwrap()).await
    };
    let (webshops, outlets, again) = (post("webshop").await, post("outlet").await, post("webshop").await);
    let id = |answer: &Response<Bytes>| body_of(answer)["id"].as_str().unwrap().to_owned();
    assert_ne!(id(&webshops), id(&outlets), "the same key of another shop is another key");
    assert_eq!(id(&webshops), id(&again));
    assert_eq!(again.headers()["idempotency-replayed"], "true");

    let id = id(&webshops);
    let check = async |sluice: &Sluice, status: &str| {
        let own = call(sluice, "webshop", "GET", &format!("/orders/{id}"), &Value::Null).await;
        let shown = body_of(&own);
        assert_eq!((&shown["status"], own.status().as_u16()), (&status.into(), 200), "{shown}");
        for (method, path) in [("GET", format!("/orders/{id}")), ("POST", format!("/orders/{id}/cancel"))] {
            let others = call(sluice, "outlet", method, &path, &Value::Null).await;
            assert_eq!(others.status(), 404, "{status}: {others:?}");
        }
        shown
    };
    assert_eq!(check(&door, "queued").await["shop"], "webshop");
    door.running.stop().await;

    let sluice = Sluice::on(redis.clone(), start_with(&without_a_provider(&keys))).await;
    sluice.attend().await;
    until(&sluice, &id, "needs_attention").await;
    check(&sluice, "needs_attention").await;
    sluice.running.stop().await;

    // The provider is gone for good, and the order goes through unpaid.
    let sluice = Sluice::on(redis, start_with(&[("api_keys", &keys)])).await;
    let redriven = call(&sluice, "olga", "POST", "/dead-letters/placed/redrive", &json!({"ids": [id]})).await;
    assert_eq!(body_of(&redriven)["redriven"], 1);
    until(&sluice, &id, "confirmed").await;
    assert_eq!(check(&sluice, "confirmed").await["shop"], "webshop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_discarded_is_still_shown_to_its_shop_alone() {
    let (sluice, id) = discarded().await;
    for (name, status) in [("webshop", 200), ("outlet", 404), ("ann", 200)] {
        let answer = call(&sluice, name, "GET", &format!("/orders/{id}"), &Value::Null).await;
        assert_eq!(answer.status(), status, "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_e_mail_addresses_masked_and_others_see_them_whole() {
    let sluice = Sluice::with(&without_a_provider(&api_keys())).await;
    let id = place(&sluice, "webshop").await;
    until(&sluice, &id, "needs_attention").await;
    let free = json!({"customer": {"email": "ada@example.com"}, "currency": "EUR", "payment": {"later": true},
                      "lines": [{"sku": "TEA-1", "quantity": 1, "unit_price": 1}]});
    let decided = body_of(&call(&sluice, "webshop", "POST", "/orders", &free).await)["id"].as_str().unwrap().to_owned();
    until(&sluice, &decided, "confirmed").await;
    for path in [format!("/orders/{id}"), format!("/orders/{decided}"), "/dead-letters/placed".to_owned()] {
        for (name, shown) in [("wall", "a***@example.com"), ("ann", "ada@example.com")] {
            let text = body_of(&call(&sluice, name, "GET", &path, &Value::Null).await).to_string();
            assert!(text.contains(shown) && (name == "ann" || !text.contains("ada@")), "{name} {path}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_key_all_is_open_and_health_says_so() {
    for (variables, is_desk_open, words) in [
        (&[][..], true, "and may do all that operators do"),
        (&[("operator_key", OPERATOR_KEY)], false, "places, reads and cancels any order. "),
    ] {
        let sluice = Sluice::with(variables).await;
        let id = sluice.place(&an_order()).await;
        assert_eq!(sluice.until(&id, "confirmed").await.get("shop"), None);
        let desk = sluice.client.get("/dead-letters").await;
        assert_eq!(desk.status().as_u16(), if is_desk_open { 200 } else { 401 });
        let health = body_of(&sluice.client.get("/health").await);
        let check = health["checks"].as_array().unwrap().iter().find(|check| check["name"] == "access").unwrap();
        assert_eq!((&check["status"], &health["status"]), (&"pass".into(), &"pass".into()));
        assert!(check["detail"].as_str().unwrap().contains(words), "{check}");
    }
    let closed = Sluice::with(&[("api_keys", &api_keys())]).await;
    let health = body_of(&closed.client.get("/health").await);
    assert!(!health.to_string().contains("access"), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_from_before_there_were_keys_stay_open_to_every_shop() {
    let sluice = Sluice::start().await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let redis = sluice.redis.clone();
    sluice.running.stop().await;
    let sluice = Sluice::on(redis, start_with(&[("api_keys", &api_keys())])).await;
    for name in ["webshop", "outlet"] {
        let answer = call(&sluice, name, "GET", &format!("/orders/{id}"), &Value::Null).await;
        assert_eq!(answer.status(), 200, "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_and_head_answer_as_http_asks_and_need_no_route_of_their_own() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let id = place(&sluice, "webshop").await;
    for (path, methods) in [
        ("/orders", "POST, GET, HEAD, OPTIONS"),
        (&*format!("/orders/{id}"), "GET, HEAD, OPTIONS"),
        ("/stock/TEA-1", "GET, HEAD, PUT, PATCH, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ] {
        let options = call(&sluice, "nobody", "OPTIONS", path, &Value::Null).await;
        assert_eq!((options.status().as_u16(), options.body().len()), (204, 0), "{path}: {options:?}");
        assert_eq!(options.headers()["allow"], methods, "{path}");
        let other = call(&sluice, "nobody", "DELETE", path, &Value::Null).await;
        assert_eq!((other.status().as_u16(), &other.headers()["allow"]), (405, &methods.parse().unwrap()), "{path}");
    }
    assert_eq!(call(&sluice, "nobody", "OPTIONS", "/nothing", &Value::Null).await.status(), 404);
    for path in [&*format!("/orders/{id}"), "/metrics", "/stock", "/dead-letters/placed"] {
        let [get, head] = ["GET", "HEAD"].map(|method| call(&sluice, "olga", method, path, &Value::Null));
        let (get, head) = (get.await, head.await);
        assert_eq!((head.status(), head.body().len()), (get.status(), 0), "{path}");
        assert_eq!(head.headers()["content-type"], get.headers()["content-type"], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_browser_takes_an_answer_for_something_else_or_keeps_a_customer() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let id = place(&sluice, "webshop").await;
    for path in [&*format!("/orders/{id}"), "/orders", "/dead-letters/placed", "/nothing", "/health"] {
        let answer = call(&sluice, "olga", "GET", path, &Value::Null).await;
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers().contains_key("cache-control"), answer.status() == 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_since_a_client_read_it_is_not_sent_again() {
    let sluice = Sluice::with(&[("api_keys", &api_keys())]).await;
    let id = place(&sluice, "webshop").await;
    until(&sluice, &id, "confirmed").await;
    let path = &*format!("/orders/{id}");
    let ask = async |name: &str, method: &str, path: &str, known: &str| {
        let request = Request::builder().method(method).uri(path).header("if-none-match", known);
        let request = request.header("authorization", authorization(name).unwrap());
        sluice.client.send(request.body(Bytes::new()).unwrap()).await
    };
    for path in [path, "/stock", "/dead-letters", "/endpoints"] {
        let first = call(&sluice, "olga", "GET", path, &Value::Null).await;
        let tag = first.headers()["etag"].to_str().unwrap();
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{tag} is strong");
        for (method, known) in [("GET", tag), ("HEAD", tag), ("GET", &*format!("\"a\", W/{tag}")), ("GET", "*")] {
            let again = ask("olga", method, path, known).await;
            assert_eq!((again.status().as_u16(), again.body().len()), (304, 0), "{path} {known}: {again:?}");
            for header in ["etag", "cache-control"] {
                assert_eq!(again.headers()[header], first.headers()[header], "{path}");
            }
            assert!(!again.headers().contains_key("content-type"), "{path} {known}: {again:?}");
        }
        assert_eq!(ask("olga", "GET", path, "\"a\"").await.body(), first.body(), "{path}");
    }
    let tag = call(&sluice, "olga", "GET", path, &Value::Null).await.headers()["etag"].clone();
    assert_eq!(ask("wall", "GET", path, tag.to_str().unwrap()).await.status(), 200, "a viewer reads another e-mail");
    assert_eq!(ask("outlet", "GET", path, "*").await.status(), 404, "and who may not read it learns nothing");
    call(&sluice, "olga", "POST", &format!("{path}/fulfil"), &Value::Null).await;
    until(&sluice, &id, "fulfilled").await;
    assert_eq!(ask("olga", "GET", path, tag.to_str().unwrap()).await.status(), 200, "it has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_an_origin_that_is_named_may_call_from_a_browser() {
    const SHOP: &str = "https://shop.test";
    let keys = api_keys();
    for (origins, origin, may) in [
        ("", SHOP, false),
        (SHOP, SHOP, true),
        (SHOP, "https://evil.test", false),
        ("http://a.test https://shop.test", SHOP, true),
    ] {
        let sluice = Sluice::with(&[("api_keys", &keys), ("cors_origins", origins)]).await;
        let preflight =
            Request::options("/orders").header("origin", origin).header("access-control-request-method", "POST");
        let preflight = sluice.client.send(preflight.body(Bytes::new()).unwrap()).await;
        let post = Request::post("/orders").header("content-type", "application/json").header("origin", origin);
        let post = post.header("authorization", authorization("webshop").unwrap());
        let post = sluice.client.send(post.body(an_order().to_string().into()).unwrap()).await;
        assert_eq!((preflight.status().as_u16(), post.status().as_u16()), (204, 202));
        let header =
            |answer: &Response<Bytes>, name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        for answer in [&preflight, &post] {
            let allowed = header(answer, "access-control-allow-origin");
            assert_eq!(allowed.as_deref(), may.then_some(origin), "{origins:?} {origin}: {answer:?}");
            assert_eq!(header(answer, "vary").is_some(), !origins.is_empty(), "{answer:?}");
        }
        assert_eq!(header(&preflight, "access-control-allow-methods").is_some(), may);
        assert!(!may || header(&preflight, "access-control-allow-headers").unwrap().contains("authorization"));
        assert!(!may || header(&post, "access-control-expose-headers").unwrap().contains("etag, "));
    }
}
