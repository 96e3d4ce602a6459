//! What becomes of a charge.

use host::calls::{HttpError, Refusal};

use super::*;

#[tokio::test]
async fn an_intent_is_noted_before_it_is_created_and_before_it_is_confirmed() {
    let adapter = Adapter::with(takes).await;
    assert_done(&adapter.charge().await, "pi_1");
    let (intent, closed) = (format!("stripe/{}/intent", id(1)), format!("stripe/{}/closed", id(1)));
    let expected = [
        "open store".to_owned(),
        format!("exists {closed}"),
        format!("get {intent}"),
        format!("set {intent}"),
        "POST https://api.stripe.com/v1/payment_intents".to_owned(),
        format!("get {intent}"),
        format!("set {intent}"),
        format!("exists {closed}"),
        "POST https://api.stripe.com/v1/payment_intents/pi_1/confirm".to_owned(),
    ];
    assert_eq!(words(&adapter.alone.take_effects()), expected);
    assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
}

#[tokio::test]
async fn what_stripe_says_to_the_intent_becomes_an_answer_of_the_contract_and_nothing_is_confirmed() {
    let table: [(Say, u16, &str); 18] = [
        (
            || error(400, "amount_too_small", "Amount must be at least 50 cents"),
            422,
            "Amount must be at least 50 cents",
        ),
        (|| error(404, "resource_missing", "No such PaymentMethod"), 422, "No such PaymentMethod"),
        (
            || error(401, "", "Invalid API Key provided: sk_test_***ter2"),
            401,
            "Stripe refuses the key: set the variable st",
        ),
        (
            || error(403, "", "rk_***"),
            401,
            "Stripe forbids this to the key: let it write PaymentIntents, charges and refunds",
        ),
        (|| error(402, "card_declined", "Your card was declined."), 402, "Your card was declined."),
        (|| error(409, "idempotency_key_in_use", "Another request is under way"), 409, "Another request is under way"),
        (|| error(429, "lock_timeout", "This object cannot be accessed"), 429, "This object cannot be accessed"),
        (|| error(424, "", "The bank is away"), 502, "The bank is away"),
        (|| says_text(408, ""), 502, "Stripe answered 408."),
        (|| says_text(500, "<html>"), 502, "Stripe answered 500."),
        (|| says_text(503, ""), 502, "Stripe answered 503."),
        (|| says_text(302, ""), 502, "Stripe answered 302."),
        (|| says_text(200, "<html>"), 502, "Stripe answered 200 with something else than its API has."),
        (|| says(200, json!({"id": "pi_1"})), 502, "Stripe answered 200 with something else than its API has."),
        (|| says_text(200, &" ".repeat(600_000)), 502, "Stripe's answer broke off."),
        (|| Ruling::Refuse(Refusal::Http(HttpError::ConnectionRefused)), 502, "Stripe can't be reached: it refused"),
        (
            || Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)),
            502,
            "Stripe can't be reached: it closed the connection",
        ),
        (
            || Ruling::Refuse(Refusal::Http(HttpError::HttpRequestDenied)),
            401,
            "the application may not send there; set the",
        ),
    ];
    for (say, status, begins) in table {
        let adapter = Adapter::with(move |_| say()).await;
        let answer = adapter.charge().await;
        assert_refused(&answer, status, begins);
        assert_eq!(adapter.lines(), [CREATE], "{begins}");
        let waits = answer.headers().contains_key("retry-after");
        assert_eq!(waits, [409, 429].contains(&status), "{begins}");
        assert!(adapter.noted("intent").unwrap().parse::<u64>().is_ok(), "the time is noted, and no id");
    }
}

#[tokio::test]
async fn stripes_own_wait_is_passed_on() {
    for status in [409, 429, 503] {
        let adapter = Adapter::with(move |_| {
            let Ruling::Answer(Answer::Http(mut response)) = says(status, json!({})) else { unreachable!() };
            response.headers_mut().insert("retry-after", "17".parse().unwrap());
            Ruling::Answer(Answer::Http(response))
        })
        .await;
        assert_eq!(adapter.charge().await.headers()["retry-after"], "17", "{status}");
    }
}

