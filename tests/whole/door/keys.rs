//! The header Idempotency-Key.

use ::http::{HeaderValue, StatusCode};
use futures::future::join_all;
use serde_json::json;

use super::*;

fn post_with_keys(keys: &[&[u8]], body: &Value) -> Request<Bytes> {
    let mut request = post(body.to_string());
    for key in keys {
        request.headers_mut().append("idempotency-key", HeaderValue::from_bytes(key).unwrap());
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_key_is_refused_and_leaves_nothing_behind() {
    let sluice = Sluice::start().await;
    let table: Vec<Vec<&[u8]>> = vec![
        vec![b""],
        vec![b"two words"],
        vec![b"tab\tinside"],
        vec!["schlüssel".as_bytes()],
        vec![b"latin\xfc"],
        vec![&[b'k'; 256]],
        vec![b"k", b"k"],
        vec![b"k", b"l"],
        vec![b"k", b""],
        vec![b"", b"k"],
    ];
    for sent in table {
        // The order is bad too, but the key comes first.
        for body in [full(), json!({})] {
            let answer = sluice.client.send(post_with_keys(&sent, &body)).await;
            assert_eq!(answer.status(), 400, "{sent:?}: {answer:?}");
            let problem = problem(&answer);
            assert_eq!(problem["type"], "urn:sluice:problem:malformed-idempotency-key", "{sent:?}");
            assert!(problem["detail"].as_str().unwrap().contains("1 to 255 visible ASCII characters"));
        }
    }
    assert_eq!(keys(&sluice.redis).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_well_formed_key_is_a_key_of_its_own() {
    let sluice = Sluice::start().await;
    let longest = "k".repeat(255);
    let almost = "k".repeat(254);
    let every_character: String = ('!'..='~').collect();
    let mut ids = Vec::new();
    for key in [
        "k",
        "K",
        "\"k\"",
        "k,l",
        "{orders}",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        &every_character,
        &longest,
        &almost,
    ] {
        let first = sluice.post(&full(), Some(key)).await;
        assert!(first.status() == 202 && !first.headers().contains_key("idempotency-replayed"), "{key}: {first:?}");
        let second = sluice.post(&full(), Some(key)).await;
        same_order(&first, &second);
        ids.push(body_of(&first)["id"].to_string());
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_in_other_words_is_the_same_order() {
    let sluice = Sluice::start().await;
    let order = json!({
        "currency": "EUR", "customer": {"email": "ann@example.com", "name": "Ann é"},
        "lines": [{"sku": "TEA", "quantity": 1, "unit_price": 749}], "metadata": {"a": "1", "b": "2"}
    });
    let first = sluice.post(&order, Some("cart-4711")).await;
    for other_words in [
        serde_json::to_string_pretty(&order).unwrap(),
        format!("\r\n\t {order} \n"),
        r#"{"metadata":{"b":"2","a":"1"},"lines":[{"unit_price":749,"quantity":1,"sku":"TEA"}],
            "customer":{"name":"Ann \u00e9","email":"ann@example.com"},"currency":"EUR"}"#.to_owned(),
        r#"{"reference":null,"note":null,"shipping_address":null,"customer":{"email":"ann\u0040example.com","name":"Ann é",
            "phone":null},"currency":"EUR","lines":[{"sku":"TEA","name":null,"quantity":1,"unit_price":749}],
            "metadata":{"a":"1","b":"2"}}"#.to_owned(),
    ] {
        let mut request = post(other_words.clone());
        request.headers_mut().insert("idempotency-key", HeaderValue::from_static("cart-4711"));
        let again = sluice.client.send(request).await;
        same_order(&first, &again);
    }
}

/// The second answer is about the same order, which may have gone on meanwhile.
#[track_caller]
fn same_order(first: &Response<Bytes>, second: &Response<Bytes>) {
    assert_eq!((first.status(), second.status()), (StatusCode::ACCEPTED, StatusCode::ACCEPTED), "{second:?}");
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(second.headers()["location"], first.headers()["location"]);
    let (mut first, mut second) = (body_of(first), body_of(second));
    assert!(["queued", "confirmed"].contains(&second["status"].as_str().unwrap()), "{second}");
    second["status"] = first["status"].take();
    first["status"] = second["status"].clone();
    assert_eq!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_again_tells_where_its_order_is_now() {
    let sluice = Sluice::start().await;
    let id = body_of(&sluice.post(&full(), Some("cart-4711")).await)["id"].as_str().unwrap().to_owned();
    sluice.until(&id, "confirmed").await;
    sluice.client.send(request_to_cancel(&id)).await;
    sluice.until(&id, "cancelled").await;
    let again = sluice.post(&full(), Some("cart-4711")).await;
    assert_eq!((again.status().as_u16(), &body_of(&again)["status"]), (202, &"cancelled".into()));
}

fn request_to_cancel(id: &str) -> Request<Bytes> {
    Request::post(format!("/orders/{id}/cancel")).body(Bytes::new()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_order_gives_nothing_of_the_first_one_away() {
    let sluice = Sluice::start().await;
    let first = body_of(&sluice.post(&full(), Some("cart-4711")).await)["id"].as_str().unwrap().to_owned();
    for other in [
        least(),
        with("/lines/0/quantity", 3),
        with("/note", "Please ring thrice."),
        with("/customer/email", "Ann@example.com"),
        with("/metadata/channel", "app"),
        without("/reference"),
        with("/lines", json!([full()["lines"][1], full()["lines"][0]])),
    ] {
        let answer = sluice.post(&other, Some("cart-4711")).await;
        assert_eq!(answer.status(), 422, "{other}");
        let problem = problem(&answer);
        assert_eq!(problem["type"], "urn:sluice:problem:idempotency-key-reused");
        let told = format!("{:?} {problem}", answer.headers());
        assert!(!told.contains(&first), "whoever guesses a key has no order by it: {told}");
    }
    let record = sluice.until(&first, "confirmed").await;
    assert_eq!(record["lines"], full()["lines"], "the first order is as it was");
    let answer = sluice.post(&full(), Some("cart-4711")).await;
    assert_eq!(body_of(&answer)["id"], first, "and its key is still its own, also when it is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_orders_with_one_key_at_the_same_time_one_is_taken() {
    let sluice = Sluice::start().await;
    let orders: Vec<_> = (1..=20).map(|quantity| with("/lines/0/quantity", quantity)).collect();
    let answers = join_all(orders.iter().map(|order| sluice.post(order, Some("cart-4711")))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status() == 202);
    assert_eq!(taken.len(), 1, "{answers:?}");
    let id = body_of(taken[0])["id"].as_str().unwrap().to_owned();
    for refused in refused {
        assert_eq!(refused.status(), 422);
        assert!(!problem(refused).to_string().contains(&id));
    }
}
