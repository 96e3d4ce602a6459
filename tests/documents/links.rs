//! Links within the repository lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::markdown::Page;
use crate::tree;

#[test]
fn each_link_leads_to_a_file_and_to_a_heading_that_exist() {
    let mut dead = Vec::new();
    let mut followed = 0;
    for page in Page::all() {
        for (line, target) in page.links().filter(|(_, target)| !target.contains("://")) {
            followed += 1;
            if let Err(why) = follow(&page.path, target) {
                dead.push(format!("{}:{line}: {target}: {why}", page.path));
            }
        }
    }
    assert!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
    assert!(followed > 10, "only {followed} links were found");
}

fn follow(from: &str, target: &str) -> Result<(), String> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { PathBuf::from(from) } else { straight(&folder.join(file)) };
    if !tree::root().join(&path).exists() {
        return Err("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let page = Page::read(&path.to_string_lossy());
    let is_there = page.headings().any(|(_, heading)| slug(heading) == anchor);
    if is_there { Ok(()) } else { Err(format!("{} has no such heading", path.display())) }
}

/// The path without `..`.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(straight.pop()),
            part => straight.push(part),
        }
    }
    straight
}

/// The name by which a heading is linked, as GitHub makes it.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}
