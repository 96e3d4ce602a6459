//! Many orders in one body.

use order::batch::{BatchItem, ORDERS, in_body, parse};
use order::{BodyFault, Fault};
use serde_json::{Value, json};

use crate::sample::{full, least};

fn read(body: &Value) -> Vec<Result<BatchItem, Vec<Fault>>> {
    parse(body.to_string().as_bytes()).unwrap()
}

fn pointers(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.pointer.as_str()).collect()
}

#[test]
fn each_order_is_read_by_itself_with_its_own_key() {
    let mut keyed = full();
    keyed["idempotency_key"] = "cart-1".into();
    let mut without = least();
    without["idempotency_key"] = Value::Null;
    let items = read(&json!({"orders": [keyed, least(), without]}));
    let [first, second, third] = <[_; 3]>::try_from(items).unwrap();
    let first = first.unwrap();
    assert_eq!(first.key.unwrap().as_str(), "cart-1");
    assert_eq!(first.order, order::NewOrder::parse(full().to_string().as_bytes()).unwrap());
    assert_eq!((second.unwrap().key, third.unwrap().key), (None, None));
}

#[test]
fn an_order_with_faults_keeps_no_other_from_being_read_and_its_pointers_are_those_of_the_body() {
    let mut faulty = least();
    faulty["currency"] = "EURO".into();
    faulty["idempotency_key"] = "a key".into();
    let mut typed = least();
    typed["idempotency_key"] = 5.into();
    let body = json!({"orders": [least(), faulty, 7, typed, least()]});
    let items = read(&body);
    assert!(items[0].is_ok() && items[4].is_ok());
    let faults = |at: usize| pointers(items[at].as_ref().unwrap_err());
    assert_eq!(faults(1), ["/orders/1/idempotency_key", "/orders/1/currency"]);
    assert_eq!(faults(2), ["/orders/2"]);
    assert_eq!(faults(3), ["/orders/3/idempotency_key"]);
    for fault in items.iter().filter_map(|item| item.as_ref().err()).flatten() {
        assert!(body.pointer(&fault.pointer).is_some(), "{fault:?}");
    }
    let twice = least().to_string().replacen('{', r#"{"idempotency_key":"a","idempotency_key":"b","#, 1);
    let items = parse(format!("{{\"orders\":[{twice}]}}").as_bytes()).unwrap();
    assert_eq!(pointers(items[0].as_ref().unwrap_err()), ["/orders/0/idempotency_key"]);
    let fault = in_body(3, Fault { pointer: "/payment".to_owned(), detail: "x".into() });
    assert_eq!(fault.pointer, "/orders/3/payment");
}

#[test]
fn what_is_no_list_of_orders_is_refused_as_a_whole() {
    for (body, pointer) in [
        (json!([]), ""),
        (json!({}), "/orders"),
        (json!({"orders": {}}), "/orders"),
        (json!({"orders": []}), "/orders"),
        (json!({"orders": vec![least(); ORDERS + 1]}), "/orders"),
        (json!({"orders": [least()], "more": 1}), "/more"),
    ] {
        match parse(body.to_string().as_bytes()) {
            Err(BodyFault::Invalid(faults)) => assert_eq!(pointers(&faults), [pointer], "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    assert!(matches!(parse(b"{"), Err(BodyFault::NotJson(_))));
    assert_eq!(read(&json!({"orders": vec![least(); ORDERS]})).len(), ORDERS);
}
