//! Orders whose customers were taken out.

use order::{Change, ChangeRequest, Command, Record, Standing, Status, Timestamp, event};
use serde_json::{Value, json};

use crate::sample::{after, id, noon, record};

fn later() -> Timestamp {
    Timestamp::from_ms(noon().ms() + 5000)
}

fn erased() -> Record {
    after(record(), |record| record.erase(later()))
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

fn without_customer(mut order: Value) -> Value {
    for field in ["customer", "shipping_address", "note"] {
        order.as_object_mut().unwrap().remove(field);
    }
    order["erased_at"] = json!(later());
    order
}

#[test]
fn an_erased_order_is_what_it_was_but_for_its_customer() {
    let mut expected = without_customer(value(&record().to_json()));
    expected["version"] = json!(2);
    assert_eq!(value(&erased().to_json()), expected);
    assert_eq!(Record::from_json(&erased().to_json()), Ok(erased()));
    assert!(Standing::from_json(&erased().to_json()).unwrap().is_erased);
    let fulfilled = after(erased(), |record| record.fulfil(None, later()).unwrap());
    assert_eq!((fulfilled.version().get(), fulfilled.erased_at()), (3, Some(later())), "the order goes on");
}

#[test]
fn an_erasure_is_told_by_an_event_of_its_own_and_moves_the_order_nowhere() {
    let event = value(&event::erased(&erased(), None));
    assert_eq!(event["type"], "sluice.order.personal_data_erased");
    assert_eq!((&event["id"], &event["time"]), (&json!(format!("{}.2", id())), &json!(later())));
    assert_eq!(event["data"], value(&erased().to_json()));
    assert_eq!(erased().updated_at(), record().updated_at(), "how long its money is held doesn't begin anew");
    let cancelled = after(erased(), |record| record.cancel(None, None, later()).unwrap());
    assert_eq!(value(&event::to_json(&cancelled, None))["time"], json!(later()));
}

#[test]
fn a_record_has_either_a_customer_or_the_time_of_its_erasure() {
    let fault = |record: Value| Record::from_json(record.to_string().as_bytes()).unwrap_err().to_string();
    let mut both = value(&record().to_json());
    both["erased_at"] = json!(later());
    assert_eq!(fault(both), "the record has faults: /customer must not be there: the customer was erased");
    let mut neither = value(&record().to_json());
    neither.as_object_mut().unwrap().remove("customer");
    assert_eq!(fault(neither), "the record has faults: /customer is required");
}

#[test]
fn an_event_of_before_loses_its_customer_and_nothing_else() {
    let before = event::to_json(&record(), None);
    assert!(String::from_utf8_lossy(&before).contains(event::CUSTOMER_MARK));
    let purged = event::without_customer(&before, later()).unwrap();
    let mut expected = value(&before);
    expected["data"] = without_customer(expected["data"].take());
    assert_eq!(value(&purged), expected);
    assert!(!String::from_utf8_lossy(&purged).contains(event::CUSTOMER_MARK));
    assert_eq!(event::read(&purged).unwrap().id, event::read(&before).unwrap().id);
    for other in [&purged[..], &event::erased(&erased(), None), b"{}", b"[", br#"{"data":1}"#] {
        assert_eq!(event::without_customer(other, later()), None, "there is nothing to take out");
    }
}

#[test]
fn a_request_to_erase_is_read_as_it_was_written() {
    let change = Change { id: id(), request: ChangeRequest::Erase, trace: None };
    let message = format!(r#"{{"v":1,"type":"erase","id":"{}"}}"#, id());
    assert_eq!(String::from_utf8(change.encode()).unwrap(), message);
    assert_eq!(Command::decode(message.as_bytes()), Ok(Command::Change(change)));
}

#[test]
fn what_no_move_leads_on_from_is_final() {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final());
    assert_eq!(Vec::from_iter(ended), [Status::Rejected, Status::Fulfilled, Status::Cancelled]);
}
