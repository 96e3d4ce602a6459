//! The notifier by itself: what it sends, and what it makes of the answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use host::calls::{Answer, HttpError, RedisResult, Refusal, Ruling};
use http::{HeaderMap, StatusCode};
use order::event;
use queue::Message;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::double::{answers, binary, redis_fails, replies};
use super::sample::{SECRET, URL, attention, change, endpoint, message, record};
use super::*;

/// A notifier with the endpoint `erp` around which the rest of the test builds.
fn telling_erp() -> Double {
    telling(&[endpoint("erp", URL)])
}

fn telling(endpoints: &[Value]) -> Double {
    Double::new().with("webhooks", &Value::from(endpoints).to_string())
}

fn requests(effects: &[Effect]) -> Vec<Request<Bytes>> {
    let requests = effects.iter().filter_map(|effect| match effect {
        Effect::Http(request) => Some(request.clone()),
        _ => None,
    });
    requests.collect()
}

/// What becomes of a message of erp's lane whose request is decided so.
async fn judged(message: Message, verdict: impl Fn() -> Ruling + Send + Sync + 'static) -> Settled {
    let double = telling_erp().with("webhook_timeout_ms", "1000").holding("changes.erp", [message]);
    let decide = move |effect: &Effect| matches!(effect, Effect::Http(_)).then(&verdict);
    let alone = double.when(decide).around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert_eq!(requests(&effects).len(), 1, "one attempt is one request");
    let [settled] = settled(&effects, "changes.erp").try_into().unwrap();
    settled
}

fn answers_with(status: u16, headers: &[(&'static str, &'static str)]) -> Ruling {
    let mut response = Response::new(Bytes::from_static(b"a long explanation"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().extend(
        headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))),
    );
    Ruling::Answer(Answer::Http(response))
}

#[tokio::test]
async fn a_change_is_sent_as_it_is_and_signed() {
    let alone = telling_erp().holding("changes", [change(1)]).around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [request] = requests(&effects).try_into().unwrap();
    let change = change(1);

    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", URL));
    assert_eq!(change.payload, request.body(), "every byte as the processor wrote it");
    let headers = request.headers();
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ];
    assert_eq!(names, expected);
    assert_eq!(headers["content-type"], "application/cloudevents+json");
    assert_eq!(headers["content-length"], change.payload.len().to_string());
    assert!(headers["user-agent"].to_str().unwrap().starts_with("Sluice/"));
    assert_eq!(change.id, headers["webhook-id"].as_bytes());
    Webhook::new(SECRET).unwrap().verify(request.body(), headers).unwrap();
    Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap().verify(request.body(), headers).unwrap_err();

    let [fanned_out] = settled(&effects, "changes").try_into().unwrap();
    assert_eq!((fanned_out.verdict.as_str(), fanned_out.topic.as_str()), ("done", "sluice.order.confirmed"));
    let [delivered] = settled(&effects, "changes.erp").try_into().unwrap();
    assert_eq!((delivered.verdict.as_str(), delivered.counter.as_str()), ("done", "webhooks:delivered"));
}

#[tokio::test]
async fn each_attempt_has_the_same_id_and_its_own_time() {
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let second = Message { delivery: 2, failures: 1, ..change(1) };
    let alone = telling_erp().holding("changes.erp", [change(1), second]).around("notifier").await;
    let before = seconds();
    assert_eq!(alone.wake().await, Ok(()));
    let requests = requests(&alone.take_effects());
    let header = |request: &Request<Bytes>, name: &str| request.headers()[name].to_str().unwrap().to_owned();
    let ids: Vec<_> = requests.iter().map(|request| header(request, "webhook-id")).collect();
    assert_eq!(ids, [event::id(&record(1).id(), record(1).version()), ids[0].clone()]);
    for request in &requests {
        let sent: u64 = header(request, "webhook-timestamp").parse().unwrap();
        assert!((before..=seconds()).contains(&sent), "{sent}");
    }
}

#[tokio::test]
async fn an_answer_of_200_to_299_is_done() {
    for status in [200, 201, 202, 204, 226, 299] {
        let settled = judged(change(1), move || answers_with(status, &[])).await;
        assert_eq!((settled.verdict.as_str(), settled.counter.as_str()), ("done", "webhooks:delivered"), "{status}");
    }
}

