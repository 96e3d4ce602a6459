//! What becomes of orders.

use crate::sample::{full, id, noon, parse, placed};
use order::{Head, Shortage, Status, Stock, Timestamp, Version, decide};

#[test]
fn an_order_that_arrives_whole_is_confirmed() {
    let record = decide(placed(), Version::NONE, &Stock::Held, Timestamp::from_ms(noon().ms() + 1));
    assert_eq!(record.id(), id());
    assert_eq!(record.status(), Status::Confirmed);
    assert_eq!(record.version().get(), 1);
    assert_eq!(record.reason(), None);
    assert_eq!(record.created_at(), noon());
    assert_eq!(record.updated_at().ms(), noon().ms() + 1);
    assert_eq!(*record.order(), parse(&full()));
}

#[test]
fn the_same_order_is_decided_alike_however_often_it_is_delivered() {
    let now = Timestamp::from_ms(noon().ms() + 1);
    assert_eq!(decide(placed(), Version::NONE, &Stock::Held, now), decide(placed(), Version::NONE, &Stock::Held, now));
}

#[test]
fn versions_grow_by_one() {
    let present = Version::try_from(7).unwrap();
    assert_eq!(decide(placed(), present, &Stock::Held, noon()).version().get(), 8);
}

#[test]
fn no_order_changes_before_it_exists() {
    let record = decide(placed(), Version::NONE, &Stock::Held, Timestamp::from_ms(noon().ms() - 5_000));
    assert_eq!(record.updated_at(), record.created_at());
}

#[test]
fn a_record_is_kept_under_its_version_and_delivery() {
    let head = Head::of(&decide(placed(), Version::NONE, &Stock::Held, noon()), 12);
    assert_eq!(head.to_string(), "1.12");
    assert_eq!(head.key(id()), format!("order/{}/1.12", id()));
    assert_eq!(Head::parse(b"1.12"), Some(head));
}

#[test]
fn an_order_that_the_stock_cannot_fill_is_rejected_with_what_was_short() {
    let shortage = |sku: &str| Shortage { sku: sku.to_owned(), wanted: 2, left: 1 };
    let rejected = |shortages| decide(placed(), Version::NONE, &Stock::Short(shortages), noon());
    let record = rejected(vec![shortage("TEA-1"), shortage("CUP-2")]);
    assert_eq!(record.status(), Status::Rejected);
    let reason = "not enough in stock: TEA-1 (2 wanted, 1 left), CUP-2 (2 wanted, 1 left)";
    assert_eq!(record.reason().unwrap().as_str(), reason);
    let record = rejected(vec![shortage(&"\u{1f375}".repeat(64)); 100]);
    assert!(record.reason().unwrap().as_str().ends_with(", and more"));
}
