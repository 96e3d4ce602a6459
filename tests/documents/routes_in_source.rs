//! The routes of a component, as its source has them: patterns of path segments, and methods.

use std::collections::BTreeSet;

use crate::tree;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// One pattern of a `match` on the segments of a path.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    /// The methods that stand in it. Empty: another function checks the method.
    pub(super) methods: BTreeSet<String>,
}

/// A part of a pattern.
#[derive(Debug, PartialEq)]
pub(super) enum Segment {
    /// One of these words.
    Words(Vec<String>),
    /// Any one segment.
    Any,
    /// Any number of segments.
    Rest,
}

/// The patterns of a component's routes.rs; none if it has no such file.
pub(super) fn patterns(component: &str) -> Vec<Pattern> {
    let path = format!("components/{component}/src/routes.rs");
    if !tree::root().join(&path).exists() {
        return Vec::new();
    }
    patterns_in(&path)
}

/// The patterns of a file, which has some.
pub(super) fn patterns_in(path: &str) -> Vec<Pattern> {
    let patterns = parse(&tree::text(path));
    assert!(!patterns.is_empty(), "{path} has no patterns of path segments, or this test can't read them");
    patterns
}

/// Each list in brackets that stands before an arrow and has a word in it. An arm that only answers with an error
/// serves no route.
fn parse(source: &str) -> Vec<Pattern> {
    let source = without_comments(source);
    let arrows = source.match_indices("=>").map(|(at, arrow)| (&source[..at], &source[at + arrow.len()..]));
    let serving = arrows.filter(|(_, body)| !body.trim_start().starts_with("Err("));
    let patterns = serving.map(|(before, _)| pattern_before(before)).flat_map(|pattern| {
        let lists = lists(pattern).filter(|list| list.contains('"'));
        lists.map(move |list| Pattern { segments: segments(list), methods: methods_in(pattern) })
    });
    patterns.collect()
}

/// The last pattern of this piece of source: back to the comma or brace that ends the arm before.
fn pattern_before(source: &str) -> &str {
    let mut depth = 0;
    for (at, c) in source.char_indices().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' => depth -= 1,
            ',' | ';' | '{' | '}' if depth == 0 => return &source[at + 1..],
            _ => {}
        }
    }
    source
}

/// What stands in brackets.
fn lists(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(list, _)| list)
}

fn segments(list: &str) -> Vec<Segment> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(segment).collect()
}

fn segment(part: &str) -> Segment {
    let words: Vec<String> = part.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    match (words.is_empty(), part.contains("..")) {
        (false, _) => Segment::Words(words),
        (true, true) => Segment::Rest,
        (true, false) => Segment::Any,
    }
}

/// The methods in a piece of source, those in strings left out.
fn methods_in(source: &str) -> BTreeSet<String> {
    let code: String = without_comments(source).split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| METHODS.contains(word)).map(str::to_owned).collect()
}

fn without_comments(source: &str) -> String {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_pattern_is_read_with_its_words_and_its_methods() {
    let words = |words: &[&str]| Segment::Words(words.iter().map(|word| (*word).to_owned()).collect());
    let methods = |methods: &[&str]| methods.iter().map(|method| (*method).to_owned()).collect::<BTreeSet<_>>();
    let source = r#"
        (["orders", id], Method::GET | Method::HEAD) => show(id, ["a"]), // DELETE
        (["letters", queue, verb @ ("redrive" | "discard")], Method::POST) if is_queue(queue) => {
            verb(queue, "PUT")
        }
        (["health"] | ["metrics"], Method::GET) => look(),
        (["health"] | ["metrics"], _) => Err(Problem::MethodNotAllowed { allow: "GET" }),
        ["stock", _, ..] => stock(Method::PATCH),
    "#;
    let expected = [
        Pattern { segments: vec![words(&["orders"]), Segment::Any], methods: methods(&["GET", "HEAD"]) },
        Pattern {
            segments: vec![words(&["letters"]), Segment::Any, words(&["redrive", "discard"])],
            methods: methods(&["POST"]),
        },
        Pattern { segments: vec![words(&["health"])], methods: methods(&["GET"]) },
        Pattern { segments: vec![words(&["metrics"])], methods: methods(&["GET"]) },
        Pattern { segments: vec![words(&["stock"]), Segment::Any, Segment::Rest], methods: methods(&[]) },
    ];
    assert_eq!(parse(source), expected);
}
