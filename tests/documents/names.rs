//! What the documents name is there: paths, tests and make's targets.

use super::markdown::Page;
use crate::tree;

/// What a path in the repository begins with.
const TOP: [&str; 5] = ["components/", "crates/", "tools/", "tests/", "docs/"];

/// What stands for a name in a path that is only a pattern.
const PATTERN: [char; 6] = ['{', '*', '<', '…', ' ', '"'];

/// The release notes name what was there, not what is there.
fn present() -> Vec<Page> {
    Page::all().into_iter().filter(|page| page.path != "CHANGELOG.md").collect()
}

#[test]
fn each_path_that_a_document_names_exists() {
    let mut missing = Vec::new();
    for page in present() {
        let paths = page.spans().filter(|(_, span)| TOP.iter().any(|top| span.starts_with(top)));
        for (line, path) in paths.filter(|(_, path)| !path.contains(PATTERN)) {
            if !tree::root().join(path).exists() {
                missing.push(format!("{}:{line}: {path}", page.path));
            }
        }
    }
    assert!(missing.is_empty(), "these paths don't exist:\n{}", missing.join("\n"));
}

#[test]
fn each_test_that_contributing_names_exists() {
    let sources: Vec<String> = tree::some_files("", "rs").iter().map(tree::text).collect();
    let page = Page::read("CONTRIBUTING.md");
    let in_code = page.code().flat_map(|line| line.text.split(' ').map(move |word| (line.number, word)));
    let named: Vec<(usize, &str)> = page.spans().chain(in_code).filter(|(_, name)| is_test(name)).collect();
    assert!(named.len() > 5, "CONTRIBUTING.md names only {named:?}");
    for (line, test) in named {
        let function = format!("fn {}(", test.rsplit("::").next().unwrap_or(test));
        let is_there = sources.iter().any(|source| source.contains(&function));
        assert!(is_there, "CONTRIBUTING.md:{line}: there is no test {test}");
    }
}

/// A test is a sentence: four words or more.
fn is_test(span: &str) -> bool {
    let name = span.rsplit("::").next().unwrap_or_default();
    let is_name = span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':'));
    is_name && name.matches('_').count() >= 3
}

#[test]
fn each_target_of_make_that_a_document_names_exists() {
    let makefile = tree::text("Makefile");
    for page in present() {
        for (line, command) in page.spans() {
            let Some(rest) = command.strip_prefix("make ") else { continue };
            let target = rest.split(' ').find(|word| !word.contains('=')).unwrap_or_default();
            let is_there = makefile.lines().any(|rule| rule.starts_with(&format!("{target}:")));
            assert!(is_there, "{}:{line}: the Makefile has no target {target:?}", page.path);
        }
    }
}
