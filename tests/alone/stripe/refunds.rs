//! What becomes of a refund.

use super::*;

#[tokio::test]
async fn a_refund_without_a_charge_undoes_what_the_intent_did() {
    let table: [(&str, &[&str], u16); 8] = [
        ("succeeded", &[LOOK, REFUNDS, REFUND], 200),
        ("canceled", &[LOOK], 410),
        ("processing", &[LOOK], 409),
        ("requires_confirmation", &[LOOK, CANCEL], 410),
        ("requires_payment_method", &[LOOK, CANCEL], 410),
        ("requires_action", &[LOOK, CANCEL], 410),
        ("requires_capture", &[LOOK, CANCEL], 410),
        ("brand_new", &[LOOK, CANCEL], 410),
    ];
    for (standing, expected, status) in table {
        let adapter = Adapter::with(move |line| match line {
            LOOK => intent(standing),
            CANCEL => intent("canceled"),
            REFUNDS => says(200, json!({"data": []})),
            REFUND => says(200, json!({"id": "re_1", "status": "succeeded"})),
            _ => panic!("nobody asks for {line}"),
        })
        .await;
        adapter.note("intent", "pi_1");
        let answer = adapter.refund(None).await;
        assert_eq!(answer.status().as_u16(), status, "{standing}");
        assert_eq!(adapter.lines(), expected, "{standing}");
        assert_eq!(adapter.noted("closed").as_deref(), Some(""));
    }
}

#[tokio::test]
async fn a_refund_whose_intent_is_confirmed_meanwhile_is_asked_for_again() {
    let adapter = Adapter::with(|line| match line {
        LOOK => intent("requires_confirmation"),
        _ => error(400, "payment_intent_unexpected_state", "its status is succeeded"),
    })
    .await;
    adapter.note("intent", "pi_1");
    assert_refused(&adapter.refund(None).await, 409, "The PaymentIntent changed meanwhile.");
}

#[tokio::test]
async fn an_intent_of_another_account_is_a_fault_of_the_set_up() {
    let adapter = Adapter::with(|_| error(404, "resource_missing", "No such payment_intent: 'pi_1'")).await;
    adapter.note("intent", "pi_1");
    assert_refused(
        &adapter.charge().await,
        401,
        "Stripe doesn't know pi_1, which was made for this order: is stripe_key",
    );
    assert_refused(&adapter.refund(None).await, 401, "Stripe doesn't know pi_1");
}

#[tokio::test]
async fn a_charge_is_refunded_once_by_stripes_own_books() {
    let ours = json!({"order_id": id(1).to_string()});
    let theirs = json!({"order_id": id(2).to_string()});
    let books = [
        (json!([]), &[LOOK, REFUNDS, REFUND][..], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": ours}]), &[LOOK, REFUNDS], "re_1"),
        (json!([{"id": "re_1", "status": "pending", "metadata": ours}]), &[LOOK, REFUNDS], "re_1"),
        (json!([{"id": "re_1", "status": "failed", "metadata": ours}]), &[LOOK, REFUNDS, REFUND], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": theirs}]), &[LOOK, REFUNDS, REFUND], "re_new"),
        (json!([{"id": "re_1", "status": "succeeded", "metadata": {}}]), &[LOOK, REFUNDS, REFUND], "re_new"),
    ];
    for (before, expected, refund) in books {
        let adapter = Adapter::with(move |line| match line {
            LOOK => intent("succeeded"),
            REFUNDS => says(200, json!({"data": before})),
            _ => says(200, json!({"id": "re_new", "status": "pending"})),
        })
        .await;
        assert_done(&adapter.refund(Some("pi_1")).await, refund);
        let asked = adapter.asked();
        assert_eq!(asked.iter().map(|asked| &*asked.line).collect::<Vec<_>>(), expected);
        if let [_, _, asked] = &asked[..] {
            assert_eq!(asked.headers["idempotency-key"], format!("{}/refund", id(1)));
            let order = id(1).to_string();
            let expected = [("payment_intent", "pi_1"), ("amount", "2100"), ("metadata[order_id]", &order)];
            assert_eq!(asked.fields(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
}

#[tokio::test]
async fn a_charge_of_the_shops_own_is_refunded_as_a_charge() {
    let adapter = Adapter::with(|line| match line {
        LOOK_AT_CHARGE => charge(json!({"captured": true})),
        "GET /v1/refunds?charge=ch_7&limit=100" => says(200, json!({"data": []})),
        REFUND => says(200, json!({"id": "re_1", "status": "succeeded"})),
        _ => panic!("nobody asks for {line}"),
    })
    .await;
    assert_done(&adapter.refund(Some("ch_7")).await, "re_1");
    assert_eq!(adapter.asked()[2].fields()[0], ("charge".to_owned(), "ch_7".to_owned()));
}

#[tokio::test]
async fn what_was_refunded_in_the_dashboard_is_refunded() {
    let refunded = || error(400, "charge_already_refunded", "Charge ch_1 has already been refunded.");
    let failed = json!({"id": "re_2", "status": "failed"});
    let by_hand = json!({"id": "re_1", "status": "succeeded", "metadata": {}});
    let adapter = Adapter::with(move |line| match line {
        LOOK => intent("succeeded"),
        REFUNDS => says(200, json!({"data": [failed, by_hand]})),
        _ => refunded(),
    })
    .await;
    assert_done(&adapter.refund(Some("pi_1")).await, "re_1");
    let adapter = Adapter::with(move |line| match line {
        LOOK => intent("succeeded"),
        REFUNDS => says(200, json!({"data": []})),
        _ => refunded(),
    })
    .await;
    assert_refused(&adapter.refund(Some("pi_1")).await, 422, "Charge ch_1 has already been refunded.");
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_or_cannot_make_is_told() {
    let refusals: [(Say, u16, &str); 4] = [
        (
            || says(200, json!({"id": "re_1", "status": "failed"})),
            422,
            "Stripe's refund re_1 failed: give the money back",
        ),
        (
            || error(400, "resource_missing", "No such charge: 'pi_1'"),
            422,
            "No such charge: 'pi_1' Is stripe_key of the",
        ),
        (|| error(400, "", "Refund amount is greater than unrefunded amount"), 422, "Refund amount is greater"),
        (|| says_text(500, ""), 502, "Stripe answered 500."),
    ];
    for (say, status, begins) in refusals {
        let adapter = Adapter::with(move |line| match line {
            LOOK => intent("succeeded"),
            REFUNDS => says(200, json!({"data": []})),
            _ => say(),
        })
        .await;
        assert_refused(&adapter.refund(Some("pi_1")).await, status, begins);
    }
    let adapter = Adapter::with(|_| error(404, "resource_missing", "No such payment_intent: 'pi_1'")).await;
    assert_refused(&adapter.refund(Some("pi_1")).await, 422, "No such payment_intent: 'pi_1' Is stripe_key of the");
}
