//! What is wrong with the set-up, the store or the request.

use host::calls::{KeyValueError, Refusal};

use super::*;

#[tokio::test]
async fn without_its_key_the_adapter_is_off_and_says_which_variable_turns_it_on() {
    for (variable, value, begins) in [
        ("stripe_key", "", "The adapter for Stripe is off: set the variable stripe_key to turn it on."),
        ("stripe_key", "hunter2\nhunter2", "the variable stripe_key of component stripe must be visible ASCII"),
        ("stripe_url", "https://api.stripe.com/v1", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "api.stripe.com", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "ftp://api.stripe.com", "the variable stripe_url of component stripe must be https://"),
        ("stripe_url", "https://a:b@api.stripe.com", "the variable stripe_url of component stripe must be https://"),
    ] {
        let adapter = Adapter::with(|_| panic!("nothing is asked of Stripe")).await;
        adapter.alone.double.set(variable, value);
        for answer in [adapter.charge().await, adapter.refund(Some("pi_1")).await] {
            assert_refused(&answer, 401, begins);
            assert!(!String::from_utf8_lossy(answer.body()).contains("hunter2"));
        }
        assert!(words(&adapter.alone.take_effects()).is_empty(), "nothing is noted");
        adapter.alone.double.set(variable, if variable == "stripe_key" { KEY } else { "https://api.stripe.com" });
    }
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_done() {
    let fails = || Ruling::Refuse(Refusal::KeyValue(KeyValueError::Other("the disk is full".to_owned())));
    // The notes of a charge, in turn, and how far it gets without each.
    let expected: [&[&str]; 7] = [&[], &[], &[], &[], &[CREATE], &[CREATE], &[CREATE]];
    for (nth, expected) in expected.into_iter().enumerate() {
        let (kept, calls) = (Kept::default(), Mutex::new(0));
        let store = kept.clone();
        let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
            Effect::Http(request) => Some(takes(&line(request))),
            Effect::Variable(_) => None,
            other => {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                if *calls == nth + 1 { Some(fails()) } else { keep(&store, other) }
            }
        });
        let adapter = Adapter { alone: double.around("stripe").await, kept };
        assert_refused(&adapter.charge().await, 503, "The store of the adapter for Stripe failed: the disk is full.");
        assert_eq!(adapter.lines(), expected, "call {nth} of the store");
    }
}

#[tokio::test]
async fn a_request_that_is_not_of_the_contract_is_refused_and_shows_no_token() {
    let adapter = Adapter::with(|_| panic!("nothing is asked of Stripe")).await;
    let mut no_token = a_charge();
    no_token.as_object_mut().unwrap().remove("payment");
    assert_refused(&adapter.ask("/charges", "key", &no_token).await, 422, "The order has no payment.token.");
    assert_eq!(adapter.noted("intent"), None, "nothing is noted");
    for (path, key, body, status, begins) in [
        ("/charges", "", a_charge(), 422, "Send an Idempotency-Key"),
        ("/charges", "key", json!({"order_id": TOKEN}), 400, "The body can't be read at line 1, column "),
        ("/charges", "key", json!([TOKEN]), 400, "The body can't be read at line 1, column "),
        ("/refunds", "key", json!({"order_id": id(1).to_string()}), 400, "The body can't be read at line 1"),
        ("/v1/charges", "key", a_charge(), 404, "The adapter for Stripe knows /charges, /captures and /refunds"),
    ] {
        let answer = adapter.ask(path, key, &body).await;
        assert_refused(&answer, status, begins);
        assert!(!String::from_utf8_lossy(answer.body()).contains(TOKEN));
    }
    let get = Request::get("http://stripe.spin.internal/charges").body(Bytes::new()).unwrap();
    assert_refused(&adapter.alone.http(get).await, 405, "Use POST.");
}
