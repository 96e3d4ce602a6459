//! Money that is set aside first, and taken or let go later.

use host::calls::{HttpError, Refusal};

use super::*;

/// A charge that only sets the money aside.
fn aside() -> Value {
    let mut body = a_charge();
    body["capture"] = false.into();
    body
}

/// Somebody has captured so much by hand.
fn received(amount: u64) -> Ruling {
    says(200, json!({"id": "pi_1", "status": "succeeded", "amount_received": amount}))
}

/// It was captured for something else.
fn in_yen() -> Ruling {
    says(200, json!({"id": "pi_1", "status": "succeeded", "amount_received": 2100, "currency": "jpy"}))
}

fn canceled(reason: &str) -> Ruling {
    says(200, json!({"id": "pi_1", "status": "canceled", "cancellation_reason": reason}))
}

#[tokio::test]
async fn money_that_is_to_be_taken_later_is_set_aside_and_answered_as_authorized() {
    let adapter = Adapter::with(|line| match line {
        CREATE => intent("requires_confirmation"),
        CONFIRM | LOOK => intent("requires_capture"),
        _ => panic!("nobody asks for {line}"),
    })
    .await;
    let expected = (200, json!({"id": "pi_1", "status": "authorized"}));
    let answer = adapter.ask("/charges", &id(1).to_string(), &aside()).await;
    assert_eq!((answer.status().as_u16(), body_of(&answer)), expected);
    let [create, confirm] = adapter.asked().try_into().ok().unwrap();
    assert!(create.fields().contains(&("capture_method".to_owned(), "manual".to_owned())), "{}", create.body);
    assert_eq!((&*create.line, &*confirm.line), (CREATE, CONFIRM));
    for again in [adapter.charge().await, adapter.look_up(&id(1).to_string()).await] {
        assert_eq!((again.status().as_u16(), body_of(&again)), expected, "where the intent stands decides");
    }
}

#[tokio::test]
async fn an_intent_whose_answer_was_lost_is_asked_for_in_the_same_words_though_the_setting_changed() {
    for (first, second) in [(aside(), a_charge()), (a_charge(), aside())] {
        let tries = Mutex::new(0);
        let adapter = Adapter::with(move |line| match line {
            CREATE => {
                *tries.lock().unwrap() += 1;
                if *tries.lock().unwrap() == 1 { says_text(500, "") } else { intent("requires_confirmation") }
            }
            _ => intent("succeeded"),
        })
        .await;
        let key = id(1).to_string();
        assert_eq!(adapter.ask("/charges", &key, &first).await.status(), 502);
        assert_eq!(adapter.ask("/charges", &key, &second).await.status(), 200);
        let [lost, again, _] = adapter.asked().try_into().ok().unwrap();
        assert_eq!((&lost.body, &lost.headers["idempotency-key"]), (&again.body, &again.headers["idempotency-key"]));
        assert_eq!(adapter.noted("intent").unwrap(), "pi_1");
    }
}

