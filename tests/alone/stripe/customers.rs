//! A payment that its customer must confirm at the bank (3-D Secure).

use super::*;

const BANK: &str = "https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=src_1_secret";
const BACK: &str = "https://shop.test/back?a=1&b=2";

/// An intent whose customer has to do this.
fn asks(action: Value) -> Ruling {
    says(200, json!({"id": "pi_1", "status": "requires_action", "next_action": action}))
}

fn redirect(to: &str) -> Value {
    json!({"type": "redirect_to_url", "redirect_to_url": {"url": to, "return_url": BACK}})
}

fn failed() -> Ruling {
    let error = json!({"code": "payment_intent_authentication_failure", "message": "It failed authentication."});
    says(200, json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}))
}

#[tokio::test]
async fn a_customer_who_has_to_act_is_told_the_banks_page_until_stripe_has_an_answer() {
    let now = Arc::new(Mutex::new(failed as Say));
    let ends: [(Say, u16, &str, &[&str]); 4] = [
        (|| intent("succeeded"), 200, "", &[LOOK]),
        (|| intent("processing"), 202, "", &[LOOK]),
        (failed, 402, "It failed authentication.", &[LOOK, CANCEL]),
        (|| intent("canceled"), 402, "the payment was cancelled at Stripe", &[LOOK]),
    ];
    for (end, status, detail, lines) in ends {
        let says = now.clone();
        let adapter = Adapter::with(move |line| match line {
            CREATE => intent("requires_confirmation"),
            CANCEL => intent("canceled"),
            _ => says.lock().unwrap()(),
        })
        .await;
        adapter.alone.double.set("stripe_return_url", BACK);
        *now.lock().unwrap() = || asks(redirect(BANK));
        let waits = json!({"id": "pi_1", "status": "requires_action", "next_action": BANK});
        let first = adapter.charge().await;
        assert_eq!((first.status().as_u16(), body_of(&first)), (202, waits.clone()));
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), [CREATE, CONFIRM]);
        assert_eq!(asked[1].fields(), [("return_url".to_owned(), BACK.to_owned())]);
        for again in [adapter.charge().await, adapter.look_up(&id(1).to_string()).await] {
            assert_eq!((again.status().as_u16(), body_of(&again)), (202, waits.clone()), "still open");
        }
        assert_eq!(adapter.lines(), [LOOK, LOOK], "it is confirmed once");

        *now.lock().unwrap() = end;
        let answer = adapter.look_up(&id(1).to_string()).await;
        assert_eq!(adapter.lines(), lines);
        match detail {
            "" => assert_eq!((answer.status().as_u16(), &body_of(&answer)["id"]), (status, &json!("pi_1"))),
            _ => assert_refused(&answer, status, detail),
        }
    }
}

#[tokio::test]
async fn a_payment_whose_customer_cannot_be_told_where_to_go_is_cancelled_and_declined() {
    let sdk = json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}});
    for action in [
        sdk,
        redirect("stripejs://use_stripe_sdk"),
        redirect(&format!("https://hooks.stripe.com/{}", "a".repeat(2048))),
        json!({"type": "redirect_to_url", "redirect_to_url": null}),
        Value::Null,
    ] {
        let adapter = Adapter::with(move |line| match line {
            CREATE => intent("requires_confirmation"),
            CANCEL => intent("canceled"),
            _ => asks(action.clone()),
        })
        .await;
        let words = "needs the customer's action (3-D Secure), for which this shop is not set up";
        assert_refused(&adapter.charge().await, 402, words);
        let [_, confirm, cancel] = adapter.asked().try_into().ok().unwrap();
        assert_eq!((&*confirm.body, &*cancel.line), ("", CANCEL), "without a page to come back to, none is named");
    }
}

#[tokio::test]
async fn a_payment_that_failed_at_the_bank_is_declined_only_once_nobody_can_pay_it_with_another_card() {
    let refusals: [(Say, u16); 3] = [
        (|| says_text(500, ""), 502),
        (|| error(400, "payment_intent_unexpected_state", "its status is succeeded"), 409),
        (|| intent("canceled"), 402),
    ];
    for (cancelled, status) in refusals {
        let adapter = Adapter::with(move |line| if line == CANCEL { cancelled() } else { failed() }).await;
        adapter.note("intent", "pi_1");
        assert_eq!(adapter.look_up(&id(1).to_string()).await.status().as_u16(), status);
    }
    // The answer to the cancellation was lost.
    let adapter = Adapter::with(|_| {
        let error = json!({"message": "It failed authentication."});
        says(200, json!({"id": "pi_1", "status": "canceled", "last_payment_error": error}))
    })
    .await;
    adapter.note("intent", "pi_1");
    assert_refused(&adapter.look_up(&id(1).to_string()).await, 402, "It failed authentication.");
}

#[tokio::test]
async fn a_wrong_page_to_come_back_to_is_named_and_nothing_is_charged() {
    for wrong in ["shop.test/back", "javascript:alert(1)", "https://shop.test/a b"] {
        let adapter = Adapter::with(|_| panic!("nothing is asked of Stripe")).await;
        adapter.alone.double.set("stripe_return_url", wrong);
        let begins = "the variable stripe_return_url of component stripe must be an https or http URL";
        assert_refused(&adapter.charge().await, 401, begins);
    }
}
