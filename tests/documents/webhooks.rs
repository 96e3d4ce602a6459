//! docs/webhooks.md shows each event as it is sent.

use std::env;
use std::fs;

use order::payment::{Capture, GivenBack};
use order::{
    ChangeKind, CommandId, Finding, NewOrder, OrderId, Payment, Placed, Record, Shortage, Timestamp, Version, decide,
    event,
};
use standardwebhooks::Webhook;

use crate::harness::{SECRET, root};
use crate::tree;

const PAGE: &str = "docs/webhooks.md";
/// Behind it the page is written by this test.
const BEGINS: &str = "A test compares these with what Sluice sends.\n\n";
const ORDER: &str = r#"{
    "reference": "cart-4711", "customer": {"email": "ada@example.com", "name": "Ada Lovelace"}, "currency": "EUR",
    "lines": [{"sku": "TEA-1", "name": "Tea", "quantity": 2, "unit_price": 450}],
    "shipping_address": {"line1": "12 St James's Square", "city": "London", "country": "GB"}
}"#;
/// When it was accepted.
const ACCEPTED_MS: u64 = 1_795_661_640_250;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_ms(ACCEPTED_MS + 9 + seconds * 1000)
}

fn placed() -> Placed {
    let id = OrderId::new(Timestamp::from_ms(ACCEPTED_MS), *b"docs/hooks");
    Placed { id, shop: "webshop".parse().ok(), order: NewOrder::parse(ORDER.as_bytes()).unwrap(), trace: None }
}

fn charged(capture: Capture) -> Payment {
    let (charge, provider) = ("ch_1".parse().ok(), "pay.example".parse().ok());
    Payment::Asked { charge, provider, capture, back: None }
}

fn found(finding: Finding) -> Record {
    decide(placed(), &finding, at(0))
}

fn confirmed() -> Record {
    found(Finding::Good(charged(Capture::Charged)))
}

fn moved(mut record: Record, step: impl FnOnce(&mut Record)) -> Record {
    step(&mut record);
    record
}

/// The id and the body of an event of each type, in the order of the types.
fn events() -> Vec<(String, Vec<u8>)> {
    let payment =
        Payment::Asked { charge: None, provider: "pay.example".parse().ok(), capture: Capture::Charged, back: None };
    let next_action = "https://pay.example/3ds/4711".parse().ok();
    let shortage = Shortage { sku: "TEA-1".to_owned(), wanted: 2, left: 1 };
    let back = "re_1".parse().ok().map(GivenBack::Refund);
    let records = [
        found(Finding::Pending { payment, next_action }),
        confirmed(),
        found(Finding::OutOfStock(vec![shortage])),
        moved(confirmed(), |record| record.fulfil("JD014600003SE".parse().ok(), at(3600)).unwrap()),
        moved(confirmed(), |record| record.cancel("ordered twice".parse().ok(), back, at(60)).unwrap()),
    ];
    let told = |record: &Record| (event::id(&record.id(), record.version()), event::to_json(record, None));
    let erased = moved(confirmed(), |record| record.erase(at(7200)));
    let (placed, since) = (placed(), at(0));
    let message = CommandId { order: placed.id, change: Some(ChangeKind::Cancel) };
    let reason = "the payment provider declines to give it back";
    let (version, order) = (Version::NONE.next(), Some(&placed.order));
    let given_up = event::GivenUp { message, delivery: 1, version, reason, shop: placed.shop.as_ref(), order };
    let (provider, failed) = ("pay.example:443", "the payment provider answered 503 Service Unavailable");
    records
        .iter()
        .map(told)
        .chain([
            (event::attention_id(message, 1), event::attention(&given_up, None, at(90))),
            event::expiring(&found(Finding::Good(charged(Capture::Due)))),
            (event::id(&erased.id(), erased.version()), event::erased(&erased, None)),
            event::payments_turned(provider, since, failed, since),
            event::payments_turned(provider, since, "", at(300)),
        ])
        .collect()
}

/// The JSON in lines that fit the page, broken behind commas.
fn in_lines(json: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for part in parts(json) {
        if !line.is_empty() && line.len() + part.len() + 1 > 110 {
            lines += &line;
            lines += "\n ";
            line.clear();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line += part;
    }
    [lines, line].concat()
}

/// The text cut behind each comma that is in no string.
fn parts(json: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut in_string, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b',' if !in_string => {
                parts.push(&json[begin..=at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&json[begin..]);
    parts
}

fn section(event_type: &str, id: &str, body: &[u8]) -> String {
    let seconds = ACCEPTED_MS / 1000 + 1;
    let signature = Webhook::new(SECRET).unwrap().sign(id, seconds as i64, body).unwrap();
    let json = in_lines(str::from_utf8(body).unwrap());
    let content_type = event::CONTENT_TYPE;
    format!(
        "### {event_type}\n\n```http\nPOST /hooks HTTP/1.1\ncontent-type: {content_type}\nwebhook-id: {id}\n\
         webhook-timestamp: {seconds}\nwebhook-signature: {signature}\n\n{json}\n```\n"
    )
}

#[test]
fn the_page_shows_each_event_as_it_is_sent() {
    let events = events();
    let sections: Vec<String> = event::types()
        .map(|event_type| {
            let of_type = |(_, body): &&(String, Vec<u8>)| event::read(body).unwrap().event_type == event_type;
            let (id, body) = events.iter().find(of_type).unwrap_or_else(|| panic!("no example of {event_type}"));
            assert_eq!(event::read(body).unwrap().id, id);
            section(event_type, id, body)
        })
        .collect();
    let page = tree::text(PAGE);
    let (by_hand, written) = page.split_once(BEGINS).expect("the page has a place for the events");
    let expected = sections.join("\n");
    if env::var_os("WRITE_SNAPSHOTS").is_some() {
        fs::write(root().join(PAGE), [by_hand, BEGINS, &expected].concat()).unwrap();
    } else {
        let how = "WRITE_SNAPSHOTS=1 cargo test --package tests documents::webhooks";
        assert!(written == expected, "{PAGE} is not up to date. Run: {how}");
    }
}

#[test]
fn a_body_that_is_broken_into_lines_is_the_same_json() {
    let json = r#"{"a":"x, \" , y","b":[1,2],"c":{"d":null}}"#;
    assert_eq!(parts(json), [r#"{"a":"x, \" , y","#, r#""b":[1,"#, "2],", r#""c":{"d":null}}"#]);
}
