//! How wide the prose is.

use super::markdown::Page;

/// The widest line of prose. Tables and code blocks may be wider, because they can't be wrapped.
const WIDTH: usize = 120;

#[test]
fn no_line_of_prose_is_wider_than_120_columns() {
    let mut wide = Vec::new();
    for page in Page::all() {
        let lines = page.lines().filter(|line| !line.is_table() && line.text.chars().count() > WIDTH);
        wide.extend(lines.map(|line| format!("{}:{}: {}", page.path, line.number, line.text)));
    }
    assert!(wide.is_empty(), "wrap these at {WIDTH} columns:\n{}", wide.join("\n"));
}