/// Where an intent can stand, and what becomes of a charge then: the answer, and whether the intent is cancelled.
const STANDINGS: [(&str, u16, &str, bool); 7] = [
    ("succeeded", 200, "", false),
    ("processing", 202, "", false),
    ("requires_capture", 200, "", false),
    ("requires_action", 402, "needs the customer's action (3-D Secure)", true),
    ("requires_payment_method", 402, "the card could not be charged", true),
    (
        "canceled",
        402,
        "the payment was cancelled at Stripe: by hand, or because its customer did not confirm it",
        false,
    ),
    ("brand_new", 202, "", false),
];

#[tokio::test]
async fn where_the_intent_stands_decides_after_its_confirmation_and_when_its_answer_was_lost() {
    for (standing, status, detail, cancels) in STANDINGS {
        let stripe = move |line: &str| match line {
            CREATE => intent("requires_confirmation"),
            CANCEL => intent("canceled"),
            _ => intent(standing),
        };
        let after = if cancels { &[CANCEL][..] } else { &[] };
        let adapter = Adapter::with(stripe).await;
        for first in [&[CREATE, CONFIRM][..], &[LOOK]] {
            let answer = adapter.charge().await;
            assert_eq!(adapter.lines(), [first, after].concat(), "{standing}");
            match detail {
                "" => assert_eq!((answer.status().as_u16(), &body_of(&answer)["id"]), (status, &json!("pi_1"))),
                _ => assert_refused(&answer, status, detail),
            }
        }
    }
}

#[tokio::test]
async fn a_question_for_a_charge_creates_nothing_and_is_answered_as_the_charge_would_be() {
    let order = id(1).to_string();
    for (standing, status, ..) in STANDINGS {
        let adapter = Adapter::with(move |line| intent(if line == CANCEL { "canceled" } else { standing })).await;
        assert_eq!(adapter.look_up(&order).await.status(), 404, "nothing was charged");
        adapter.note("intent", "1700000000000");
        assert_eq!(adapter.look_up(&order).await.status(), 404, "nothing is confirmed before its id is noted");
        assert_eq!(adapter.look_up("cart-4711").await.status(), 404);
        assert!(adapter.lines().is_empty());
        adapter.note("intent", "pi_1");
        assert_eq!(adapter.look_up(&order).await.status().as_u16(), status, "{standing}");
        assert_eq!(adapter.lines()[0], LOOK, "{standing}");
        adapter.note("closed", "");
        assert_eq!(adapter.look_up(&order).await.status(), 410);
    }
}

#[tokio::test]
async fn a_decline_is_told_in_stripes_words_also_when_it_is_asked_for_again() {
    let adapter = Adapter::with(|line| match line {
        CREATE => intent("requires_confirmation"),
        CONFIRM => error(402, "card_declined", "Your card has insufficient funds."),
        _ => {
            let error = json!({"message": "Your card has insufficient funds."});
            says(200, json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}))
        }
    })
    .await;
    for _ in 0..2 {
        assert_refused(&adapter.charge().await, 402, "Your card has insufficient funds.");
    }
    assert_eq!(adapter.lines(), [CREATE, CONFIRM, CANCEL, LOOK, CANCEL], "the card is asked once");
}

#[tokio::test]
async fn a_confirmation_that_got_no_good_answer_is_made_again_on_the_same_intent() {
    let ways: [(Say, u16); 4] = [
        (|| says_text(500, ""), 502),
        (|| Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)), 502),
        (|| error(429, "lock_timeout", "busy"), 429),
        (|| error(400, "payment_intent_unexpected_state", "it was cancelled"), 409),
    ];
    for (say, status) in ways {
        let tries = Mutex::new(0);
        let adapter = Adapter::with(move |line| match line {
            CREATE | LOOK => intent("requires_confirmation"),
            _ => {
                *tries.lock().unwrap() += 1;
                if *tries.lock().unwrap() == 1 { say() } else { intent("succeeded") }
            }
        })
        .await;
        assert_eq!(adapter.charge().await.status().as_u16(), status);
        assert_done(&adapter.charge().await, "pi_1");
        assert_eq!(adapter.lines(), [CREATE, CONFIRM, LOOK, CONFIRM]);
    }
}

