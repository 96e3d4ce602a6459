//! What the store holds, and what subscribers are told of it.

use crate::sample::{after, full, id, noon, placed, record};
use order::payment::{Capture, GivenBack};
use order::{
    ChangeKind, CommandId, OrderJson, Payment, Record, SettledByHand, Standing, Status, Timestamp, Version,
    cancel_undecided, event, limits,
};
use serde_json::{Value, json};

fn json_of(record: &Record) -> Value {
    serde_json::from_slice(&record.to_json()).unwrap()
}

#[test]
fn a_record_says_all_that_is_known_of_an_order() {
    assert_eq!(
        json_of(&record()),
        json!({
            "id": id().to_string(),
            "status": "confirmed",
            "version": 1,
            "payment": "none",
            "created_at": "2026-09-01T12:00:00.250Z",
            "updated_at": "2026-09-01T12:00:00.290Z",
            "reference": "A-1001",
            "currency": "EUR",
            "total": 2698,
            "lines": [
                {"sku": "TEA-GREEN-100", "name": "Green tea, 100 g", "quantity": 2, "unit_price": 749},
                {"sku": "CUP/红 1", "quantity": 1, "unit_price": 1200}
            ],
            "customer": {"email": "ann@example.com", "name": "Ann Müller", "phone": "+49 30 901820"},
            "shipping_address": {
                "name": "Ben Müller", "line1": "Hauptstraße 5", "line2": "c/o Weber", "city": "Berlin", "region": "BE",
                "postal_code": "10827", "country": "DE"
            },
            "note": "Please ring twice.\n\tThank you!",
            "metadata": {"channel": "web", "a/b~c": "1"}
        })
    );
}

/// The sample record with a field set.
fn with(field: &str, value: Value) -> String {
    let mut json = json_of(&record());
    json[field] = value;
    json.to_string()
}

#[test]
fn a_record_is_read_as_it_was_written() {
    assert_eq!(Record::from_json(&record().to_json()), Ok(record()));
    let rejected = with("reason", json!("No stock of TEA-GREEN-100.")).replace("confirmed", "rejected");
    let rejected = Record::from_json(rejected.as_bytes()).unwrap();
    assert_eq!(rejected.reason().unwrap().as_str(), "No stock of TEA-GREEN-100.");
    assert_eq!(Record::from_json(&rejected.to_json()), Ok(rejected));
}

#[test]
fn a_record_that_breaks_the_rules_is_refused() {
    for (field, value, fault) in [
        ("id", json!("x"), "/id must be an order id: a UUIDv7 in small letters with hyphens"),
        ("version", json!(0), "/version must be from 1 to 9007199254740991"),
        ("reason", json!(""), "/reason must not be blank"),
        ("created_at", json!("2026-09-01T12:00:00.251Z"), "/created_at must be 2026-09-01T12:00:00.250Z"),
        ("updated_at", json!("yesterday"), "/updated_at must be a time in the form 2026-09-01T12:00:00.250Z"),
        ("total", json!(2697), "/total must be 2698"),
        ("total", Value::Null, "/total is required"),
        ("lines", json!([]), "/lines must have 1 to 100 lines, not 0"),
        ("payment", json!({}), "/payment must be \"none\", or have a charge_id, a refund_id, settled or a provider"),
        ("payment", json!({"charge_id": " "}), "/payment/charge_id must not be blank"),
        ("tracking", json!(7), "/tracking must be a string, not a number"),
        ("v", json!(0), "/v must be from 1 to 9007199254740991"),
        ("v", json!("2"), "/v must be an integer, not a string"),
    ] {
        let error = Record::from_json(with(field, value).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("the record has faults: {fault}"));
    }
    let error = |json: &str| Record::from_json(json.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("nil"), "the record is not JSON: expected ident (line 1, column 2)");
    assert_eq!(error(&" ".repeat(limits::STORED_BYTES + 1)), "the record has more than 327680 bytes");
}