#[tokio::test]
async fn any_other_answer_is_retried_with_its_status_as_the_reason() {
    for status in
        [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 413, 422, 429, 451, 500, 502, 503, 504, 599]
    {
        let elsewhere = [("location", "https://erp.test/moved")];
        let settled = judged(change(1), move || answers_with(status, &elsewhere)).await;
        assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("retry", "handler"), "{status}");
        assert!(settled.reason.starts_with(&format!("the endpoint answered {status}")), "{}", settled.reason);
        // webhook_schedule_ms begins with 5 s, give or take a tenth.
        assert!((4500..=5500).contains(&settled.delay_ms), "{status}: {} ms", settled.delay_ms);
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_tried_again_with_the_reason() {
    type Error = fn() -> HttpError;
    let table: [(Error, &str); 6] = [
        (|| HttpError::ConnectionRefused, "it refused the connection"),
        (|| HttpError::ConnectionTerminated, "it closed the connection without an answer"),
        (|| HttpError::ConnectionTimeout, "the connection timed out"),
        (|| HttpError::DestinationNotFound, "its name was not found"),
        (|| HttpError::TlsCertificateError, "its certificate is not valid"),
        (|| HttpError::HttpProtocolError, "it doesn't speak HTTP as it should (HttpProtocolError)"),
    ];
    for (error, told) in table {
        let settled = judged(change(1), move || Ruling::Refuse(Refusal::Http(error()))).await;
        assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("retry", "handler"), "{told}");
        assert_eq!(settled.reason, format!("the endpoint can't be reached: {told}"));
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_in_time_is_tried_again() {
    let settled = judged(change(1), || Ruling::Delay(std::time::Duration::from_secs(3600))).await;
    assert_eq!(settled.verdict, "retry");
    assert_eq!(settled.reason, "the endpoint did not answer within 1000 ms");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_no_more() {
    let settled = judged(change(1), || answers_with(410, &[])).await;
    assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("bury", "permanent"));
    assert_eq!(settled.counter, "webhooks:buried");
    assert!(settled.reason.starts_with("the endpoint answered 410"), "{}", settled.reason);
}

#[tokio::test]
async fn a_change_that_was_sent_as_often_as_planned_is_buried() {
    let last = Message { delivery: 10, failures: 9, ..change(1) };
    let settled = judged(last, || answers_with(500, &[])).await;
    assert_eq!((settled.verdict.as_str(), settled.class.as_str()), ("bury", "handler"));
    assert_eq!((settled.counter.as_str(), settled.delivery), ("webhooks:buried", 10));
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let plan = 4500..=5500;
    let exactly = |ms: i64| ms..=ms;
    for (status, retry_after, expected) in [
        (429, "7200", exactly(7_200_000)),
        (503, "60", exactly(60_000)),
        (503, " 60 ", exactly(60_000)),
        // A day is the most, whatever is asked for.
        (429, "86400", exactly(86_400_000)),
        (429, "31536000", exactly(86_400_000)),
        (503, "18446744073709551615", exactly(86_400_000)),
        // No less than planned.
        (503, "1", plan.clone()),
        (503, "0", plan.clone()),
        (429, "18446744073709551616", exactly(86_400_000)),
        // A date: here one that is far away, and one that is over.
        (503, "Wed, 21 Oct 2099 07:28:00 GMT", exactly(86_400_000)),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", plan.clone()),
        // Neither a number of seconds nor a date.
        (429, "-60", plan.clone()),
        (429, "soon", plan.clone()),
        // Whatever is tried again, is tried again no sooner.
        (500, "7200", exactly(7_200_000)),
        (301, "7200", exactly(7_200_000)),
        (404, "7200", exactly(7_200_000)),
    ] {
        let settled = judged(change(1), move || answers_with(status, &[("retry-after", retry_after)])).await;
        assert!(expected.contains(&settled.delay_ms), "{status} {retry_after:?}: {} ms", settled.delay_ms);
    }
}

#[tokio::test]
async fn a_date_to_come_back_at_is_compared_with_the_endpoints_own_clock() {
    let headers = [("date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("retry-after", "Wed, 21 Oct 2015 07:29:00 GMT")];
    let settled = judged(change(1), move || answers_with(502, &headers)).await;
    assert_eq!(settled.delay_ms, 60_000);
}

#[tokio::test]
async fn two_secrets_at_once_sign_each_event_so_that_the_receiver_may_know_either() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let rotating = json!({"name": "erp", "url": URL, "secrets": [other, format!("v1,{SECRET}\n")]});
    let alone = telling(&[rotating]).holding("changes", [change(1)]).around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    let [request] = requests(&alone.take_effects()).try_into().unwrap();
    let signatures = request.headers()["webhook-signature"].to_str().unwrap();
    assert_eq!(signatures.split(' ').filter(|signature| signature.starts_with("v1,")).count(), 2, "{signatures}");
    for secret in [other, SECRET] {
        Webhook::new(secret).unwrap().verify(request.body(), request.headers()).unwrap();
    }
}

#[tokio::test]
async fn each_endpoint_gets_the_events_that_it_wants() {
    let wanting = |name: &str, events: Value| json!({"name": name, "url": URL, "secret": SECRET, "events": events});
    let alone = telling(&[
        endpoint("all", URL),
        wanting("confirmed", json!(["sluice.order.confirmed"])),
        wanting("attention", json!(["sluice.order.needs_attention"])),
        wanting("both", json!(["sluice.order.needs_attention", "sluice.order.confirmed"])),
        wanting("none", json!([])),
    ])
    .holding("changes", [change(1), attention(2)])
    .around("notifier")
    .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    for (name, ids) in [
        ("all", vec![change(1).id, attention(2).id]),
        ("confirmed", vec![change(1).id]),
        ("attention", vec![attention(2).id]),
        ("both", vec![change(1).id, attention(2).id]),
        ("none", vec![]),
    ] {
        let mut delivered: Vec<_> =
            settled(&effects, &format!("changes.{name}")).into_iter().map(|settled| settled.id).collect();
        delivered.sort();
        assert_eq!(delivered, ids.iter().map(|id| id.to_vec()).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn a_change_that_nobody_wants_is_done() {
    let alone = Double::new().holding("changes", [change(1)]).around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [done] = settled(&effects, "changes").try_into().unwrap();
    assert_eq!((done.verdict.as_str(), done.topic.as_str()), ("done", "sluice.order.confirmed"));
    assert!(requests(&effects).is_empty());
}

#[tokio::test]
async fn a_change_that_cannot_be_read_is_buried_and_its_neighbours_are_told() {
    for payload in [&b""[..], b"{", b"{}", b"\xff", br#"{"id":1,"type":"x"}"#, br#"{"id":"x"}"#] {
        for queue in ["changes", "changes.erp"] {
            let broken = message(b"broken", payload.to_vec());
            let alone = telling_erp().holding(queue, [change(1), broken, change(2)]).around("notifier").await;
            assert_eq!(alone.wake().await, Ok(()));
            let effects = alone.take_effects();
            let verdicts = settled(&effects, queue);
            let of = |id: &[u8]| verdicts.iter().find(|settled| settled.id == id).unwrap();
            let buried = of(b"broken");
            assert_eq!((buried.verdict.as_str(), buried.class.as_str()), ("bury", "undecodable"));
            assert!(buried.reason.starts_with("not an event: "), "{}", buried.reason);
            assert_eq!((of(&change(1).id).verdict.as_str(), of(&change(2).id).verdict.as_str()), ("done", "done"));
            assert_eq!(requests(&effects).len(), 2);
        }
    }
}

#[tokio::test]
async fn what_waits_for_an_endpoint_that_this_instance_does_not_know_is_left_to_others() {
    let alone = telling_erp()
        .holding("changes", [change(1)])
        .holding("changes.other", [change(2)])
        .when(|effect| match effect.verb() {
            Some(Verb::Subscribe { .. }) => {
                let rows = ["changes.erp", "changes.other"].map(|lane| [binary(lane), RedisResult::Int64(0)]);
                Some(replies(rows.concat()))
            }
            _ => None,
        })
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let words = words(&effects);
    assert!(words.iter().all(|word| !word.ends_with("changes.other")), "{words:?}");
    let copied = words.iter().position(|word| word == "settle changes").unwrap();
    assert_eq!(words[copied + 1], "ring changes", "somebody who knows it is woken: {words:?}");
}

#[tokio::test]
async fn an_endpoint_that_missed_something_is_given_it_before_the_wake_ends() {
    let behind = AtomicUsize::new(3);
    let alone = telling_erp()
        .when(move |effect| match effect.verb() {
            Some(Verb::Subscribe { .. }) => {
                let left = behind.load(Ordering::Relaxed);
                Some(replies(vec![binary("changes.erp"), RedisResult::Int64(i64::from(left > 0))]))
            }
            Some(Verb::CatchUp { .. }) => {
                behind.fetch_sub(1, Ordering::Relaxed);
                None
            }
            _ => None,
        })
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let words = words(&alone.take_effects());
    assert_eq!(words.iter().filter(|word| *word == "catch up changes.erp").count(), 3, "{words:?}");
    assert!(!words.contains(&"ring changes".to_owned()), "{words:?}");
}

#[tokio::test]
async fn what_may_not_be_sent_spends_no_attempt_and_names_the_variable() {
    // The default of webhook_origin is https on any host, at its usual port.
    for url in ["http://erp.test/hooks", "https://erp.test:8443/hooks", "http://127.0.0.1:9000/"] {
        let last = Message { delivery: 10, failures: 9, ..change(1) };
        let alone = telling(&[endpoint("erp", url)]).holding("changes.erp", [last]).around("notifier").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        let [given_back] = settled(&effects, "changes.erp").try_into().unwrap();
        assert_eq!(given_back.verdict, "release", "{url}");
        assert!(given_back.reason.contains("webhook_origin"), "{}", given_back.reason);
        assert!(alone.printed().contains("set the variable webhook_origin"), "{}", alone.printed());
        assert!(requests(&effects).is_empty(), "nothing was sent to {url}");
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_leaves_the_others_alone() {
    let alone = telling(&[endpoint("bad", "https://bad.test/"), endpoint("good", "https://good.test/")])
        .holding("changes", (0..20).map(change))
        .when(|effect| match effect {
            Effect::Http(request) if request.uri().host() == Some("bad.test") => {
                Some(answers(StatusCode::INTERNAL_SERVER_ERROR))
            }
            _ => None,
        })
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    for (lane, verdict) in [("changes.bad", "retry"), ("changes.good", "done")] {
        let settled = settled(&effects, lane);
        assert_eq!(settled.len(), 20);
        assert!(settled.iter().all(|settled| settled.verdict == verdict), "{lane}");
    }
}

#[tokio::test]
async fn a_lane_is_worked_off_sixteen_requests_at_a_time() {
    let alone = telling_erp().holding("changes.erp", (0..40).map(change)).around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    let words = words(&alone.take_effects());
    let batches = words.split(|word| word == "settle changes.erp");
    let sent: Vec<_> = batches.map(|batch| batch.iter().filter(|word| word.starts_with("POST ")).count()).collect();
    assert_eq!(sent, [16, 16, 8, 0]);
}

#[tokio::test]
async fn work_beyond_the_time_budget_is_left_to_the_next_wake() {
    let alone = telling_erp()
        .with("drain_budget_ms", "100")
        .when(|effect| match effect.verb() {
            Some(Verb::Claim { queue, .. }) if queue == "changes.erp" => Some(replies(script::claimed(&[change(1)]))),
            _ => None,
        })
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let words = words(&alone.take_effects());
    assert_eq!(words.last().unwrap(), "ring changes");
    assert_eq!(words.iter().filter(|word| word.starts_with("ring")).count(), 1);
}

#[tokio::test]
async fn a_wake_ends_though_a_slow_endpoint_and_a_quick_one_always_have_more() {
    let alone = telling(&[endpoint("slow", "https://slow.test/"), endpoint("quick", "https://quick.test/")])
        .with("drain_budget_ms", "100")
        .with("webhook_timeout_ms", "600")
        .when(|effect| match (effect, effect.verb()) {
            (Effect::Http(request), _) if request.uri().host() == Some("slow.test") => {
                Some(Ruling::Delay(std::time::Duration::from_secs(3600)))
            }
            (_, Some(Verb::Claim { queue, .. })) if queue != "changes" => Some(replies(script::claimed(&[change(1)]))),
            _ => None,
        })
        .around("notifier")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let slow = settled(&effects, "changes.slow").len();
    assert!(slow < 16, "it claims no more when the time is up: {slow}");
    assert_eq!(words(&effects).last().unwrap(), "ring changes");
}

#[tokio::test]
async fn a_wake_for_nothing_sends_nothing() {
    let alone = telling_erp().around("notifier").await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(words(&alone.take_effects()), ["open", "subscribe changes", "claim changes.erp", "claim changes"]);
}

#[tokio::test]
async fn a_redis_that_is_in_trouble_is_waited_for_and_the_log_says_why() {
    type Fail = fn(&Effect) -> Option<Ruling>;
    let table: [(Fail, &str); 2] = [
        (
            |effect| matches!(effect, Effect::RedisOpen).then(|| redis_fails("refused")),
            "Redis can't be reached: refused",
        ),
        (|effect| effect.verb().map(|_| redis_fails("LOADING: not yet")), "Redis failed: LOADING: not yet"),
    ];
    for (failure, told) in table {
        let left = AtomicUsize::new(30);
        let failing = move |effect: &Effect| {
            let ruling = failure(effect)?;
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok().map(|_| ruling)
        };
        let double = telling_erp().with("lease_ms", "100").holding("changes.erp", [change(1)]);
        let alone = double.when(failing).around("notifier").await;
        assert_eq!(alone.wake().await, Ok(()), "{told}");
        assert!(alone.printed().contains(told), "{}", alone.printed());
        assert_eq!(requests(&alone.take_effects()).len(), 1);
    }
}

#[tokio::test]
async fn a_reply_that_no_release_gives_ends_the_wake_and_says_so() {
    let alone = telling_erp().when(|effect| effect.verb().map(|_| replies(vec![RedisResult::Nil])));
    let error = alone.around("notifier").await.wake().await.unwrap_err();
    assert!(error.starts_with("the queue `changes` can't be worked off: unexpected reply to subscribe"), "{error}");
}

#[tokio::test]
async fn a_header_of_the_answer_that_is_no_text_harms_nothing() {
    let settled = judged(change(1), || {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", http::HeaderValue::from_bytes(b"\xff60").unwrap());
        *response.headers_mut() = headers;
        Ruling::Answer(Answer::Http(response))
    })
    .await;
    assert_eq!(settled.verdict, "retry");
}
