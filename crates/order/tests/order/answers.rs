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
        json(&parse(&full()).answer(&id(), State::Queued)),
        json!({
            "id": id().to_string(), "status": "queued", "created_at": "2026-09-01T12:00:00.250Z", "reference": "A-1001",
            "currency": "EUR", "total": 2698
        })
    );
    assert_eq!(json(&parse(&least()).answer(&id(), State::Queued)).get("reference"), None);
}

#[test]
fn a_repeated_post_is_told_where_the_order_is_now() {
    let answer = json(&parse(&full()).answer(&id(), State::Decided(Status::Cancelled)));
    assert_eq!(answer["status"], "cancelled");
}

#[test]
fn an_order_that_waits_tells_its_age() {
    let at = |now: u64| json(&placed().waiting(Waiting::Queued { now: Timestamp::from_ms(now) }).into_bytes());
    assert_eq!(at(noon().ms() + 1500)["age_ms"], json!(1500));
    assert_eq!(at(noon().ms() + 1500)["status"], "queued");
    assert_eq!(at(noon().ms() - 1)["age_ms"], json!(0), "clocks differ");
}

/// Support must see what was bought, by whom, whether or not the order is decided.
#[test]
fn an_order_without_a_record_shows_all_that_its_record_would() {
    for waiting in [Waiting::Queued { now: noon() }, Waiting::NeedsAttention] {
        let answer = json(&placed().waiting(waiting).into_bytes());
        for field in ["reference", "customer", "currency", "lines", "shipping_address", "note", "metadata"] {
            assert_eq!(answer[field], full()[field], "{field}");
        }
        assert_eq!(answer["total"], 2698);
        assert_eq!(answer.get("version"), None);
    }
}

#[test]
fn an_order_that_was_given_up_tells_so_in_neutral_words() {
    let neutral = "it could not be processed, and an operator must look at it";
    let read = json(&placed().waiting(Waiting::NeedsAttention).into_bytes());
    for answer in [read, json(&OrderJson::unread(id(), Waiting::NeedsAttention).into_bytes())] {
        assert_eq!((&answer["status"], &answer["reason"]), (&"needs_attention".into(), &neutral.into()));
        assert_eq!((&answer["reason_code"], answer.get("age_ms")), (&"processing_failed".into(), None));
    }
    let discarded = json(&OrderJson::discarded(id(), None).into_bytes());
    assert_eq!((&discarded["status"], &discarded["reason"]), (&"discarded".into(), &"an operator gave it up".into()));
    assert_eq!(discarded["reason_code"], "discarded");
}

#[test]
fn an_order_that_waits_for_a_later_release_is_queued_and_nothing_else_is_said_of_it() {
    let waiting = json(&OrderJson::unread(id(), Waiting::Queued { now: noon() }).into_bytes());
    let created_at = id().accepted_at().to_string();
    assert_eq!(waiting, json!({"id": id().to_string(), "status": "queued", "created_at": created_at, "age_ms": 0}));
}

#[test]
fn an_order_is_shown_with_the_changes_that_wait() {
    let order = || OrderJson::of_record(parse(&least()).answer(&id(), State::Queued)).unwrap();
    let shown = |changes: &[Pending]| json(&order().with_pending(changes).into_bytes());
    assert_eq!(shown(&[]).get("pending"), None);
    let changes = [Pending::queued(ChangeKind::Fulfil), Pending::given_up(ChangeKind::Cancel)];
    assert_eq!(
        shown(&changes)["pending"],
        json!([
            {"change": "fulfil", "status": "queued"},
            {"change": "cancel", "status": "needs_attention",
             "reason": "it could not be processed, and an operator must look at it", "reason_code": "processing_failed"},
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