#[test]
fn a_record_of_a_later_release_is_told_apart_from_a_damaged_one() {
    let unknown =
        |fault: &str| format!("the record has what this build can't read yet, so a newer one wrote it: {fault}");
    for (field, value, error) in [
        ("channel", json!("web"), unknown("/channel is not a known field")),
        (
            "status",
            json!("returned"),
            unknown(
                "/status must be the status of a record: payment_pending, confirmed, rejected, fulfilled or cancelled",
            ),
        ),
        ("reason_code", json!("fraud"), unknown("/reason_code must be the code of a reason")),
        (
            "shortages",
            json!([{"sku": "TEA", "wanted": 2, "left": 1, "due": 1}]),
            unknown("/shortages/0/due is not a known field"),
        ),
        ("payment", json!("invoice"), unknown("/payment must be one of none, later")),
        ("payment", json!(["a"]), unknown("/payment must be an object, not an array")),
        ("payment", json!({"charge_id": "ch_1", "part": 2}), unknown("/payment/part is not a known field")),
        ("currency", json!("XYZ"), unknown("/currency must be an ISO 4217 currency code, such as EUR; XYZ is none")),
        ("v", json!(2), "the record has format 2; this build reads format 1, so a newer one wrote it".to_owned()),
    ] {
        let told = Record::from_json(with(field, value).as_bytes()).unwrap_err();
        assert_eq!((told.to_string(), told.is_later()), (error, true));
    }
    for (field, value) in [("total", json!(1)), ("v", json!(0)), ("tracking", json!(7)), ("lines", json!([]))] {
        assert!(!Record::from_json(with(field, value).as_bytes()).unwrap_err().is_later(), "{field}");
    }
    assert!(!Record::from_json(b"{").unwrap_err().is_later());
    assert_eq!(Record::from_json(with("v", json!(1)).as_bytes()), Ok(record()), "the format that has no number");
    // Where it stands, of a record with something more; and it is shown as it is.
    let more = with("channel", json!("web"));
    assert_eq!(Standing::from_json(more.as_bytes()).unwrap().status, Status::Confirmed);
    for shown in [more, with("status", json!("returned"))] {
        assert_eq!(OrderJson::of_record(shown.clone().into_bytes()).unwrap().into_bytes(), shown.into_bytes());
    }
    let newer = with("v", json!(2)).into_bytes();
    assert!(OrderJson::of_record(newer.clone()).unwrap_err().is_later());
    assert!(Standing::from_json(&newer).unwrap_err().is_later());
    assert!(Standing::from_json(with("status", json!("returned")).as_bytes()).unwrap_err().is_later());
    assert!(!OrderJson::of_record(b"[]".to_vec()).unwrap_err().is_later());
}

#[test]
fn an_event_is_a_cloud_event_that_carries_the_record() {
    let event: Value = serde_json::from_slice(&event::to_json(&record(), None)).unwrap();
    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": format!("{}.1", id()),
            "source": "/orders",
            "type": "sluice.order.confirmed",
            "subject": id().to_string(),
            "time": "2026-09-01T12:00:00.290Z",
            "datacontenttype": "application/json",
            "version": 1,
            "data": json_of(&record()),
        })
    );
}

#[test]
fn an_event_on_payments_is_json_whatever_the_reason_and_says_its_type() {
    let (since, now) = (Timestamp::from_ms(1_795_000_000_000), Timestamp::from_ms(1_795_000_060_000));
    for (reason, event_type) in [("it said \"no\"\\", "sluice.payments.interrupted"), ("", "sluice.payments.resumed")] {
        let (id, event) = event::payments_turned("pay.test:8443", since, reason, now);
        let attributes = event::read(&event).unwrap();
        assert_eq!((attributes.id, attributes.event_type), (id.as_str(), event_type));
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!((&event["subject"], &event["time"]), (&json!("pay.test:8443"), &json!(now)));
        let mut data = json!({"provider": "pay.test:8443", "since": since});
        if !reason.is_empty() {
            data["reason"] = json!(reason);
        }
        assert_eq!(event["data"], data);
    }
}

#[test]
fn the_type_of_an_event_follows_the_status() {
    let rejected = Record::from_json(with("status", json!("rejected")).as_bytes()).unwrap();
    assert_eq!(event::read(&event::to_json(&rejected, None)).unwrap().event_type, "sluice.order.rejected");
    let types: Vec<_> = event::types().collect();
    assert_eq!(
        types,
        [
            "sluice.order.payment_pending",
            "sluice.order.confirmed",
            "sluice.order.rejected",
            "sluice.order.fulfilled",
            "sluice.order.cancelled",
            "sluice.order.needs_attention",
            "sluice.order.authorization_expiring",
            "sluice.order.personal_data_erased",
            "sluice.payments.interrupted",
            "sluice.payments.resumed",
        ]
    );
    assert!(event::is_type("sluice.order.confirmed"));
    assert!(!event::is_type("confirmed") && !event::is_type("sluice.order.*"));
}

#[test]
fn an_event_names_the_trace_of_the_request_where_there_is_one() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let event: Value = serde_json::from_slice(&event::to_json(&record(), Some(&trace))).unwrap();
    assert_eq!(event["traceparent"], trace.as_str());
}

#[test]
fn an_order_that_can_t_be_read_is_told_by_its_id_alone() {
    let message = CommandId { order: id(), change: None };
    let version = Version::NONE;
    let given_up =
        event::GivenUp { message, delivery: 3, version, reason: "it can't be read", shop: None, order: None };
    let event: Value = serde_json::from_slice(&event::attention(&given_up, None, Timestamp::from_ms(0))).unwrap();
    let created_at = id().accepted_at().to_string();
    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": format!("{}.attention.3", id()),
            "source": "/orders",
            "type": "sluice.order.needs_attention",
            "subject": id().to_string(),
            "time": created_at,
            "datacontenttype": "application/json",
            "version": 0,
            "data": {
                "id": id().to_string(), "status": "needs_attention", "reason": "it can't be read", "reason_code": "processing_failed", "created_at": created_at,
            },
        })
    );
}

