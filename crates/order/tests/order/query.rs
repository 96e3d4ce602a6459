//! Queries for many orders: what they may say, and which orders they mean.

use order::limits::{LISTED, MOST_LISTED};
use order::{NewOrder, OrderId, OrderJson, OrderQuery, Placed, State, Timestamp, Waiting};

use crate::sample::full;

fn query(text: &str) -> OrderQuery {
    OrderQuery::parse(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
}

/// The faults as a client reads them, each as one sentence.
fn faults(text: &str) -> Vec<String> {
    let faults = OrderQuery::parse(text).expect_err(text);
    faults.into_iter().map(|fault| format!("{} {}", fault.parameter, fault.detail)).collect()
}

#[test]
fn a_query_may_say_nothing_and_each_thing_once() {
    assert_eq!(query(""), OrderQuery { limit: LISTED, ..OrderQuery::default() });
    let all = query("status=needs_attention&reference=a%26b&email=a%40b.test&created_from=2026-09-01&limit=7");
    assert_eq!((all.status, all.limit), (Some(State::NeedsAttention), 7));
    assert_eq!(all.reference.unwrap().as_str(), "a&b");
    assert_eq!(faults("limit=1&limit=2"), ["limit is there more than once"]);
    let unknown = "is not known here, only status, reference, email, created_from, created_to, limit, cursor";
    assert_eq!(faults("sort=up&Limit=1"), [format!("sort {unknown}"), format!("Limit {unknown}")]);
    for limit in ["0", "-1", "", "1.5", &(MOST_LISTED + 1).to_string()] {
        assert_eq!(faults(&format!("limit={limit}")), [format!("limit must be from 1 to {MOST_LISTED}")]);
    }
}

#[test]
fn every_status_that_an_order_can_have_may_be_asked_for_and_no_other() {
    let names: Vec<_> = State::all().map(State::as_str).collect();
    for name in &names {
        assert_eq!(query(&format!("status={name}")).status.unwrap().as_str(), *name);
    }
    assert_eq!(faults("status=Queued"), [format!("status must be one of {}", names.join(", "))]);
}

#[test]
fn a_time_may_be_a_day_or_a_second_or_less() {
    let time = |text: &str| query(&format!("created_from={text}")).created_from.unwrap().to_string();
    assert_eq!(time("2026-09-01"), "2026-09-01T00:00:00.000Z");
    assert_eq!(time("2026-09-01T12:00:01Z"), "2026-09-01T12:00:01.000Z");
    for (text, read) in
        [(".250Z", "250"), (".1Z", "100"), (".123456789Z", "123"), (".5%2B00:00", "500"), ("+00:00", "000")]
    {
        assert_eq!(time(&format!("2026-09-01T12:00:01{text}")), format!("2026-09-01T12:00:01.{read}Z"));
    }
    for bad in ["2026-09-31", "yesterday", "2026-09-01T12:00:01+02:00", "2026-09-01T12:00:01.Z", "1767225600", ""] {
        let detail = "created_to must be a time in UTC such as 2026-09-01T12:00:00Z, or a day such as 2026-09-01";
        assert_eq!(faults(&format!("created_to={bad}")), [detail], "{bad}");
    }
}

#[test]
fn a_cursor_goes_on_in_the_list_that_it_is_of_and_in_no_other() {
    let asked = "status=queued&email=Ada@example.com&created_from=2026-09-01";
    let place = *b"twelve bytes";
    let cursor = query(asked).cursor(place);
    assert_eq!(query(&format!("{asked}&cursor={cursor}")).after, Some(place));
    let same = "created_from=2026-09-01T00:00:00Z&status=queued&limit=3&email=ada@EXAMPLE.com";
    assert_eq!(query(&format!("{same}&cursor={cursor}")).after, Some(place));
    for (other, cursor) in [
        ("", cursor.as_str()),
        ("status=queued&email=bob@example.com&created_from=2026-09-01", &cursor),
        ("status=queued&reference=Ada@example.com&created_from=2026-09-01", &cursor),
        ("status=queued&email=ada@example.com&created_to=2026-09-01", &cursor),
        (asked, &cursor[1..]),
        (asked, &format!("+{}", &cursor[1..])),
        (asked, ""),
    ] {
        let detail = "cursor must be the next of an answer to the same query";
        assert_eq!(faults(&format!("{other}&cursor={cursor}")), [detail], "{other} {cursor}");
    }
}

#[test]
fn an_order_is_meant_by_what_it_is_and_by_nothing_that_only_looks_so() {
    let id = OrderId::new(Timestamp::from_ms(1_700_000_000_000), [7; 10]);
    let shop: access::CallerName = "webshop".parse().unwrap();
    let order = NewOrder::parse(full().to_string().as_bytes()).unwrap();
    let email = order.customer().unwrap().email.to_string();
    let reference = order.reference().unwrap().to_string();
    let placed = Placed { id, order, shop: Some(shop.clone()), trace: None };
    let waiting = placed.waiting(Waiting::NeedsAttention);
    let other: access::CallerName = "outlet".parse().unwrap();
    let upper = email.to_uppercase();
    for (text, only, is_meant) in [
        (String::new(), None, true),
        (String::new(), Some(&shop), true),
        (String::new(), Some(&other), false),
        (format!("email={upper}&reference={reference}&status=needs_attention"), Some(&shop), true),
        (format!("email={upper}&status=queued"), None, false),
        (format!("reference={reference}x"), None, false),
        ("email=bob@example.com".to_owned(), None, false),
    ] {
        assert_eq!(query(&text).matches(&waiting, only), is_meant, "{text} {only:?}");
    }
    let gone = OrderJson::discarded(id, None);
    assert!(query("status=discarded").matches(&gone, None), "its content is gone");
    assert!(!query(&format!("email={email}")).matches(&gone, None));
    assert!(!query("").matches(&gone, Some(&shop)), "nobody can tell whose it was");
}

#[test]
fn the_first_moment_counts_and_the_last_does_not() {
    let asked = query("created_from=2026-09-01&created_to=2026-09-02");
    let is_in = |text: &str| asked.is_in_time(text.parse().unwrap());
    assert!(is_in("2026-09-01T00:00:00.000Z") && is_in("2026-09-01T23:59:59.999Z"));
    assert!(!is_in("2026-08-31T23:59:59.999Z") && !is_in("2026-09-02T00:00:00.000Z"));
}
