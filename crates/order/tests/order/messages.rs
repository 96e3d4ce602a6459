//! What goes into the queue comes out of it, in this release and in the next.

use crate::sample::{id, parse, placed, priced};
use order::{
    Change, ChangeKind, ChangeRequest, Command, CommandId, DecodeError, Placed, Reason, SETTLED_MARK, SettledByHand,
    limits, settled_change,
};

/// A message as version 1 writes it. Never change it: such messages may lie in a queue.
const V1: &str = include_str!("fixtures/placed.v1.json");
/// The same with all that makes an order worth more or less than its lines.
const PRICED_V1: &str = include_str!("fixtures/priced.v1.json");
const CANCEL_V1: &str = include_str!("fixtures/cancel.v1.json");
const FULFIL_V1: &str = include_str!("fixtures/fulfil.v1.json");

#[test]
fn version_1_is_written_and_read() {
    let priced = Placed { order: parse(&priced()), ..placed() };
    for (message, placed) in [(V1, placed()), (PRICED_V1, priced)] {
        assert_eq!(String::from_utf8(placed.encode()).unwrap(), message.trim_end());
        assert_eq!(Command::decode(message.as_bytes()), Ok(Command::Decide(placed.into())));
    }
}

#[test]
fn a_message_keeps_the_trace_of_its_request() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let traced = Placed { trace: Some(trace), ..placed() };
    assert_eq!(Command::decode(&traced.encode()), Ok(Command::Decide(traced.into())));
}

#[test]
fn parts_that_were_serialised_before_make_the_same_message() {
    assert_eq!(Placed::encode_parts(&id(), None, &placed().order.canonical_json(), None), placed().encode());
}

#[test]
fn the_time_of_acceptance_is_the_one_in_the_id() {
    assert_eq!(placed().accepted_at(), id().accepted_at());
}

#[track_caller]
fn check(message: &str, expected: &str) {
    assert_eq!(Command::decode(message.as_bytes()).unwrap_err().to_string(), expected);
}

