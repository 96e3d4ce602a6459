//! The table in docs/payments.md that says what Sluice makes of a provider's answer, cell by cell.

use std::time::Duration;

use host::calls::{Answer, HttpError, Refusal, Ruling};
use order::payment::Capture;
use order::{ChangeRequest, Payment, Record};
use queue::Message;

use super::payments::{asking, cancel, charged, charging, confirmed, says, woken, written};
use super::pending::pending;
use super::sample::order;
use super::*;
use crate::harness::root;

const ID: &str = r#"{"id": "x_1"}"#;

/// The answers that a row of the table stands for. No status stands for no answer.
fn answers(row: &str) -> Vec<(u16, String)> {
    let with = |body: &str, statuses: &[u16]| statuses.iter().map(|status| (*status, body.to_owned())).collect();
    match row {
        "2xx with `{\"id\", \"status\"?}`" => {
            let done =
                ["succeeded", "paid", "captured"].map(|word| (200, format!(r#"{{"id": 7, "status": "{word}"}}"#)));
            [done.to_vec(), with(ID, &[200, 201])].concat()
        }
        "2xx with an id and the `status` `authorized`" => {
            let words = ["authorized", "authorised", "requires_capture"];
            words.map(|word| (201, format!(r#"{{"id": "x_1", "status": "{word}"}}"#))).to_vec()
        }
        "2xx with another `status`, and 202" => {
            [with(r#"{"id": "x_1", "status": "processing"}"#, &[200, 201]), with(ID, &[202])].concat()
        }
        "402" => with(r#"{"detail": "no money"}"#, &[402]),
        "404" => with("", &[404]),
        "410" => with("", &[410]),
        "408, 409, 425, 429" => with("", &[408, 409, 425, 429]),
        "401, 403, 405" => with("", &[401, 403, 405]),
        "other 4xx" => with(r#"{"detail": "no"}"#, &[400, 406, 412, 422, 451]),
        "2xx with an id that can't be kept, or of more than 64 KiB" => {
            let long = format!(r#"{{"id": "x_1", "more": "{}"}}"#, "x".repeat(70_000));
            [with(r#"{"id": {}}"#, &[200]), with(r#"{"id": ""}"#, &[201]), with(&long, &[200])].concat()
        }
        "3xx, 5xx, 2xx without an id, no answer, none within `payment_timeout_ms`" => {
            [with("", &[301, 307, 500, 502, 503, 0, 1]), with("{}", &[200])].concat()
        }
        other => panic!("docs/payments.md has a new row: {other}"),
    }
}

fn ruling(status: u16, body: &str) -> Ruling {
    match status {
        0 => Ruling::Refuse(Refusal::Http(HttpError::ConnectionTerminated)),
        1 => Ruling::Delay(Duration::from_secs(3600)),
        status => says(status, body),
    }
}

/// What is sent: the message, and the record that its order has.
fn charge() -> Vec<(Message, Option<Record>)> {
    vec![(order(1), None)]
}

fn capture() -> Vec<(Message, Option<Record>)> {
    let fulfil = asking(ChangeRequest::Fulfil { tracking: None }, "1.1");
    vec![(fulfil, Some(confirmed(authorized())))]
}

fn authorized() -> Payment {
    let Payment::Asked { charge, provider, back, .. } = charged() else { panic!("it is charged") };
    Payment::Asked { charge, provider, capture: Capture::Due, back }
}

/// With a charge that was taken.
fn refund() -> Vec<(Message, Option<Record>)> {
    vec![(cancel("1.1"), Some(confirmed(charged())))]
}

/// Of which the provider may say that there is nothing to give back.
fn closing(row: &str) -> Vec<(Message, Option<Record>)> {
    let without_id = (cancel("1.pending.1"), Some(pending(0, None)));
    if row == "410" { vec![without_id, (cancel("1.1"), Some(confirmed(authorized())))] } else { vec![without_id] }
}

/// What a cell promises: the verdict, and the status of the record that is written.
fn promised(cell: &str) -> (&'static str, Option<&'static str>) {
    for (beginning, promise) in [
        ("The order is confirmed", ("done", Some("confirmed"))),
        ("The order is fulfilled", ("done", Some("fulfilled"))),
        ("The order is cancelled", ("done", Some("cancelled"))),
        ("The order is rejected", ("done", Some("rejected"))),
        ("The order is `payment_pending`", ("again", Some("payment_pending"))),
        ("nothing was taken, so nothing is given back", ("done", Some("cancelled"))),
        ("asked again, as above", ("release", None)),
        ("given back, as for 401", ("release", None)),
        ("The set-up is wrong", ("release", None)),
        ("tried again", ("retry", None)),
        ("dead letter", ("bury", None)),
    ] {
        if cell.starts_with(beginning) {
            return promise;
        }
    }
    panic!("no test knows what docs/payments.md means by: {cell}");
}

/// The rows of the table: the answer, and what becomes of a charge, a capture and a refund.
fn rows() -> Vec<[String; 4]> {
    let page = std::fs::read_to_string(root().join("docs/payments.md")).unwrap();
    let (_, table) =
        page.split_once("| answer | charge, also when asked for | capture | refund |\n|---|---|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let mut rows: Vec<[String; 4]> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
            cells.try_into().unwrap_or_else(|cells| panic!("four cells: {cells:?}"))
        })
        .collect();
    for row in &mut rows {
        for at in 2..4 {
            if row[at].starts_with("the same") {
                row[at] = row[at - 1].clone();
            }
        }
    }
    rows
}

async fn check(row: &str, sent: Vec<(Message, Option<Record>)>, cell: &str) {
    let (verdict, status) = promised(cell);
    for (code, body) in answers(row) {
        for (message, record) in &sent {
            let (message, record, body) = (message.clone(), record.clone(), body.clone());
            let alone = charging([message]).when(move |effect| match effect {
                Effect::Http(_) => Some(ruling(code, &body)),
                Effect::StoreGet(_) => record.as_ref().map(|it| Ruling::Answer(Answer::Value(Some(it.to_json())))),
                _ => None,
            });
            let (effects, settled) = woken(alone).await;
            let kept = written(&effects).map(|record| record.status().as_str());
            assert_eq!((settled.verdict.as_str(), kept), (verdict, status), "{row}: {code}; the page says: {cell}");
            if verdict == "bury" && cell.contains("`permanent`") {
                assert_eq!(settled.class, "permanent", "{row}: {code}");
            }
            if cell.contains("with the problem's text") {
                let text = if code == 402 { "no money" } else { "no" };
                assert!(settled.reason.ends_with(&format!(": {text}")), "{}", settled.reason);
            }
        }
    }
}

#[tokio::test]
async fn each_answer_of_the_provider_has_the_effect_that_the_page_says() {
    let rows = rows();
    assert_eq!(rows.len(), 11, "{rows:?}");
    for [row, charging, capturing, refunding] in &rows {
        check(row, charge(), charging).await;
        check(row, capture(), capturing).await;
        // A refund without the id of a charge that was taken may end otherwise, and the cell says first how.
        match refunding.strip_prefix("Without a `charge_id`").and_then(|cell| cell.split_once(". Else ")) {
            Some((nothing_taken, otherwise)) => {
                let (_, effect) = nothing_taken.split_once(": ").unwrap();
                check(row, closing(row), effect).await;
                check(row, refund(), otherwise).await;
            }
            None => {
                check(row, refund(), refunding).await;
                check(row, closing(row), refunding).await;
            }
        }
    }
}
