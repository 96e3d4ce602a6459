//! The README is a first page, and its figures were measured.

use std::fs;
use std::process::Command;

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

/// What make says before it builds in an empty folder with two cores, or in one where the host is built already.
fn announced(is_built: Built) -> String {
    let folder = tempfile::tempdir().unwrap();
    if is_built == Built::Before {
        fs::create_dir_all(folder.path().join("target/debug")).unwrap();
        fs::write(folder.path().join("target/debug/host"), "").unwrap();
    }
    let makefile = tree::root().join("Makefile");
    let mut make = Command::new("make");
    make.args(["--silent", "announce", "CORES=2", "--file"]).arg(makefile).current_dir(folder.path());
    let output = make.output().expect("make is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Built {
    Before,
    Never,
}

#[test]
fn make_says_how_long_a_first_build_takes_before_it_begins_and_the_documents_say_the_same() {
    let said = announced(Built::Never);
    let minutes = said.split("It takes about ").nth(1).and_then(|rest| rest.split(' ').next());
    let minutes: u32 = minutes.and_then(|minutes| minutes.parse().ok()).unwrap_or_else(|| panic!("make says {said:?}"));
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text = tree::text(page).split_whitespace().collect::<Vec<_>>().join(" ");
        let told = format!("takes about {minutes} minutes on 2 cores");
        assert!(text.contains(&told), "{page} doesn't say of the first build that it {told:?}, as make does");
    }
}

#[test]
fn make_says_nothing_of_a_first_build_where_the_host_is_built() {
    assert_eq!(announced(Built::Before), "");
}
