//! Stripe's events: which are believed to be Stripe's, what becomes of them, and what Stripe is answered.

use hmac_sha256::HMAC;
use host::calls::{HttpError, Refusal};
use http::StatusCode;

use super::*;
use crate::alone::double::answers;
use crate::harness::SECRET;

const STRIPES: &str = "whsec_0123456789abcdef0123456789abcdef";
const NEW: &str = "whsec_fedcba9876543210fedcba9876543210";
const LISTENER: &str = "http://listener.spin.internal/payments/events";

/// An adapter that hears Stripe's events, and a listener that answers so.
async fn hearing(listener: impl Fn() -> Ruling + Send + Sync + 'static) -> Alone {
    let double = Double::new().when(move |effect| match effect {
        Effect::Http(request) => {
            assert_eq!((request.method().as_str(), &*request.uri().to_string()), ("POST", LISTENER));
            Some(listener())
        }
        _ => None,
    });
    let double = double.with("stripe_event_secret", STRIPES).with("payment_event_secret", SECRET);
    double.around("stripe").await
}

/// An event, signed with this secret so many seconds ago.
fn event(body: &str, secret: &str, seconds_ago: i64) -> Request<Bytes> {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let at = now - seconds_ago;
    let signature = HMAC::mac(format!("{at}.{body}"), secret);
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    signed(body, &format!("t={at},v1={signature},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"))
}

