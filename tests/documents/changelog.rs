//! The changelog follows the version.

use super::markdown::Page;
use crate::tree;

#[test]
fn the_changelog_has_a_section_for_the_version_with_its_date() {
    let version = tree::toml("Cargo.toml")["workspace"]["package"]["version"].as_str().unwrap().to_owned();
    let page = Page::read("CHANGELOG.md");
    let named = format!("[{version}] - ");
    let date = page.headings().find_map(|(depth, heading)| heading.strip_prefix(&named).filter(|_| depth == 2));
    let date = date.unwrap_or_else(|| panic!("CHANGELOG.md lacks a section `## {named}YYYY-MM-DD`"));
    let lengths: Vec<usize> = date.split('-').map(str::len).collect();
    let is_date = lengths == [4, 2, 2] && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    assert!(is_date, "{date:?} must be a date like 2026-11-26");
}

#[test]
fn the_application_has_the_version_of_its_crates() {
    let crates = tree::toml("Cargo.toml")["workspace"]["package"]["version"].clone();
    assert_eq!(tree::toml("spin.toml")["application"]["version"], crates);
}