#[test]
fn what_cannot_be_read_is_told_with_its_reason() {
    check("", "the message is not JSON: the body is empty (line 1, column 0)");
    check("[]", "the message has faults: the whole must be an object, not an array");
    check("{}", "the message has faults: /v is required");
    check(r#"{"v": "1"}"#, "the message has faults: /v must be an integer, not a string");
    check(r#"{"v": 0}"#, "the message has faults: /v must be from 1 to 9007199254740991");
    check(r#"{"v": 2, "kind": "x"}"#, "the message has version 2; this build reads version 1, so a newer one wrote it");
    check(r#"{"v": 1}"#, "the message has faults: /type is required; /id is required; /order is required");
    check(&V1.replace(r#""v":1"#, r#""v":1,"v":2"#), "the message has faults: /v is there more than once");
    check(
        &V1.replace(&id().to_string(), "4711"),
        "the message has faults: /id must be an order id: a UUIDv7 in small letters with hyphens",
    );
    check(
        &V1.replace(r#""quantity":2"#, r#""quantity":0"#),
        "the message has faults: /order/lines/0/quantity must be from 1 to 1000",
    );
    check(&" ".repeat(limits::STORED_BYTES + 1), "the message has more than 327680 bytes");
}

#[test]
fn a_message_of_a_later_release_is_told_apart_from_a_damaged_one() {
    let newer = V1.replace(r#""v":1"#, r#""v":2"#);
    assert_eq!(Command::decode(newer.as_bytes()), Err(DecodeError::UnknownVersion { version: 2 }));
    let is_later = |message: &str| Command::decode(message.as_bytes()).unwrap_err().is_later();
    for later in [
        newer,
        V1.replace(r#""v":1"#, r#""v":1,"w":1"#),
        V1.replace(r#""quantity":2"#, r#""quantity":2,"gift":true"#),
        V1.replace(r#""EUR""#, r#""XYZ""#),
        V1.replace(r#""DE""#, r#""XX""#),
        CANCEL_V1.replace(r#""cancel""#, r#""return""#),
        // A later release may need less.
        r#"{"v": 1, "type": "return", "order": 7}"#.to_owned(),
    ] {
        assert!(is_later(&later), "{later}");
    }
    for damaged in [
        "",
        "[]",
        "{}",
        r#"{"v": "1"}"#,
        r#"{"v": 0}"#,
        r#"{"w": 1}"#,
        r#"{"v": 1}"#,
        &V1.replace(r#""v":1"#, r#""v":1,"v":2"#),
        &V1.replace(r#""quantity":2"#, r#""quantity":0"#),
        &V1.replace(r#""quantity":2"#, r#""quantity":{}"#),
        &V1[1..],
    ] {
        assert!(!is_later(damaged), "{damaged}");
    }
    check(
        &V1.replace(r#""v":1"#, r#""v":1,"w":1"#),
        "the message has what this build can't read yet, so a newer one wrote it: /w is not a known field",
    );
}

#[test]
fn reasons_show_no_customer() {
    let message =
        V1.replace(r#""name":"Ann Müller""#, r#""name":"\u0007Zoe""#).replace("ann@example.com", "zoe@private");
    let reason = Command::decode(message.as_bytes()).unwrap_err().to_string();
    assert!(reason.contains("/order/customer/email") && reason.contains("/order/customer/name"), "{reason}");
    assert!(!reason.contains("Zoe") && !reason.contains("zoe"), "{reason}");
}

#[test]
fn a_change_is_written_and_read() {
    let cancel = ChangeRequest::Cancel { reason: Some("ordered twice".parse().unwrap()), settled: None };
    let fulfil = ChangeRequest::Fulfil { tracking: Some("JD014600003SE".parse().unwrap()), settled: None };
    for (message, request) in [(CANCEL_V1, cancel), (FULFIL_V1, fulfil)] {
        let change = Change { id: id(), request, trace: None };
        assert_eq!(String::from_utf8(change.encode()).unwrap(), message.trim_end());
        assert_eq!(Command::decode(message.as_bytes()), Ok(Command::Change(change)));
    }
    let bare = Change { id: id(), request: ChangeRequest::Cancel { reason: None, settled: None }, trace: None };
    assert_eq!(Command::decode(&bare.encode()), Ok(Command::Change(bare)));
}

#[test]
fn an_order_has_one_message_of_each_kind() {
    let of = |change| CommandId { order: id(), change: Some(change) }.to_bytes();
    assert_eq!(of(ChangeKind::Cancel), format!("{}/cancel", id()).into_bytes());
    assert_ne!(of(ChangeKind::Cancel), of(ChangeKind::Fulfil));
}

#[test]
fn a_body_that_asks_for_a_change_is_read_whole_or_refused() {
    assert_eq!(
        ChangeRequest::parse(ChangeKind::Cancel, b""),
        Ok(ChangeRequest::Cancel { reason: None, settled: None })
    );
    assert_eq!(
        ChangeRequest::parse(ChangeKind::Cancel, b"{}"),
        Ok(ChangeRequest::Cancel { reason: None, settled: None })
    );
    let tracking = "JD014600003SE".parse().ok();
    assert_eq!(
        ChangeRequest::parse(ChangeKind::Fulfil, br#"{"tracking": "JD014600003SE"}"#),
        Ok(ChangeRequest::Fulfil { tracking, settled: None })
    );
    for (fault, body) in [
        ("the order has faults: /tracking is not a known field", &br#"{"tracking": "x"}"#[..]),
        ("the order has faults: /reason must not be blank", br#"{"reason": ""}"#),
        ("the order has faults: the whole must be an object, not an array", b"[]"),
        ("not JSON: expected value (line 1, column 1)", b"!"),
    ] {
        assert_eq!(ChangeRequest::parse(ChangeKind::Cancel, body).unwrap_err().to_string(), fault);
    }
}

#[test]
fn an_operators_word_goes_into_any_change_and_only_the_last_one_stays() {
    let word =
        |by: &str| SettledByHand { by: by.parse().unwrap(), why: "paid \"back\" at }the desk\\".parse().unwrap() };
    let reason: Option<Reason> = "he said \",\"settled\":{\"".parse().ok();
    let tracking = "JD014600003SE".parse().ok();
    let requests: [&dyn Fn(Option<SettledByHand>) -> ChangeRequest; 3] = [
        &|settled| ChangeRequest::Cancel { reason: None, settled },
        &|settled| ChangeRequest::Cancel { reason: reason.clone(), settled },
        &|settled| ChangeRequest::Fulfil { tracking: tracking.clone(), settled },
    ];
    for request in requests {
        let change = |settled| Change { id: id(), request: request(settled), trace: None };
        for before in [None, Some(word("ben"))] {
            let written = String::from_utf8(change(before).encode()).unwrap();
            let ann = word("ann");
            let kind = change(None).kind();
            let [opening, addition] = settled_change(kind, id(), ann.by.as_str(), ann.why.as_str());
            assert!(written.starts_with(&opening), "{written}");
            let kept = &written[..written.find(SETTLED_MARK).unwrap_or(written.len() - 1)];
            let settled = Command::decode([kept, &addition].concat().as_bytes());
            assert_eq!(settled, Ok(Command::Change(change(Some(word("ann"))))));
        }
    }
}