/// The one event that goes to a person must tell whose order it is.
#[test]
fn an_order_that_was_given_up_is_told_whole_where_it_can_be_read() {
    for change in [None, Some(ChangeKind::Cancel)] {
        let message = CommandId { order: id(), change };
        let (_, order) = record().into_order();
        let given_up = event::GivenUp {
            message,
            delivery: 3,
            version: Version::NONE,
            reason: "no refund",
            shop: None,
            order: Some(&order),
        };
        let event: Value = serde_json::from_slice(&event::attention(&given_up, None, noon())).unwrap();
        for field in ["reference", "customer", "currency", "lines", "shipping_address", "note", "metadata"] {
            assert_eq!(event["data"][field], full()[field], "{field}");
        }
        assert_eq!(event["data"]["total"], 2698);
        assert_eq!(event["data"]["reason"], "no refund");
    }
}

#[test]
fn the_attributes_of_an_event_are_read_back() {
    let event = event::to_json(&record(), None);
    let attributes = event::read(&event).unwrap();
    assert_eq!(attributes.id, event::id(&id(), record().version()));
    assert_eq!(attributes.event_type, "sluice.order.confirmed");
}

#[test]
fn what_is_no_event_is_told_so() {
    let error = |bytes: &[u8]| event::read(bytes).unwrap_err().to_string();
    assert_eq!(error(b""), "not an event: EOF while parsing a value at line 1 column 0");
    assert_eq!(error(br#"{"id": "1"}"#), "not an event: missing field `type` at line 1 column 11");
    assert_eq!(
        error(br#"{"id": 1, "type": "x"}"#),
        "not an event: invalid type: integer `1`, expected a borrowed string at line 1 column 8"
    );
}

#[test]
fn an_event_that_tells_of_a_given_up_message_has_an_id_of_its_own() {
    assert_eq!(event::attention_id(CommandId { order: id(), change: None }, 3), format!("{}.attention.3", id()));
    let message = CommandId { order: id(), change: Some(ChangeKind::Cancel) };
    assert_eq!(event::attention_id(message, 3), format!("{}.attention.cancel.3", id()));
    let version = record().version();
    let given_up = event::GivenUp { message, delivery: 3, version, reason: "no refund", shop: None, order: None };
    let event: Value = serde_json::from_slice(&event::attention(&given_up, None, noon())).unwrap();
    assert_eq!((&event["data"]["change"], &event["data"]["status"]), (&json!("cancel"), &json!("needs_attention")));
    assert_eq!(event["version"], 1, "it comes behind the event of that version");
}

#[test]
fn where_an_order_stands_is_read_without_the_rest_of_its_record() {
    let tracking: Option<order::Tracking> = "JD014600003SE".parse().ok();
    let fulfilled = after(record(), |record| record.fulfil(tracking.clone(), Timestamp::from_ms(0)).unwrap());
    assert_eq!(
        Standing::from_json(&fulfilled.to_json()),
        Ok(Standing { status: Status::Fulfilled, tracking, is_paid: false, shop: None, is_erased: false })
    );
    let error = Standing::from_json(b"{}").unwrap_err().to_string();
    assert_eq!(error, "the record has faults: /status is required");
}

#[test]
fn an_operators_words_stay_in_the_record_and_outside_it_only_says_that_the_payment_was_settled() {
    let why = "refunded in \"the\" dashboard }, see \\";
    let settled = SettledByHand { by: "ann".parse().unwrap(), why: why.parse().unwrap() };
    for charge in [None, "ch_1".parse().ok()] {
        let back = Some(GivenBack::ByHand(settled.clone()));
        let payment = Payment::Asked { charge, provider: None, capture: Capture::Charged, back };
        let record = cancel_undecided(placed(), None, Some(payment), noon());
        let stored = json_of(&record);
        assert_eq!(stored["payment"]["settled"], json!({"by": "ann", "why": why}));
        assert_eq!(Record::from_json(&record.to_json()).as_ref(), Ok(&record));
        let shown = OrderJson::of_record(record.to_json()).unwrap().without_words().into_bytes();
        let event: Value = serde_json::from_slice(&event::to_json(&record, None)).unwrap();
        for told in [serde_json::from_slice(&shown).unwrap(), event["data"].clone()] {
            let mut expected = stored.clone();
            expected["payment"]["settled"] = true.into();
            assert_eq!(told, expected);
        }
    }
}
