//! What a shop is told before there is a record.

use crate::sample::{full, id, least, noon, parse, placed};
use order::{ChangeKind, OrderJson, Pending, State, Status, Timestamp, Waiting, change_answer};
use serde_json::{Value, json};

fn json(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap()
}

#[test]
fn the_answer_to_a_post_tells_id_status_and_total() {
    assert_eq!(
        json(&parse(&full()).answer(&id())),
        json!({
            "id": id().to_string(), "status": "queued", "created_at": "2026-09-01T12:00:00.250Z", "reference": "A-1001",
            "currency": "EUR", "total": 2698
        })
    );
    assert_eq!(json(&parse(&least()).answer(&id())).get("reference"), None);
}

#[test]
fn a_repeated_post_is_answered_with_the_same_bytes() {
    let again: Value = serde_json::from_str(&format!(" {} ", full())).unwrap();
    assert_eq!(parse(&full()).answer(&id()), parse(&again).answer(&id()));
}

#[test]
fn an_order_that_waits_tells_its_age() {
    let at = |now: u64| json(&placed().waiting(Waiting::Queued { now: Timestamp::from_ms(now) }).into_bytes());
    let mut expected = json(&parse(&full()).answer(&id()));
    expected["age_ms"] = json!(1500);
    assert_eq!(at(noon().ms() + 1500), expected);
    assert_eq!(at(noon().ms() - 1)["age_ms"], json!(0), "clocks differ");
}

#[test]
fn an_order_that_was_given_up_tells_why() {
    let answer = json(&placed().waiting(Waiting::NeedsAttention { reason: "it crashed \"3\" times" }).into_bytes());
    assert_eq!(answer["status"], "needs_attention");
    assert_eq!(answer["reason"], "it crashed \"3\" times");
    assert_eq!(answer["total"], 2698);
    assert_eq!(answer.get("age_ms"), None);
}

#[test]
fn an_order_is_shown_with_the_changes_that_wait() {
    let order = || OrderJson::of_record(parse(&least()).answer(&id())).unwrap();
    let shown = |changes: &[Pending<'_>]| json(&order().with_pending(changes).into_bytes());
    assert_eq!(shown(&[]).get("pending"), None);
    let changes = [Pending::queued(ChangeKind::Fulfil), Pending::given_up(ChangeKind::Cancel, "no \"answer\"")];
    assert_eq!(
        shown(&changes)["pending"],
        json!([
            {"change": "fulfil", "status": "queued"},
            {"change": "cancel", "status": "needs_attention", "reason": "no \"answer\""},
        ])
    );
    assert_eq!(shown(&changes)["total"], 749);
}

#[test]
fn the_answer_to_a_change_tells_where_the_order_stands_until_then() {
    assert_eq!(
        json(&change_answer(id(), State::Decided(Status::Confirmed), ChangeKind::Cancel)),
        json!({"id": id().to_string(), "status": "confirmed", "pending": [{"change": "cancel", "status": "queued"}]})
    );
}
