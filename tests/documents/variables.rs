//! docs/configuration.md and spin.toml name the same variables.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::markdown::Page;
use crate::tree;

const PAGE: &str = "docs/configuration.md";

/// What the page says of a variable.
#[derive(Debug)]
struct Row {
    default: String,
    used_by: BTreeSet<String>,
}

/// The rows of the page. Each variable has one.
fn rows() -> BTreeMap<String, Row> {
    let page = Page::read(PAGE);
    let mut rows = BTreeMap::new();
    for cells in page.rows("variable") {
        let [name, default, range, used_by, meaning] = cells[..] else { panic!("{PAGE}: {cells:?} lacks a column") };
        assert!(!range.is_empty() && !meaning.is_empty(), "{PAGE}: the row of {name} has an empty cell");
        let default = if default == "empty" { String::new() } else { code(default).to_owned() };
        let used_by = used_by.split(", ").map(str::to_owned).collect();
        let before = rows.insert(code(name).to_owned(), Row { default, used_by });
        assert!(before.is_none(), "{PAGE} has two rows for {name}");
    }
    rows
}

/// The text of a cell that is one code span.
fn code(cell: &str) -> &str {
    let span = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    span.unwrap_or_else(|| panic!("{PAGE}: {cell:?} must be a code span"))
}

/// The variables of the application, with their defaults.
fn declared(manifest: &Table) -> BTreeMap<String, String> {
    let variables = manifest["variables"].as_table().unwrap();
    let default = |variable: &Value| variable["default"].as_str().unwrap().to_owned();
    variables.iter().map(|(name, variable)| (name.clone(), default(variable))).collect()
}

/// The components that are given a variable, or whose triggers or allowed hosts name it.
fn users(manifest: &Table, variable: &str) -> BTreeSet<String> {
    let template = format!("{{{{ {variable} }}}}");
    let components = manifest["component"].as_table().unwrap().iter();
    let direct = components.filter(|(_, component)| component.to_string().contains(&template));
    let triggers = manifest["trigger"].as_table().unwrap().values().flat_map(|kind| kind.as_array().unwrap());
    let by_trigger = triggers.filter(|trigger| trigger.to_string().contains(&template));
    let by_trigger = by_trigger.map(|trigger| trigger["component"].as_str().unwrap().to_owned());
    direct.map(|(name, _)| name.clone()).chain(by_trigger).collect()
}

#[test]
fn the_page_has_a_row_for_each_variable_and_no_other() {
    let (rows, declared) = (rows(), declared(&tree::toml("spin.toml")));
    let named: BTreeSet<&String> = rows.keys().collect();
    let wanted: BTreeSet<&String> = declared.keys().collect();
    let lacking: Vec<_> = wanted.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&wanted).collect();
    assert!(lacking.is_empty(), "{PAGE} lacks a row for {lacking:?}");
    assert!(unknown.is_empty(), "{PAGE} has rows for {unknown:?}, which spin.toml doesn't declare");
}

#[test]
fn each_row_has_the_default_of_spin_toml() {
    let declared = declared(&tree::toml("spin.toml"));
    for (name, row) in rows() {
        assert_eq!(Some(&row.default), declared.get(&name), "the default of {name} in {PAGE}, and in spin.toml");
    }
}

#[test]
fn each_row_names_the_components_that_use_the_variable() {
    let manifest = tree::toml("spin.toml");
    for (name, row) in rows() {
        assert_eq!(row.used_by, users(&manifest, &name), "who uses {name}, by {PAGE} and by spin.toml");
    }
}
