//! docs/problems.md shows every kind of problem with its texts, as the components send them.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use access::Role;
use std::time::Duration;
use std::{env, fs};

use guest::{ForeignEncoding, PROBLEM_KINDS, Problem, SettingError};
use order::{ChangeKind, CommandId, Illegal, Move, NewOrder, OrderId, OrderQuery, State, Status, desk};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems.md");

const INTRODUCTION: &str = "\
# Problems

A request that can't be fulfilled is answered with problem details (RFC 9457): `type`, `title`, `status` and `detail`.
The `type` is `urn:sluice:problem:` and the name below. It never changes, so a program can rely on it. The title says
the kind of problem to people. The detail says what is wrong this time, and what to do; below stands an example of each.

Beside these, `invalid-order` and `invalid-request` have `errors`, a list of `pointer` (RFC 6901) and `detail` for each
fault of the body. `malformed-request` has `errors` with `parameter` and `detail` if a query for orders has faults.
`illegal-move` has `state`, the state that the order is in.

This page is written by a test: `WRITE_SNAPSHOTS=1 cargo test --package guest`.
";

#[test]
fn the_page_of_problems_shows_every_text_as_it_is_sent() {
    let page = page();
    if env::var_os("WRITE_SNAPSHOTS").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(PAGE).unwrap();
    assert!(written == page, "docs/problems.md is not up to date. Run: WRITE_SNAPSHOTS=1 cargo test --package guest");
}

#[test]
fn every_kind_of_problem_has_an_example_and_a_name_of_its_own() {
    let mut examples = examples();
    let numbers: Vec<_> = examples.iter().map(number).collect();
    assert_eq!(numbers, (0..examples.len()).collect::<Vec<_>>(), "add an example of each variant, in their order");
    for kind in PROBLEM_KINDS {
        assert!(
            examples.iter().any(|problem| problem.describe().0 == *kind),
            "no problem is of the kind {}",
            kind.name
        );
        assert_eq!(PROBLEM_KINDS.iter().filter(|other| other.name == kind.name).count(), 1, "{} twice", kind.name);
    }
    for problem in examples.drain(..) {
        let (kind, detail) = problem.describe();
        assert!(PROBLEM_KINDS.contains(&kind), "{} is missing in the list", kind.name);
        assert!(detail.ends_with('.') && !detail.ends_with(".."), "not a sentence: {detail}");
    }
}

fn page() -> String {
    let examples = examples();
    let mut page = INTRODUCTION.to_owned();
    for kind in PROBLEM_KINDS {
        let (name, title, status) = (kind.name, kind.title, kind.status.as_u16());
        page.push_str(&format!("\n## `{name}`\n\n{status}: {title}\n\n"));
        let details = examples.iter().map(Problem::describe).filter(|(other, _)| other == kind);
        for (_, detail) in details {
            page.push_str(&bullet(&detail));
        }
    }
    page
}

