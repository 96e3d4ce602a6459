//! What the payment provider won't do, an operator settles by hand, with a word on the record.

use http::StatusCode;
use serde_json::{Value, json};

use super::payment::{KEY, borrowed, charging, charging_and_telling, level, track, variables};
use crate::harness::{
    Endpoint, Manner, PaymentProvider, Redis, Sluice, an_order, eventually, json as body_of, start_with,
};

/// A provider that takes charges and refuses every refund, as one does where the money was given back elsewhere.
async fn refuses_refunds() -> PaymentProvider {
    PaymentProvider::behaving(|asked| match asked.path.as_str() {
        "/refunds" => Manner::Fail(StatusCode::BAD_REQUEST),
        _ => Manner::Take,
    })
    .await
}

async fn settle(sluice: &Sluice, letter: &str) -> http::Response<bytes::Bytes> {
    let word = json!({"id": letter, "by": "ann", "why": "refunded in the dashboard"});
    sluice.operate("POST", "/dead-letters/placed/settle", KEY, &word).await
}

/// A confirmed order whose cancellation is a dead letter.
async fn stuck(sluice: &Sluice) -> String {
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    sluice.ask(&id, "cancel", &json!({"reason": "ordered twice"})).await;
    cancellation_is_dead(sluice, &id).await;
    id
}

async fn cancellation_is_dead(sluice: &Sluice, id: &str) {
    eventually("the cancellation to be a dead letter", async || {
        let shown = sluice.get(id).await;
        let needs_attention = json!([{"change": "cancel", "status": "needs_attention",
            "reason": "it could not be processed, and an operator must look at it", "reason_code": "processing_failed"}]);
        (shown["pending"] == needs_attention).then_some(())
    })
    .await;
}