#[tokio::test]
async fn where_the_intent_stands_decides_what_a_capture_does() {
    let table: [(Say, &[&str], u16, &str); 13] = [
        (|| intent("requires_capture"), &[LOOK, CAPTURE], 200, ""),
        (|| intent("succeeded"), &[LOOK], 200, ""),
        (|| received(2100), &[LOOK], 200, ""),
        (|| received(2099), &[LOOK], 422, "2099 eur were captured, and not 2100 eur"),
        (|| received(2101), &[LOOK], 422, "2101 eur were captured, and not 2100 eur"),
        (|| in_yen(), &[LOOK], 422, "2100 jpy were captured, and not 2100 eur"),
        (|| intent("processing"), &[LOOK], 202, ""),
        (|| intent("brand_new"), &[LOOK], 202, ""),
        (|| canceled("requested_by_customer"), &[LOOK], 410, "The authorization was voided"),
        (|| canceled("automatic"), &[LOOK], 402, "the authorization of the payment has expired"),
        (|| canceled("expired"), &[LOOK], 402, "the authorization of the payment has expired"),
        (|| intent("requires_action"), &[LOOK], 402, "the payment was not authorized"),
        (|| error(404, "resource_missing", "No such payment_intent: 'pi_1'"), &[LOOK], 422, "No such payment_intent"),
    ];
    for (stands, lines, status, begins) in table {
        let adapter = Adapter::with(move |line| match line {
            LOOK => stands(),
            CAPTURE => intent("succeeded"),
            _ => panic!("nobody asks for {line}"),
        })
        .await;
        let answer = adapter.capture("pi_1").await;
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), lines);
        match begins {
            "" => assert_eq!((answer.status().as_u16(), &body_of(&answer)["id"]), (status, &json!("pi_1"))),
            _ => assert_refused(&answer, status, begins),
        }
        if let [_, capture] = &asked[..] {
            assert_eq!(capture.fields(), [("amount_to_capture".to_owned(), "2100".to_owned())]);
            assert_eq!(capture.headers.get("idempotency-key"), None, "Stripe would repeat a failure for the key");
        }
    }
}

#[tokio::test]
async fn a_capture_that_got_no_good_answer_is_told_and_looked_up_when_it_is_asked_for_again() {
    let ways: [(Say, u16, &str); 7] = [
        (|| Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)), 502, "Stripe can't be reached"),
        (|| says_text(500, ""), 502, "Stripe answered 500."),
        (|| intent("requires_capture"), 409, "The PaymentIntent is not captured yet."),
        (|| error(400, "payment_intent_unexpected_state", "it was cancelled"), 409, "The PaymentIntent changed"),
        (|| error(400, "charge_expired_for_capture", "It expired."), 402, "the authorization of the payment has exp"),
        (|| error(402, "card_declined", "Your card was declined."), 402, "Your card was declined."),
        (|| error(400, "amount_too_large", "It is more than was authorized."), 422, "It is more than was authorized."),
    ];
    for (say, status, begins) in ways {
        let is_captured = Arc::new(Mutex::new(false));
        let captured = is_captured.clone();
        let adapter = Adapter::with(move |line| match line {
            LOOK if *captured.lock().unwrap() => intent("succeeded"),
            LOOK => intent("requires_capture"),
            _ => say(),
        })
        .await;
        assert_refused(&adapter.capture("pi_1").await, status, begins);
        *is_captured.lock().unwrap() = true;
        assert_done(&adapter.capture("pi_1").await, "pi_1");
        assert_eq!(adapter.lines(), [LOOK, CAPTURE, LOOK]);
    }
}

#[tokio::test]
async fn a_charge_of_the_shops_own_is_captured_once_and_by_its_intent_if_it_has_one() {
    let table: [(Value, &[&str], u16, &str); 6] = [
        (json!({}), &[LOOK_AT_CHARGE, CAPTURE_CHARGE], 200, "ch_7"),
        (
            json!({"captured": true, "amount_captured": 7}),
            &[LOOK_AT_CHARGE],
            422,
            "7 eur were captured, and not 2100 eur",
        ),
        (json!({"captured": true}), &[LOOK_AT_CHARGE], 200, "ch_7"),
        (json!({"refunded": true}), &[LOOK_AT_CHARGE], 402, "the authorization of the payment has expired"),
        (json!({"paid": false}), &[LOOK_AT_CHARGE], 402, "the payment was not authorized"),
        (json!({"payment_intent": "pi_1"}), &[LOOK_AT_CHARGE, LOOK, CAPTURE], 200, "pi_1"),
    ];
    for (change, lines, status, told) in table {
        let adapter = Adapter::with(move |line| match line {
            LOOK_AT_CHARGE => charge(change.clone()),
            CAPTURE_CHARGE => charge(json!({"captured": true})),
            LOOK => intent("requires_capture"),
            CAPTURE => intent("succeeded"),
            _ => panic!("nobody asks for {line}"),
        })
        .await;
        let answer = adapter.capture("ch_7").await;
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), lines);
        match status {
            200 => assert_done(&answer, told),
            _ => assert_refused(&answer, status, told),
        }
        if let [_, capture] = &asked[..] {
            assert_eq!(capture.fields(), [("amount".to_owned(), "2100".to_owned())]);
        }
    }
}

