//! The README is a first page, and its figures were measured.

use super::markdown::Page;
use crate::tree;

#[test]
fn the_readme_has_fewer_than_100_lines() {
    let length = Page::read("README.md").length();
    assert!(length < 100, "README.md has {length} lines: move what isn't for a first reading to docs/");
}

/// Numbers that are followed by one of these were measured.
const UNITS: [&str; 2] = ["orders a second", "ms (median)"];

#[test]
fn each_figure_of_the_readme_stands_in_performance_md() {
    let readme = tree::text("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let measured = tree::text("docs/performance.md");
    for unit in UNITS {
        let before: Vec<&str> = readme.split(unit).collect();
        assert!(before.len() > 1, "README.md names no figure in {unit:?}");
        for text in &before[..before.len() - 1] {
            let figure = text.trim_end().rsplit(' ').next().unwrap_or_default().replace(',', "");
            assert!(figure.parse::<f64>().is_ok(), "{figure:?} stands before {unit:?}, and is no number");
            let is_measured = measured.split(|c: char| !c.is_ascii_digit() && c != '.').any(|number| number == figure);
            assert!(is_measured, "README.md says {figure} {unit}, but docs/performance.md has no such figure");
        }
    }
}
