//! docs/reference.md has the fields of an order.

use std::collections::BTreeSet;

use super::markdown::Page;
use crate::tree;

const PAGE: &str = "docs/reference.md";
const EVENTS: &str = "docs/webhooks.md";
/// Reads an order: every field that it can have is named here.
const SOURCE: &str = "crates/order/src/new_order/read.rs";

/// The words in quotes of a text.
fn quoted(text: &str) -> BTreeSet<String> {
    let is_name =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    text.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

/// The names in the lists of fields: `FIELDS … = […]` and `fields([…])`.
fn fields_of_the_source() -> BTreeSet<String> {
    let source = tree::text(SOURCE);
    let between = |begin, end| source.split(begin).skip(1).filter_map(move |rest: &str| rest.split(end).next());
    between("fields([", "])").chain(between("FIELDS: ", "];")).flat_map(quoted).collect()
}

#[test]
fn the_page_shows_each_field_of_an_order_and_no_other() {
    let text = tree::text(PAGE);
    let shown = text.split("```").skip(1).step_by(2).find(|block| block.contains("\"lines\": [{\"sku\", "));
    let shown = quoted(shown.unwrap_or_else(|| panic!("{PAGE} shows no order as its body is written")));
    assert_eq!(shown, fields_of_the_source(), "the fields of an order, by {PAGE} and by {SOURCE}");
}

#[test]
fn each_code_of_a_reason_has_a_row() {
    let page = Page::read(PAGE);
    let rows = page.rows("`reason_code`");
    let told: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(told, order::ReasonCode::ALL.map(order::ReasonCode::as_str));
}

#[test]
fn each_type_of_event_has_a_row() {
    let page = Page::read(EVENTS);
    let rows = page.rows("type");
    let told: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let types: BTreeSet<&str> = order::event::types().collect();
    assert_eq!(told, types, "the types of events, by {EVENTS} and by crates/order/src/event.rs");
}