#[tokio::test]
async fn after_weeks_an_intent_whose_answer_was_lost_is_found_by_its_metadata() {
    let day = 24 * 3_600_000;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let list = |intents: Value| says(200, json!({"object": "search_result", "data": intents, "has_more": false}));
    let pending = json!({"id": "pi_1", "status": "requires_confirmation"});
    let found = move || list(json!([{"id": "pi_0", "status": "canceled"}, pending]));
    type Search = Box<dyn Fn() -> Ruling + Send + Sync>;
    let searches: [(u64, Search, &[&str]); 4] = [
        (30 * day, Box::new(found), &[&search(), CONFIRM]),
        (30 * day, Box::new(move || list(json!([]))), &[&search(), CREATE, CONFIRM]),
        // Not for every account.
        (30 * day, Box::new(|| error(400, "", "Search is not supported")), &[&search(), CREATE, CONFIRM]),
        // The key is still known, and search may lag behind.
        (day / 2, Box::new(|| panic!("it is not searched for")), &[CREATE, CONFIRM]),
    ];
    for (ago, say, expected) in searches {
        let adapter = Adapter::with(move |line| match line {
            line if line == search() => say(),
            line => takes(line),
        })
        .await;
        adapter.note("intent", &(now - ago).to_string());
        assert_done(&adapter.charge().await, "pi_1");
        assert_eq!(adapter.lines(), expected);
        assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
    }
    let adapter = Adapter::with(|_| says_text(500, "")).await;
    adapter.note("intent", &(now - 30 * day).to_string());
    assert_refused(&adapter.charge().await, 502, "Stripe answered 500.");
    assert_eq!(adapter.lines(), [search()], "without an answer no other intent is made");
}

#[tokio::test]
async fn an_order_that_a_refund_closed_is_not_charged_any_more() {
    let adapter = Adapter::with(|line| match line {
        CREATE => intent("requires_confirmation"),
        line if line == search() => says(200, json!({"data": []})),
        _ => panic!("nobody asks for {line}"),
    })
    .await;
    assert_refused(&adapter.refund(None).await, 410, "This order was closed by a refund");
    let effects = words(&adapter.alone.take_effects());
    let at = |wanted: &str| effects.iter().position(|word| word.starts_with(wanted)).unwrap();
    assert!(at("set ") < at("get ") && at("get ") < at("GET "), "it is noted before anybody looks: {effects:?}");
    assert_refused(&adapter.charge().await, 410, "This order was closed by a refund");
    assert!(adapter.lines().is_empty());
}

#[tokio::test]
async fn a_refund_that_comes_while_the_intent_is_made_keeps_it_from_being_confirmed() {
    let kept = Kept::default();
    let store = kept.clone();
    let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
        Effect::Http(request) => {
            store.lock().unwrap().insert(format!("stripe/{}/closed", id(1)), Vec::new());
            Some(takes(&line(request)))
        }
        other => keep(&store, other),
    });
    let adapter = Adapter { alone: double.around("stripe").await, kept };
    assert_refused(&adapter.charge().await, 410, "This order was closed by a refund");
    assert_eq!(adapter.lines(), [CREATE]);
}

#[tokio::test]
async fn an_intent_that_another_delivery_has_noted_meanwhile_is_the_one_of_the_order() {
    let kept = Kept::default();
    let store = kept.clone();
    let double = Double::new().with("stripe_key", KEY).when(move |effect| match effect {
        Effect::Http(request) => Some(match &*line(request) {
            CREATE => {
                store.lock().unwrap().insert(format!("stripe/{}/intent", id(1)), b"pi_1".to_vec());
                says(200, json!({"id": "pi_2", "status": "requires_confirmation"}))
            }
            LOOK => intent("succeeded"),
            line => panic!("nobody asks for {line}"),
        }),
        other => keep(&store, other),
    });
    let adapter = Adapter { alone: double.around("stripe").await, kept };
    assert_done(&adapter.charge().await, "pi_1");
    assert_eq!(adapter.lines(), [CREATE, LOOK]);
    assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
}
