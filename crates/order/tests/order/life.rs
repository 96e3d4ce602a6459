//! The life of an order has no way around its table.

use std::collections::BTreeMap;

use crate::sample::{after, noon, pending, placed, unpaid};
use order::life::{LIFE, next};
use order::{Finding, Illegal, Move, Record, Shortage, State, Status, Timestamp, decide};
use proptest::collection::vec;
use proptest::prelude::*;

/// Tries a move as the processor does. `None` stands for an order without a record.
fn try_move(mut present: Option<Record>, step: Move, now: Timestamp) -> Result<Record, Option<Illegal>> {
    if let Some(record) = &mut present {
        match step {
            Move::Fulfil => return record.fulfil(None, now).map(|()| record.clone()).map_err(Some),
            Move::Cancel => return record.cancel(None, None, now).map(|()| record.clone()).map_err(Some),
            _ => {}
        }
    }
    match (present, step) {
        (None, Move::Pend) => Ok(decide(placed(), &pending(None), now)),
        (Some(record), Move::Pend | Move::Confirm | Move::Reject) if record.status() == Status::PaymentPending => {
            let finding = match step {
                Move::Pend => pending(Some("https://pay.test/1")),
                Move::Confirm => unpaid(),
                _ => Finding::Expired,
            };
            Ok(after(record, |record| record.decide(&finding, now)))
        }
        (None, Move::Confirm) => Ok(decide(placed(), &unpaid(), now)),
        (None, Move::Reject) => {
            let shortage = Shortage { sku: "TEA".to_owned(), wanted: 1, left: 0 };
            Ok(decide(placed(), &Finding::OutOfStock(vec![shortage]), now))
        }
        (None, Move::Cancel) => Ok(decide(placed(), &Finding::Recalled, now)),
        (None, Move::Fulfil) => Err(None),
        (Some(record), _) => Err(Some(Illegal { present: State::Decided(record.status()), step })),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_tried_in_whatever_order_only_moves_of_the_table_happen(
        tries in vec((prop::sample::select(Move::ALL.to_vec()), 0..1000_u64), 0..12),
    ) {
        let mut record: Option<Record> = None;
        for (step, later) in tries {
            let before = record.as_ref().map(Record::status);
            let moved = try_move(record.clone(), step, Timestamp::from_ms(noon().ms() + later));
            match (next(before, step), moved) {
                (Some(after), Ok(changed)) => {
                    prop_assert_eq!(changed.status(), after);
                    prop_assert_eq!(changed.version().get(), record.as_ref().map_or(0, |it| it.version().get()) + 1);
                    prop_assert_eq!(Record::from_json(&changed.to_json()), Ok(changed.clone()));
                    record = Some(changed);
                }
                (None, Err(illegal)) => {
                    prop_assert_eq!(illegal, before.map(|present| Illegal { present: State::Decided(present), step }));
                }
                (legal, moved) => prop_assert!(false, "{before:?} {step:?}: the table says {legal:?}, but {moved:?}"),
            }
        }
    }
}

#[test]
fn no_state_has_two_ways_by_the_same_move() {
    let ways: BTreeMap<_, _> = LIFE.iter().map(|(before, by, after)| (format!("{before:?} {by}"), after)).collect();
    assert_eq!(ways.len(), LIFE.len());
}

#[test]
fn what_is_rejected_fulfilled_or_cancelled_stays_so() {
    for last in [Status::Rejected, Status::Fulfilled, Status::Cancelled] {
        assert!(Move::ALL.into_iter().all(|step| next(Some(last), step).is_none()), "{last}");
    }
}

#[test]
fn an_illegal_move_is_told_with_the_present_state() {
    let illegal = Status::Rejected.after(Move::Cancel).unwrap_err();
    assert_eq!(illegal.to_string(), "an order that is rejected can't be cancelled");
}

#[test]
fn architecture_md_shows_the_table() {
    let shown = include_str!("../../../../ARCHITECTURE.md");
    for (before, by, after) in LIFE {
        let before = before.map_or("queued".to_owned(), |status| status.to_string());
        let row = format!("| {before} | {by} | {after} |");
        assert!(shown.contains(&row), "ARCHITECTURE.md lacks {row}");
    }
    let rows = shown.lines().skip_while(|line| *line != "| state | move | next state |").skip(2);
    assert_eq!(rows.take_while(|line| line.starts_with('|')).count(), LIFE.len());
}
