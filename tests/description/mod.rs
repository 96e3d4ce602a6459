//! The description of the API, docs/openapi.json: made here from the types of the source, and never by hand.
//!
//! `WRITE_SNAPSHOTS=1 cargo test --package tests --test promises description::` writes it. The client of the harness
//! compares each answer that it gets with it.

mod document;
mod examples;
mod operation;
mod operations;
mod readers;
mod responses;
mod schemas;

use std::collections::BTreeSet;
use std::{env, fs};

use access::ROUTES;
use serde_json::Value;

use crate::tree;

const FILE: &str = "docs/openapi.json";

/// It, as it is in the tree.
pub(crate) fn written() -> Value {
    serde_json::from_str(&tree::text(FILE)).unwrap()
}

#[test]
fn the_description_is_what_the_types_of_the_source_say() {
    let text = serde_json::to_string_pretty(&document::document()).unwrap().replace("  ", " ") + "\n";
    if env::var_os("WRITE_SNAPSHOTS").is_some() {
        fs::write(tree::root().join(FILE), &text).unwrap();
    }
    let how = "Run: WRITE_SNAPSHOTS=1 cargo test --package tests --test promises description::, then make build";
    assert!(tree::text(FILE) == text, "{FILE} is not up to date. {how}");
}

#[test]
fn each_route_is_described_and_no_other() {
    let document = written();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let routes = ROUTES.iter().map(|route| format!("{} {}", route.method, document::path(route.path)));
    assert_eq!(described, routes.collect());
}

#[test]
fn each_schema_that_is_referred_to_is_there() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(target)) => {
                    let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} is elsewhere"));
                    assert!(document.pointer(pointer).is_some(), "there is no {target}");
                }
                _ => check(document, value),
            }),
            Value::Array(values) => values.iter().for_each(|value| check(document, value)),
            _ => {}
        }
    }
    let document = written();
    check(&document, &document);
}