#[tokio::test]
async fn what_was_only_set_aside_is_let_go_by_a_refund_and_is_captured_by_nobody_any_more() {
    let by_intent: &[&str] = &[LOOK_AT_CHARGE, LOOK, CANCEL];
    let table: [(&str, Value, &[&str]); 4] = [
        ("pi_1", Value::Null, &[LOOK, CANCEL]),
        ("ch_7", json!({"payment_intent": "pi_1"}), by_intent),
        ("ch_7", json!({}), &[LOOK_AT_CHARGE, REFUND]),
        ("ch_7", json!({"refunded": true}), &[LOOK_AT_CHARGE]),
    ];
    for (held, change, lines) in table {
        let adapter = Adapter::with(move |line| match line {
            LOOK_AT_CHARGE => charge(change.clone()),
            LOOK => intent("requires_capture"),
            CANCEL => intent("canceled"),
            REFUND => says(200, json!({"id": "re_1", "status": "succeeded"})),
            _ => panic!("nobody asks for {line}"),
        })
        .await;
        assert_refused(&adapter.refund(Some(held)).await, 410, "This order was closed by a refund");
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), lines, "{held}");
        if let Some(refund) = asked.iter().find(|asked| asked.line == REFUND) {
            let names: Vec<_> = refund.fields().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["charge", "metadata[order_id]"], "all of it is let go, whatever the order's total is");
        }
        assert_refused(&adapter.capture(held).await, 410, "This order was closed by a refund");
        assert!(adapter.lines().is_empty(), "Stripe is asked for nothing");
    }
}

#[tokio::test]
async fn a_void_that_comes_while_the_money_is_captured_gives_it_back() {
    let is_captured = Arc::new(Mutex::new(false));
    let captured = is_captured.clone();
    let adapter = Adapter::with(move |line| match line {
        LOOK if *captured.lock().unwrap() => intent("succeeded"),
        LOOK => intent("requires_capture"),
        CANCEL => {
            *captured.lock().unwrap() = true;
            error(400, "payment_intent_unexpected_state", "its status is succeeded")
        }
        REFUNDS => says(200, json!({"data": []})),
        _ => says(200, json!({"id": "re_1", "status": "succeeded"})),
    })
    .await;
    assert_refused(&adapter.refund(Some("pi_1")).await, 409, "The PaymentIntent changed meanwhile.");
    assert_done(&adapter.refund(Some("pi_1")).await, "re_1");
    assert_eq!(adapter.lines(), [LOOK, CANCEL, LOOK, REFUNDS, REFUND]);
}

#[tokio::test]
async fn a_charge_that_was_captured_meanwhile_is_looked_at_again() {
    let is_captured = Arc::new(Mutex::new(false));
    let captured = is_captured.clone();
    let adapter = Adapter::with(move |line| match line {
        LOOK_AT_CHARGE => charge(json!({"captured": *captured.lock().unwrap()})),
        _ => {
            *captured.lock().unwrap() = true;
            error(400, "charge_already_captured", "Charge ch_7 has already been captured.")
        }
    })
    .await;
    assert_refused(&adapter.capture("ch_7").await, 409, "The charge is captured. Ask again.");
    assert_done(&adapter.capture("ch_7").await, "ch_7");
    assert_eq!(adapter.lines(), [LOOK_AT_CHARGE, CAPTURE_CHARGE, LOOK_AT_CHARGE]);
}