async fn letters(sluice: &Sluice) -> Value {
    body_of(&sluice.operate("GET", "/dead-letters/placed", KEY, &Value::Null).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_settles_what_was_refunded_elsewhere_and_only_operators_read_the_word() {
    let (provider, endpoint) = (refuses_refunds().await, Endpoint::start("erp").await);
    let sluice = charging_and_telling(&provider, &[&endpoint]).await;
    track(&sluice, 5).await;
    let id = stuck(&sluice).await;
    let asked = provider.ledger().asked.len();

    let letter = format!("{id}/cancel");
    let answer = settle(&sluice, &letter).await;
    assert_eq!((answer.status(), body_of(&answer)), (StatusCode::OK, json!({"settled": true})));
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(
        record["payment"],
        json!({"charge_id": format!("ch_{id}"), "settled": true, "provider": provider.name()})
    );
    assert_eq!(record["reason"], "ordered twice", "the shop's own word stays");
    assert_eq!(level(&sluice, "TEA-1").await, (5.into(), 0.into()));
    assert_eq!(provider.ledger().asked.len(), asked, "nothing is asked of the provider");
    assert_eq!(letters(&sluice).await["dead"], 0);

    let word = json!({"by": "ann", "why": "refunded in the dashboard"});
    let path = format!("/orders/{id}");
    let operators = body_of(&sluice.operate("GET", &path, KEY, &Value::Null).await);
    assert_eq!(operators["payment"]["settled"], word);
    for other in [
        body_of(&sluice.operate("GET", &path, "0123456789abcdeX", &Value::Null).await),
        body_of(&sluice.ask(&id, "cancel", &Value::Null).await),
    ] {
        assert_eq!(other, record, "whoever reads the order sees no word of it");
    }
    let events: Vec<Value> = endpoint.received(3).await.iter().map(|delivery| delivery.event()).collect();
    let cancelled: Vec<_> = events.iter().filter(|event| event["type"] == "sluice.order.cancelled").collect();
    assert_eq!((cancelled.len(), &cancelled[0]["data"]["payment"]["settled"]), (1, &json!(true)), "{events:?}");

    let again = settle(&sluice, &letter).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND, "{again:?}");
    assert!(body_of(&again)["detail"].as_str().unwrap().contains("GET /orders/{id}"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_repeats_500_for_ever_is_not_asked_for_ever_and_the_order_ends_when_it_is_settled() {
    for letter in ["own", "cancel"] {
        let provider = PaymentProvider::behaving(|_| Manner::TakeAndFail(StatusCode::INTERNAL_SERVER_ERROR)).await;
        let mut variables = variables(&provider, &[]);
        variables.push(("max_attempts", "3".to_owned()));
        let sluice = Sluice::on(Redis::start().await.into(), start_with(&borrowed(&variables))).await;
        track(&sluice, 2).await;
        let id = sluice.place(&an_order()).await;
        sluice.until(&id, "needs_attention").await;
        assert_eq!(provider.ledger().asked.len(), 3, "as often as max_attempts");
        sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
        provider.asked(6).await;
        sluice.until(&id, "needs_attention").await;
        let letter = match letter {
            "own" => id.clone(),
            _ => {
                sluice.ask(&id, "cancel", &Value::Null).await;
                provider.asked(9).await;
                cancellation_is_dead(&sluice, &id).await;
                format!("{id}/cancel")
            }
        };
        let asked = provider.ledger().asked.len();
        assert_eq!(settle(&sluice, &letter).await.status(), StatusCode::OK);
        let record = sluice.until(&id, "cancelled").await;
        assert_eq!((&record["payment"], &record["version"]), (&json!({"settled": true}), &json!(1)));
        assert_eq!(level(&sluice, "TEA-1").await, (2.into(), 0.into()));
        assert_eq!((provider.ledger().asked.len(), &letters(&sluice).await["dead"]), (asked, &json!(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_told_with_what_to_do() {
    let provider = PaymentProvider::start().await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    for (letter, status, told) in [
        (format!("{id}/return"), 409, "{order}/cancel"),
        (format!("{id}/cancel"), 404, "no such dead letter"),
        (id.clone(), 404, "no such dead letter"),
        ("typo".to_owned(), 404, "no such dead letter"),
    ] {
        let answer = settle(&sluice, &letter).await;
        let detail = body_of(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(answer.status() == status && detail.contains(told), "{letter}: {answer:?}");
    }
    for body in [json!({"id": id}), json!({"id": id, "by": "a\nb", "why": "x"})] {
        let answer = sluice.operate("POST", "/dead-letters/placed/settle", KEY, &body).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    }
    assert_eq!(sluice.operate("GET", "/dead-letters/placed/settle", KEY, &Value::Null).await.status(), 405);
    assert_eq!(sluice.operate("POST", "/dead-letters/changes/settle", KEY, &Value::Null).await.status(), 404);
}

async fn discard(sluice: &Sluice, letter: &str) {
    let word = json!({"id": letter, "by": "ben", "why": "the provider was down"});
    let discarded = sluice.operate("POST", "/dead-letters/placed/discard", KEY, &word).await;
    assert_eq!(body_of(&discarded), json!({"discarded": true}));
}

async fn fulfil(sluice: &Sluice, id: &str) -> http::Response<bytes::Bytes> {
    sluice.operate_json("POST", &format!("/orders/{id}/fulfil"), KEY, &json!({})).await
}

/// A provider that gives money back, and answers each refund before the third one with a failure.
async fn refunds_late() -> PaymentProvider {
    PaymentProvider::behaving(|asked| match (asked.path.as_str(), asked.before) {
        ("/refunds", 0..3) => Manner::TakeAndFail(StatusCode::BAD_REQUEST),
        _ => Manner::Take,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_do_not_go_out_after_a_cancellation_was_tried_and_discarded_until_it_is_made_or_settled() {
    for ending in ["cancel", "settle"] {
        let provider = refunds_late().await;
        let sluice = charging(&provider).await;
        let id = stuck(&sluice).await;
        let letter = format!("{id}/cancel");
        discard(&sluice, &letter).await;
        assert_eq!(sluice.get(&id).await.get("pending"), None);
        let refused = fulfil(&sluice, &id).await;
        assert_eq!((refused.status(), &body_of(&refused)["type"]), (StatusCode::CONFLICT, &REFUND_UNKNOWN.into()));
        let payment = match ending {
            "settle" => {
                assert_eq!(settle(&sluice, &letter).await.status(), StatusCode::OK);
                json!({"charge_id": format!("ch_{id}"), "settled": true, "provider": provider.name()})
            }
            _ => {
                // Its refund fails once more, and this time nobody discards it.
                sluice.ask(&id, "cancel", &Value::Null).await;
                cancellation_is_dead(&sluice, &id).await;
                assert_eq!(body_of(&fulfil(&sluice, &id).await)["type"], "urn:sluice:problem:cancel-pending");
                sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [letter]})).await;
                json!({"charge_id": format!("ch_{id}"), "refund_id": format!("re_{id}"), "provider": provider.name()})
            }
        };
        let record = sluice.until(&id, "cancelled").await;
        assert_eq!((&record["payment"], provider.ledger().refunds.len()), (&payment, 1));
        assert_eq!(body_of(&fulfil(&sluice, &id).await)["state"], "cancelled");
    }
}

const REFUND_UNKNOWN: &str = "urn:sluice:problem:refund-unknown";

#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilment_that_was_accepted_before_is_not_made_when_a_refund_may_have_been() {
    let provider = refunds_late().await;
    let redis = std::sync::Arc::new(Redis::start().await);
    let variables = variables(&provider, &[]);
    let sluice = Sluice::on(redis.clone(), start_with(&borrowed(&variables))).await;
    let id = stuck(&sluice).await;
    // As an older intake does it, which knows no such refusal, or one that looked before the cancellation came.
    let connection = redis.connect().await;
    let namespace = queue::Namespace::new("{orders}").unwrap();
    let lease = std::time::Duration::from_secs(2);
    let timing = queue::Timing { lease, log_retention: std::time::Duration::from_secs(3600) };
    let placed = queue::Queue::new(&connection, &namespace, "placed", timing);
    let order: order::OrderId = id.parse().unwrap();
    let request = order::ChangeRequest::Fulfil { tracking: None, settled: None };
    let follow_up = queue::FollowUp {
        id: format!("{id}/fulfil").as_str().into(),
        subject: order.as_bytes().into(),
        payload: order::Change { id: order, request, trace: None }.encode().into(),
        recalls: false,
    };
    for discarded in [false, true] {
        if discarded {
            discard(&sluice, &format!("{id}/cancel")).await;
        }
        placed.follow(follow_up.clone()).await.unwrap();
        let letter = eventually("the fulfilment to be given up", async || {
            let letters = letters(&sluice).await["letters"].take();
            letters.as_array().unwrap().iter().find(|letter| letter["id"] == format!("{id}/fulfil")).cloned()
        })
        .await;
        assert!(letter["reason"].as_str().unwrap().contains("its money may be given back"), "{letter}");
        assert_eq!(sluice.get(&id).await["status"], "confirmed");
        discard(&sluice, &format!("{id}/fulfil")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_paid_for_is_fulfilled_after_its_cancellation_was_discarded() {
    // A cancellation that can't be read, as one of a newer release: no refund is asked for an order without a payment.
    let sluice = Sluice::with(&[("operator_key", KEY)]).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "confirmed").await;
    let connection = sluice.redis.connect().await;
    let namespace = queue::Namespace::new("{orders}").unwrap();
    let lease = std::time::Duration::from_secs(30);
    let timing = queue::Timing { lease, log_retention: lease };
    let placed = queue::Queue::new(&connection, &namespace, "placed", timing);
    let order: order::OrderId = id.parse().unwrap();
    let letter = format!("{id}/cancel");
    let (subject, payload) = (order.as_bytes().into(), "{}".into());
    placed.follow(queue::FollowUp { id: letter.as_str().into(), subject, payload, recalls: true }).await.unwrap();
    cancellation_is_dead(&sluice, &id).await;
    discard(&sluice, &letter).await;
    assert_eq!(fulfil(&sluice, &id).await.status(), StatusCode::ACCEPTED);
    sluice.until(&id, "fulfilled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_not_charged_anew_after_its_cancellation_was_tried_and_discarded() {
    let provider = PaymentProvider::behaving(|asked| match (asked.path.as_str(), asked.before) {
        ("/charges", 0) | ("/refunds", 1) => Manner::TakeAndFail(StatusCode::BAD_REQUEST),
        _ => Manner::Take,
    })
    .await;
    let sluice = charging(&provider).await;
    let id = sluice.place(&an_order()).await;
    sluice.until(&id, "needs_attention").await;
    sluice.ask(&id, "cancel", &Value::Null).await;
    cancellation_is_dead(&sluice, &id).await;
    discard(&sluice, &format!("{id}/cancel")).await;
    sluice.operate("POST", "/dead-letters/placed/redrive", KEY, &json!({"ids": [id]})).await;
    let letter = eventually("the order to be given up again", async || {
        let letter = letters(&sluice).await["letters"].get(0)?.clone();
        (letter["deliveries"] == 2).then_some(letter)
    })
    .await;
    assert!(letter["reason"].as_str().unwrap().contains("was discarded"), "{letter}");
    assert_eq!(provider.ledger().asked.len(), 2, "neither charged nor refunded again");
    sluice.ask(&id, "cancel", &Value::Null).await;
    let record = sluice.until(&id, "cancelled").await;
    assert_eq!(record["payment"]["refund_id"], format!("re_{id}"));
}
