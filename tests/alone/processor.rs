//! The processor by itself: in which order it writes, and what it makes of a message that it can't finish.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use host::calls::{Answer, KeyValueError, RedisResult, Refusal, Ruling};
use order::{Change, ChangeKind, ChangeRequest, CommandId, Placed, Record};
use queue::Message;
use serde_json::Value;

use super::double::{binary, redis_fails, replies, store_fails};
use super::sample::{id, message, order, placed, record};
use super::script::Script;
use super::*;

const MARKER: &str = "set orders/latest-change";

/// At the end of each wake it is asked for superseded records.
const LAST: &str = "claim placed.superseded";

/// The record's key of the nth order's first version.
fn key(n: u8) -> String {
    format!("order/{}/1.1", id(n))
}

pub(crate) fn holding(messages: impl IntoIterator<Item = Message>) -> Double {
    Double::new().holding("placed", messages).with("max_attempts", "5")
}

pub(crate) fn is_record_of(n: u8) -> impl Fn(&Effect) -> bool {
    move |effect| matches!(effect, Effect::StoreSet(at, _) if *at == key(n))
}

fn is_settle(effect: &Effect) -> bool {
    matches!(effect.verb(), Some(Verb::Settle { .. }))
}

#[tokio::test]
async fn an_order_is_written_then_finished_and_then_its_change_is_told() {
    let alone = holding([order(1)]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let record = format!("set {}", key(1));
    assert_eq!(
        words(&effects),
        ["open store", "open", "claim placed", "hold", &record, "settle placed", MARKER, "claim placed", LAST]
    );

    let Some(Effect::StoreSet(_, record)) = effects.iter().find(|effect| is_record_of(1)(effect)) else { panic!() };
    let read = Record::from_json(record).unwrap();
    assert_eq!((read.id(), read.version().get(), read.status()), (id(1), 1, order::Status::Confirmed));

    let [done] = settled(&effects, "placed").try_into().unwrap();
    assert_eq!((done.id.as_slice(), done.delivery, done.verdict.as_str()), (&id(1).as_bytes()[..], 1, "done"));
    assert_eq!((done.head.as_str(), done.counter.as_str()), ("1.1", "orders:confirmed"));
    let [change] = done.emits.try_into().unwrap();
    assert_eq!((change.queue.as_str(), change.id, change.log), ("changes", format!("{}.1", id(1)).into_bytes(), true));
    let event: Value = serde_json::from_slice(&change.payload).unwrap();
    let record: Value = serde_json::from_slice(record).unwrap();
    assert_eq!((&event["type"], &event["data"]), (&"sluice.order.confirmed".into(), &record));
}

#[tokio::test]
async fn a_batch_is_finished_by_one_command_after_all_its_records() {
    let alone = holding((0..64).map(order)).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let words = words(&alone.take_effects());
    let settle = words.iter().position(|word| word == "settle placed").unwrap();
    let records: Vec<_> = (0..64).map(|n| format!("set {}", key(n))).collect();
    assert!(records.iter().all(|record| words[..settle].contains(record)), "{words:?}");
    assert_eq!(words[settle..], ["settle placed", MARKER, "claim placed", LAST]);
}

#[tokio::test]
async fn an_order_whose_record_the_store_refuses_is_not_finished_and_its_neighbours_are() {
    let alone = holding([order(1), order(2), order(3)])
        .when(|effect| is_record_of(2)(effect).then(|| store_fails("out of order")))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let mut settled = settled(&effects, "placed");
    settled.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(settled.iter().map(|settled| settled.verdict.as_str()).collect::<Vec<_>>(), ["done", "retry", "done"]);
    let retried = &settled[1];
    assert_eq!((retried.class.as_str(), retried.head.as_str()), ("handler", ""));
    let removed: Vec<_> = retried.emits.iter().map(|emit| (emit.queue.as_str(), emit.payload.clone())).collect();
    assert_eq!(removed, [("placed.superseded", key(2).into_bytes())], "the store may have kept it all the same");
    assert!(retried.reason.starts_with("the store failed: ") && retried.reason.contains("out of order"));
    assert!((0..1000).contains(&retried.delay_ms), "backoff_base_ms is the longest first wait");
}

#[tokio::test]
async fn an_order_that_failed_as_often_as_it_may_is_buried_and_support_is_told() {
    let last = Message { delivery: 5, failures: 4, ..order(1) };
    let alone = holding([last])
        .when(|effect| {
            matches!(effect, Effect::StoreSet(key, _) if key.starts_with("order/")).then(|| store_fails("no"))
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let [buried] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    assert_eq!((buried.verdict.as_str(), buried.class.as_str(), buried.delivery), ("bury", "handler", 5));
    assert_told(&buried, "the store failed");
    assert_eq!(buried.emits[1..].len(), 5, "each delivery may have left a record");
}

#[tokio::test]
async fn support_is_told_the_trace_of_an_order_that_was_given_up() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let traced = Placed { trace: trace.parse().ok(), ..placed(1) };
    let alone = holding([Message { failures: 4, ..message(id(1).as_bytes(), traced.encode()) }])
        .when(|effect| is_record_of(1)(effect).then(|| store_fails("no")))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let [buried] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    let event: Value = serde_json::from_slice(&buried.emits[0].payload).unwrap();
    assert_eq!(event["traceparent"], trace);
}

/// The event by which support hears of a buried order.
#[track_caller]
fn assert_told(buried: &Settled, reason: &str) {
    assert_eq!((buried.counter.as_str(), buried.head.as_str()), ("orders:needs_attention", ""));
    let [event, removals @ ..] = buried.emits.as_slice() else { panic!("{buried:?}") };
    assert!(removals.iter().all(|removal| removal.queue == "placed.superseded"));
    assert_eq!((event.queue.as_str(), event.log), ("changes", true));
    let event: Value = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(event["type"], "sluice.order.needs_attention");
    assert_eq!(event["subject"], id(1).to_string());
    assert_eq!(event["data"]["reason"], buried.reason);
    assert!(buried.reason.contains(reason), "{}", buried.reason);
}

/// The one event that goes to a person must tell whose order it is.
#[tokio::test]
async fn support_is_told_whose_order_was_given_up_also_if_a_change_of_it_was() {
    let cancel = Change { id: id(1), request: ChangeRequest::Cancel { reason: None, settled: None }, trace: None };
    let name = CommandId { order: id(1), change: Some(ChangeKind::Cancel) };
    let placed = message(id(1).as_bytes(), order(1).payload.to_vec());
    let change = Message { head: Some("1.1".into()), ..message(&name.to_bytes(), cancel.encode()) };
    for letter in [placed, change] {
        let alone = holding([Message { failures: 4, ..letter }])
            .when(|effect| match effect {
                Effect::StoreGet(_) => Some(Ruling::Answer(Answer::Value(Some(record(1).to_json())))),
                _ => matches!(effect, Effect::StoreSet(key, _) if key.starts_with("order/")).then(|| store_fails("no")),
            })
            .around("processor")
            .await;
        assert_eq!(alone.wake().await, Ok(()));
        let [buried] = settled(&alone.take_effects(), "placed").try_into().unwrap();
        let event: Value = serde_json::from_slice(&buried.emits[0].payload).unwrap();
        let shown: Value = serde_json::from_slice(&record(1).to_json()).unwrap();
        for field in ["reference", "customer", "currency", "total", "lines"] {
            assert_eq!(event["data"][field], shown[field], "{field}");
        }
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_buried_with_its_reason_and_its_neighbours_are_done() {
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "not JSON"),
        (b"\xff\x00".to_vec(), "not JSON"),
        (b"{\"v\":1,\"type\":\"placed\"".to_vec(), "not JSON"),
        (b"{}".to_vec(), "/v is required"),
        (b"{\"v\":1,\"type\":\"placed\"}".to_vec(), "/id is required"),
        (vec![b' '; order::limits::STORED_BYTES + 1], "has more than"),
    ];
    for (payload, reason) in table {
        let broken = message(id(1).as_bytes(), payload);
        let alone = holding([order(0), broken, order(2)]).around("processor").await;
        assert_eq!(alone.wake().await, Ok(()));
        let effects = alone.take_effects();
        let mut settled = settled(&effects, "placed");
        settled.sort_by(|a, b| a.id.cmp(&b.id));
        let verdicts: Vec<_> = settled.iter().map(|settled| settled.verdict.as_str()).collect();
        assert_eq!(verdicts, ["done", "bury", "done"], "{reason}");
        assert_eq!(settled[1].class, "undecodable");
        assert_told(&settled[1], reason);
        assert!(words(&effects).contains(&MARKER.to_owned()), "support hears of it at once");
    }
}

#[tokio::test]
async fn a_message_with_an_id_that_is_no_orders_is_buried_all_the_same() {
    let alone = holding([message(b"not an order", b"{".to_vec())]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let [buried] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    assert_eq!((buried.verdict.as_str(), buried.class.as_str()), ("bury", "undecodable"));
    assert_eq!((buried.id.as_slice(), buried.emits.len()), (&b"not an order"[..], 0));
}

#[tokio::test]
async fn a_message_that_killed_its_workers_is_buried_unseen() {
    let exhausted = Message { delivery: 4, crashes: 3, exhausted: true, ..message(id(1).as_bytes(), Vec::new()) };
    let alone = holding([exhausted]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [buried] = settled(&effects, "placed").try_into().unwrap();
    assert_eq!((buried.verdict.as_str(), buried.class.as_str(), buried.delivery), ("bury", "crash", 4));
    assert_told(&buried, "its worker died 3 times");
    assert_eq!(
        words(&effects)[2..],
        ["claim placed", "settle placed", MARKER, "claim placed", LAST],
        "nothing was written"
    );
}

#[tokio::test]
async fn an_order_that_has_a_record_is_not_decided_again() {
    let again = Message { delivery: 7, head: Some("1.cancel.5".into()), ..order(1) };
    let alone = holding([again]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(!words(&effects).iter().any(|word| word == "hold" || word.starts_with("set order/")));
    let [done] = settled(&effects, "placed").try_into().unwrap();
    assert_eq!((done.verdict.as_str(), done.head.as_str(), done.emits.len()), ("done", "", 0));
    assert_eq!(done.counter, "orders:unchanged");
}

#[tokio::test]
async fn records_of_earlier_deliveries_are_removed_later() {
    let alone = holding([Message { delivery: 3, crashes: 2, ..order(1) }]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let [done] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    let removed: Vec<_> = done.emits[1..].iter().map(|emit| (emit.queue.as_str(), emit.after_ms)).collect();
    assert_eq!(removed, [("placed.superseded", 120_000); 2], "four leases later");
    let keys = [1, 2].map(|delivery| format!("order/{}/1.{delivery}", id(1)).into_bytes());
    assert_eq!(done.emits[1..].iter().map(|emit| &emit.payload).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());

    let message = message(&keys[0], keys[0].clone());
    let alone = Double::new().holding("placed.superseded", [message]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert!(words(&effects).contains(&format!("delete order/{}/1.1", id(1))), "{:?}", words(&effects));
    assert_eq!(settled(&effects, "placed.superseded")[0].verdict, "done");
}

#[tokio::test]
async fn an_order_whose_head_is_no_version_is_buried() {
    let alone = holding([Message { head: Some("latest".into()), ..order(1) }]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    let [buried] = settled(&alone.take_effects(), "placed").try_into().unwrap();
    assert_eq!((buried.verdict.as_str(), buried.class.as_str()), ("bury", "undecodable"));
    assert_told(&buried, "its head is no version");
}

#[tokio::test]
async fn a_change_marker_that_cannot_be_written_harms_nothing() {
    let alone = holding([order(1)])
        .when(|effect| effect.word().is_some_and(|word| word == MARKER).then(|| store_fails("out of order")))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    assert_eq!(settled(&effects, "placed")[0].verdict, "done");
    assert_eq!(words(&effects)[5..], ["settle placed", MARKER, "claim placed", LAST]);
    assert!(alone.printed().contains("The change marker could not be written: "), "{}", alone.printed());
}

#[tokio::test]
async fn a_wake_for_nothing_writes_nothing() {
    let alone = holding([]).around("processor").await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(words(&alone.take_effects()), ["open store", "open", "claim placed", LAST]);
}

#[tokio::test]
async fn work_beyond_the_time_budget_is_left_to_the_next_wake() {
    // There is always one more order.
    let alone = Double::new()
        .with("drain_budget_ms", "100")
        .when(|effect| match effect.verb() {
            Some(Verb::Claim { .. }) => Some(replies(script::claimed(&[order(1)]))),
            _ => None,
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let words = words(&alone.take_effects());
    assert_eq!(words.last().unwrap(), "ring placed");
    assert_eq!(words.iter().filter(|word| *word == "ring placed").count(), 1);
    let [claims, settles] =
        ["claim placed", "settle placed"].map(|wanted| words.iter().filter(|w| *w == wanted).count());
    assert!(claims >= 1 && claims == settles, "what was claimed was settled: {claims} and {settles}");
}

#[tokio::test]
async fn a_settlement_whose_answer_was_lost_is_sent_again() {
    let lost = AtomicBool::new(false);
    let alone = holding([order(1)])
        .when(move |effect| {
            if !is_settle(effect) {
                return None;
            }
            Some(match lost.swap(true, Ordering::Relaxed) {
                false => redis_fails("broken pipe"),
                // The first went through, so the second comes late.
                true => replies(vec![RedisResult::Int64(0)]),
            })
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let [first, second] = settled(&effects, "placed").try_into().unwrap();
    assert_eq!(first, second);
    assert_eq!(words(&effects)[5..], ["settle placed", "open", "settle placed", MARKER, "claim placed", LAST]);
}

#[tokio::test]
async fn a_delivery_that_lost_its_lease_tells_nobody() {
    let alone = holding([order(1)])
        .when(|effect| is_settle(effect).then(|| replies(vec![RedisResult::Int64(0)])))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    assert_eq!(words(&alone.take_effects())[5..], ["settle placed", "claim placed", LAST], "no change, no marker");
}

#[tokio::test]
async fn an_order_that_takes_long_has_its_lease_renewed_and_its_neighbours_need_not_wait() {
    let alone = holding([order(1), order(2)])
        .with("lease_ms", "60")
        .holding_back(is_record_of(2), |effect| matches!(effect.verb(), Some(Verb::Renew { .. })))
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    let settled = settled(&effects, "placed");
    assert_eq!(settled.iter().map(|s| s.id.as_slice()).collect::<Vec<_>>(), [id(1).as_bytes(), id(2).as_bytes()]);
    let renewed = effects.iter().filter_map(|effect| match effect.verb() {
        Some(Verb::Renew { ids, .. }) => Some(ids.as_slice()),
        _ => None,
    });
    assert!(renewed.clone().count() >= 1 && renewed.clone().all(|ids| *ids == [id(2).as_bytes().to_vec()]));
    let words = words(&effects);
    let first = |wanted: &str| words.iter().position(|word| word == wanted).unwrap();
    assert!(first("settle placed") < first("renew placed"), "{words:?}");
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_in_full() {
    let alone = holding([order(1)])
        .when(|effect| match effect {
            Effect::Script(Script { in_full: false, .. }) => Some(redis_fails("No matching script.")),
            _ => None,
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let effects = alone.take_effects();
    // Once by digest, once in full.
    assert_eq!(settled(&effects, "placed").len(), 2);
    assert_eq!(words(&effects).iter().filter(|word| *word == "open").count(), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_leaves_the_orders_where_they_are() {
    let alone = holding([order(1)])
        .when(|effect| {
            let refusal = || Ruling::Refuse(Refusal::KeyValue(KeyValueError::NoSuchStore));
            matches!(effect, Effect::StoreOpen).then(refusal)
        })
        .around("processor")
        .await;
    let error = alone.wake().await.unwrap_err();
    assert!(error.starts_with("the key-value store `default` can't be opened"), "{error}");
    assert_eq!(words(&alone.take_effects()), ["open store"]);
}

#[tokio::test]
async fn a_redis_that_is_in_trouble_is_waited_for_and_the_log_says_why() {
    type Fail = fn(&Effect) -> Option<Ruling>;
    let table: [(Fail, &str); 3] = [
        (
            |effect| matches!(effect, Effect::RedisOpen).then(|| redis_fails("refused")),
            "Redis can't be reached: refused",
        ),
        (|effect| effect.verb().map(|_| redis_fails("LOADING: not yet")), "Redis failed: LOADING: not yet"),
        (
            |effect| is_settle(effect).then(|| redis_fails("OOM: full, on @user_script:9. maxmemory")),
            "Redis failed: OOM",
        ),
    ];
    for (failure, told) in table {
        // For three leases and more.
        let left = AtomicUsize::new(30);
        let failing = move |effect: &Effect| {
            let ruling = failure(effect)?;
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok().map(|_| ruling)
        };
        let alone = holding([order(1)]).with("lease_ms", "100").when(failing).around("processor").await;
        assert_eq!(alone.wake().await, Ok(()), "{told}");
        let printed = alone.printed();
        assert_eq!(printed.matches("The queue `placed` stands still: ").count(), 1, "{printed}");
        assert!(printed.contains(told), "{printed}");
        let effects = alone.take_effects();
        assert!(settled(&effects, "placed").iter().all(|settled| settled.verdict == "done"));
        assert!(effects.iter().any(is_record_of(1)));
    }
}

#[tokio::test]
async fn a_reply_that_no_release_gives_ends_the_wake_and_says_so() {
    type Fail = fn(&Effect) -> Option<Ruling>;
    let table: [Fail; 2] = [
        |effect| effect.verb().map(|_| replies(vec![RedisResult::Nil])),
        |effect| effect.verb().map(|_| replies(vec![binary("id"), RedisResult::Int64(1)])),
    ];
    for failure in table {
        let alone = holding([order(1)]).when(failure).around("processor").await;
        let error = alone.wake().await.unwrap_err();
        assert!(error.starts_with("the queue `placed` can't be worked off: unexpected reply to claim"), "{error}");
        assert!(!words(&alone.take_effects()).iter().any(|word| word.starts_with("set ")), "nothing was written");
    }
}

#[tokio::test]
async fn a_store_that_fails_spends_no_attempt_and_asks_for_no_second_charge() {
    let left = AtomicUsize::new(3);
    let alone = holding([order(1)])
        .when(move |effect| {
            let fails = matches!(effect, Effect::StoreSet(..))
                && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            fails.then(|| store_fails("OOM"))
        })
        .around("processor")
        .await;
    assert_eq!(alone.wake().await, Ok(()));
    let record = format!("set {}", key(1));
    let expected = [&record, MARKER, &record, MARKER, &record, "settle placed", MARKER, LAST];
    let mut words = words(&alone.take_effects());
    // Meanwhile it looks for more.
    words.retain(|word| word != "claim placed");
    assert_eq!(words[3..], expected);
    assert!(alone.printed().contains("The orders in work wait: the store failed: "), "{}", alone.printed());
}

#[tokio::test]
async fn a_settlement_that_is_refused_for_what_it_is_about_is_given_up_before_the_lease_ends() {
    let tries = AtomicUsize::new(0);
    let alone = holding([order(1)])
        .with("lease_ms", "600")
        .when(move |effect| {
            is_settle(effect)
                .then(|| redis_fails(&format!("try {} on @user_script:9.", tries.fetch_add(1, Ordering::Relaxed))))
        })
        .around("processor")
        .await;
    let error = alone.wake().await.unwrap_err();
    assert!(error.contains("Redis failed: try "), "{error}");
    let effects = alone.take_effects();
    // Every 100 ms for half of the lease.
    assert!((2..=4).contains(&settled(&effects, "placed").len()), "{:?}", words(&effects));
    assert!(!words(&effects).contains(&MARKER.to_owned()));
}
