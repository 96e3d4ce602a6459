//! docs/reference.md and docs/problems.md name the same problems.

use std::collections::BTreeSet;

use super::markdown::Page;

const ROUTES: &str = "docs/reference.md";
const PROBLEMS: &str = "docs/problems.md";

/// The problems that the routes can answer, as `409 illegal-move`.
fn of_routes() -> BTreeSet<String> {
    let page = Page::read(ROUTES);
    page.spans().map(|(_, span)| span).filter(|span| is_problem(span)).map(str::to_owned).collect()
}

fn is_problem(span: &str) -> bool {
    let name = |name: &str| name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase());
    span.split_once(' ').is_some_and(|(status, rest)| status.len() == 3 && status.parse::<u16>().is_ok() && name(rest))
}

/// The problems that are explained: a heading with the name, then the status and the title.
fn explained() -> BTreeSet<String> {
    let page = Page::read(PROBLEMS);
    let mut name = None;
    let mut problems = BTreeSet::new();
    for line in page.lines().filter(|line| !line.text.is_empty()) {
        if let Some(name) = name.take() {
            let status = line.text.split(':').next().unwrap_or_default();
            problems.insert(format!("{status} {name}"));
        }
        name = line.text.strip_prefix("## `").and_then(|rest| rest.strip_suffix('`'));
    }
    problems
}

/// A problem's `type` is `urn:sluice:problem:` and the anchor of its heading on the page.
#[test]
fn the_type_of_each_problem_leads_to_its_heading() {
    let explained = explained();
    for kind in guest::PROBLEM_KINDS {
        let heading = format!("{} {}", kind.status.as_u16(), kind.name);
        assert!(explained.contains(&heading), "{PROBLEMS} has no heading {}", kind.name);
        let is_anchor = kind.name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase());
        assert!(is_anchor, "{} is not its own anchor", kind.name);
    }
}

#[test]
fn each_problem_is_explained_and_belongs_to_a_route() {
    let (of_routes, explained) = (of_routes(), explained());
    let unexplained: Vec<_> = of_routes.difference(&explained).collect();
    let without_route: Vec<_> = explained.difference(&of_routes).collect();
    assert!(unexplained.is_empty(), "{ROUTES} names {unexplained:?}, which {PROBLEMS} doesn't explain so");
    assert!(without_route.is_empty(), "{PROBLEMS} explains {without_route:?}, which {ROUTES} names under no route");
}