fn signed(body: &str, signature: &str) -> Request<Bytes> {
    let request = Request::post("http://shop.test/payments/stripe/events").header("stripe-signature", signature);
    let request = request.header("content-type", "application/json; charset=utf-8");
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn about(object: &Value) -> String {
    json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": object}}).to_string()
}

fn about_our_order() -> String {
    about(&json!({"id": "pi_1", "object": "payment_intent", "metadata": {"order_id": id(1).to_string()}}))
}

/// The words that the listener was sent since the last time.
fn passed_on(alone: &Alone) -> Vec<Request<Bytes>> {
    let effects = alone.take_effects().into_iter();
    let requests = effects.filter_map(|effect| match effect {
        Effect::Http(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

#[tokio::test]
async fn an_event_about_an_order_is_passed_on_as_a_word_that_the_listener_takes() {
    let alone = hearing(|| answers(StatusCode::ACCEPTED)).await;
    let metadata = json!({"order_id": id(1).to_string(), "reference": "cart-4711"});
    for object in ["payment_intent", "charge", "refund"] {
        let body = about(&json!({"id": "x_1", "object": object, "metadata": metadata}));
        let answer = alone.http(event(&body, STRIPES, 299)).await;
        assert_eq!((answer.status(), &**answer.body()), (StatusCode::OK, &b"{}"[..]));
        let [mut word] = <[_; 1]>::try_from(passed_on(&alone)).unwrap();
        assert_eq!(word.body(), &format!(r#"{{"order_id":"{}"}}"#, id(1)));
        // The real listener takes it.
        *word.uri_mut() = "http://shop.test/payments/events".parse().unwrap();
        let listener = Double::new().with("payment_event_secret", SECRET).around("listener").await;
        assert_eq!(listener.http(word).await.status(), StatusCode::ACCEPTED);
        assert_eq!(words(&listener.take_effects()), ["open", "hasten"]);
    }
}

#[tokio::test]
async fn an_event_about_no_order_of_ours_is_taken_and_does_nothing() {
    let alone = hearing(|| panic!("nobody is told")).await;
    for body in [
        about(&json!({"id": "pi_1", "metadata": {}})),
        about(&json!({"id": "pi_1", "metadata": {"order_id": "of another shop"}})),
        about(&json!({"id": "pi_1", "metadata": {"order_id": 7}})),
        about(&json!({"id": "po_1"})),
        about(&json!(null)),
        "[]".to_owned(),
        "not JSON".to_owned(),
    ] {
        assert_eq!(alone.http(event(&body, STRIPES, 0)).await.status(), StatusCode::OK, "{body}");
        assert!(words(&alone.take_effects()).is_empty());
    }
}

#[tokio::test]
async fn an_event_that_stripe_has_not_signed_in_the_last_minutes_is_refused_and_does_nothing() {
    let alone = hearing(|| panic!("nobody is told")).await;
    let body = about_our_order();
    let mut otherwise = event(&body, STRIPES, 0);
    *otherwise.body_mut() = Bytes::from(format!("{body} "));
    let mut unsigned = event(&body, STRIPES, 0);
    unsigned.headers_mut().remove("stripe-signature");
    let with_v0 = event(&body, STRIPES, 0).headers()["stripe-signature"].to_str().unwrap().replace("v1=", "v0=");
    for request in [
        event(&body, NEW, 0),
        event(&body, SECRET, 0),
        event(&body, STRIPES, 302),
        event(&body, STRIPES, -302),
        signed(&body, &with_v0),
        signed(&body, "t=soon,v1="),
        signed(&body, ""),
        unsigned,
        otherwise,
    ] {
        let answer = alone.http(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{answer:?}");
        assert_eq!(body_of(&answer)["type"], "urn:sluice:problem:bad-signature");
        assert!(words(&alone.take_effects()).is_empty());
    }
}

#[tokio::test]
async fn stripe_sends_an_event_again_that_the_listener_could_not_take() {
    let ways: [Say; 4] = [
        || answers(StatusCode::SERVICE_UNAVAILABLE),
        || answers(StatusCode::UNAUTHORIZED),
        || Ruling::Refuse(Refusal::Http(HttpError::ConnectionRefused)),
        || Ruling::Refuse(Refusal::Http(HttpError::HttpRequestDenied)),
    ];
    for way in ways {
        let alone = hearing(way).await;
        let answer = alone.http(event(&about_our_order(), STRIPES, 0)).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(body_of(&answer)["type"], "urn:sluice:problem:unavailable");
        assert_eq!(passed_on(&alone).len(), 1);
        assert!(alone.printed().contains("An event of Stripe was not passed on: the listener "), "{}", alone.printed());
    }
}

#[tokio::test]
async fn a_secret_of_stripes_that_is_changed_is_one_of_two_for_a_while() {
    let alone = hearing(|| answers(StatusCode::ACCEPTED)).await;
    alone.double.set("stripe_event_secret", &format!("{NEW} {STRIPES}\n"));
    for secret in [NEW, STRIPES] {
        assert_eq!(alone.http(event(&about_our_order(), secret, 0)).await.status(), StatusCode::OK);
        assert_eq!(passed_on(&alone).len(), 1);
    }
}

#[tokio::test]
async fn without_both_secrets_no_event_is_taken_and_the_one_that_is_missing_is_named() {
    let misconfigured = StatusCode::SERVICE_UNAVAILABLE;
    for (variable, value, status, fault) in [
        (
            "stripe_event_secret",
            "",
            StatusCode::UNAUTHORIZED,
            "Only Stripe may send events here. Set stripe_event_secret",
        ),
        (
            "stripe_event_secret",
            "we_hunter2hunter2",
            misconfigured,
            "the variable stripe_event_secret of component stripe must be",
        ),
        ("payment_event_secret", "", misconfigured, "the variable payment_event_secret of component stripe is empty"),
        (
            "payment_event_secret",
            "hunter2",
            misconfigured,
            "the variable payment_event_secret of component stripe must begin",
        ),
    ] {
        let alone = hearing(|| panic!("nobody is told")).await;
        alone.double.set(variable, value);
        let answer = alone.http(event(&about_our_order(), STRIPES, 0)).await;
        assert_eq!(answer.status(), status, "{answer:?}");
        let told = body_of(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(told.starts_with(fault) && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn no_other_path_and_method_is_answered_to_stripe() {
    let alone = hearing(|| panic!("nobody is told")).await;
    for (method, path, status) in [
        ("GET", "/payments/stripe/events", 405),
        ("POST", "/payments/stripe/events/", 404),
        ("POST", "/payments/stripe", 404),
        ("POST", "/payments/charges", 404),
    ] {
        let request = Request::builder().method(method).uri(format!("http://shop.test{path}"));
        let answer = alone.http(request.body(Bytes::new()).unwrap()).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        assert_eq!(answer.headers().get("allow").is_some(), status == 405);
    }
}