/// A bullet point, wrapped as all prose is.
fn bullet(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut lines = vec!["-".to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("  {word}"));
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

fn examples() -> Vec<Problem> {
    let order: OrderId = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
    let setting =
        SettingError { component: "intake", variable: "lease_ms", fault: "is \"x\", but must be a number".to_owned() };
    let not_json = NewOrder::parse(b"{\"lines\": [}").map(drop);
    let invalid = |body: &[u8]| Problem::from(NewOrder::parse(body).map(drop).unwrap_err());
    let illegal = |present| Illegal { present, step: Move::Cancel };
    vec![
        Problem::NoSuchOrder,
        Problem::NothingAtTheDesk,
        Problem::MethodNotAllowed { allow: "GET, HEAD".to_owned() },
        Problem::EmptySegment { named: "/orders".to_owned() },
        Problem::NotJsonType,
        Problem::Encoded(ForeignEncoding::Coding("gzip".to_owned())),
        Problem::Encoded(ForeignEncoding::Charset("iso-8859-1".to_owned())),
        Problem::TooLarge { most: order::limits::BODY_BYTES },
        Problem::UnreadableBody,
        Problem::SlowBody,
        not_json.map_err(Problem::from).unwrap_err(),
        invalid(br#"{"customer": {"email": "ada@example.com"}, "currency": "EUR", "lines": []}"#),
        invalid(b"{}"),
        Problem::MalformedKey,
        Problem::KeyReused,
        Problem::DamagedKey,
        Problem::Unauthorized,
        Problem::IllegalMove(illegal(State::Decided(Status::Fulfilled))),
        Problem::IllegalMove(illegal(State::Discarded)),
        Problem::ChangeGivenUp(CommandId { order, change: Some(ChangeKind::Cancel) }),
        Problem::CancelPending,
        Problem::RecordUnreadable { why: "the store has lost the record of this order".to_owned() },
        Problem::MalformedRequest { why: "offset must be a whole number".to_owned() },
        Problem::Untracked,
        Problem::NotEnoughStock { left: 3 },
        Problem::QueueFull,
        Problem::OrderNotAccepted(queue::Error::TimedOut(Duration::from_secs(2))),
        Problem::QueueFailed(queue::Error::TimedOut(Duration::from_secs(2))),
        Problem::RedisFailed(queue::Error::TimedOut(Duration::from_secs(2))),
        Problem::StoreFailed { why: "did not answer within 2 s".to_owned() },
        Problem::Misconfigured(setting),
        desk::parse_by(b"{}").map(drop).map_err(Problem::in_request).unwrap_err(),
        Problem::StockKeyReused,
        Problem::TooMuchStock { left: 3 },
        Problem::NoSuchLetter,
        Problem::NothingToSettle,
        Problem::RefundUnknown,
        Problem::WrittenLater { why: "the record has format 2".to_owned() },
        Problem::EndpointInUse,
        Problem::BadSignature,
        Problem::BadStripeSignature,
        Problem::EventNotPassedOn { why: "the listener answered 503".to_owned() },
        Problem::Forbidden { role: Role::Shop, roles: &[Role::Support, Role::Operator] },
        Problem::RateLimited { wait: Duration::from_millis(50) },
        Problem::Undecided,
        Problem::Removed { days: 90 },
        OrderQuery::parse("limit=1000&email=ann").map(drop).map_err(Problem::InvalidQuery).unwrap_err(),
    ]
}

/// Numbers the variants, so that a new one is not forgotten above.
fn number(problem: &Problem) -> usize {
    match problem {
        Problem::NoSuchOrder => 0,
        Problem::NothingAtTheDesk => 1,
        Problem::MethodNotAllowed { .. } => 2,
        Problem::EmptySegment { .. } => 3,
        Problem::NotJsonType => 4,
        Problem::Encoded(ForeignEncoding::Coding(_)) => 5,
        Problem::Encoded(ForeignEncoding::Charset(_)) => 6,
        Problem::TooLarge { .. } => 7,
        Problem::UnreadableBody => 8,
        Problem::SlowBody => 9,
        Problem::NotJson(_) => 10,
        Problem::InvalidOrder(faults) if faults.len() == 1 => 11,
        Problem::InvalidOrder(_) => 12,
        Problem::MalformedKey => 13,
        Problem::KeyReused => 14,
        Problem::DamagedKey => 15,
        Problem::Unauthorized => 16,
        Problem::IllegalMove(Illegal { present: State::Discarded, .. }) => 18,
        Problem::IllegalMove(_) => 17,
        Problem::ChangeGivenUp(_) => 19,
        Problem::CancelPending => 20,
        Problem::RecordUnreadable { .. } => 21,
        Problem::MalformedRequest { .. } => 22,
        Problem::Untracked => 23,
        Problem::NotEnoughStock { .. } => 24,
        Problem::QueueFull => 25,
        Problem::OrderNotAccepted(_) => 26,
        Problem::QueueFailed(_) => 27,
        Problem::RedisFailed(_) => 28,
        Problem::StoreFailed { .. } => 29,
        Problem::Misconfigured(_) => 30,
        Problem::InvalidRequest(_) => 31,
        Problem::StockKeyReused => 32,
        Problem::TooMuchStock { .. } => 33,
        Problem::NoSuchLetter => 34,
        Problem::NothingToSettle => 35,
        Problem::RefundUnknown => 36,
        Problem::WrittenLater { .. } => 37,
        Problem::EndpointInUse => 38,
        Problem::BadSignature => 39,
        Problem::BadStripeSignature => 40,
        Problem::EventNotPassedOn { .. } => 41,
        Problem::Forbidden { .. } => 42,
        Problem::RateLimited { .. } => 43,
        Problem::Undecided => 44,
        Problem::Removed { .. } => 45,
        Problem::InvalidQuery(_) => 46,
    }
}
