//! Gives what a script declares a name of one or two letters. Redis never reads a longer one, and components carry it.

use std::collections::{BTreeMap, BTreeSet};

/// Each declared name with the short one that stands for it, the same in all scripts.
pub(crate) type ShortNames = BTreeMap<String, String>;

/// Words of Lua 5.1 that are short enough to be mistaken for a name.
const KEYWORDS: [&str; 4] = ["do", "if", "in", "or"];

/// Short names for everything that these texts declare, the shortest for what stands there most often.
pub(crate) fn short_names(texts: &[String]) -> ShortNames {
    let declared: BTreeSet<&str> = texts.iter().flat_map(|text| declared(text)).filter(|name| *name != "_").collect();
    let (mut counts, mut taken) = (BTreeMap::new(), BTreeSet::from(KEYWORDS));
    for token in texts.iter().flat_map(|text| tokens(text)) {
        match token {
            Token::Name(name) if declared.contains(name) => *counts.entry(name).or_insert(0) += 1,
            Token::Name(other) | Token::Other(other) => drop(taken.insert(other)),
        }
    }
    let mut names: Vec<_> = counts.into_iter().collect();
    names.sort_by_key(|(name, count)| (usize::MAX - count, *name));
    let letters = || (b'a'..=b'z').chain(b'A'..=b'Z').map(|letter| (letter as char).to_string());
    let pairs = letters().flat_map(|first| letters().map(move |second| [first.as_str(), &second].concat()));
    let free = letters().chain(pairs).filter(|short| !taken.contains(short.as_str()));
    names.into_iter().map(|(name, _)| name.to_owned()).zip(free).collect()
}

/// The text with the short names.
pub(crate) fn shortened(text: &str, names: &ShortNames) -> String {
    let short = |name| names.get(name).map_or(name, String::as_str);
    tokens(text)
        .into_iter()
        .map(|token| if let Token::Name(name) = token { short(name) } else { token.text() })
        .collect()
}

/// A piece of a script.
enum Token<'a> {
    /// A variable or a keyword.
    Name(&'a str),
    /// A field's name, a string, a number, a sign or white space.
    Other(&'a str),
}

impl<'a> Token<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Name(text) | Self::Other(text) => text,
        }
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut open, mut rest) = (Vec::new(), Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match first {
            '\'' | '"' => 2 + rest[1..].find(first).expect("a string ends"),
            c if is_part(c) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            '{' | '(' => open.push(first),
            '}' | ')' => drop(open.pop()),
            _ => {}
        }
        let is_key = open.last() == Some(&'{') && after.starts_with('=') && !after.starts_with("==");
        let is_dot = |back: usize| tokens.iter().rev().nth(back).is_some_and(|token: &Token<'_>| token.text() == ".");
        let is_field = is_dot(0) && !is_dot(1);
        let is_name = is_part(first) && !first.is_ascii_digit() && !is_key && !is_field;
        tokens.push(if is_name { Token::Name(token) } else { Token::Other(token) });
        rest = after;
    }
    tokens
}

/// What a squeezed text declares: behind `local` and `for`, and the parameters of functions.
fn declared(text: &str) -> Vec<&str> {
    let (mut names, mut tokens) = (Vec::new(), tokens(text).into_iter().peekable());
    while let Some(token) = tokens.next() {
        let is_function = token.text() == "function";
        if !is_function && !matches!(token.text(), "local" | "for") {
            continue;
        }
        while let Some(token) =
            tokens.next_if(|token| token.text() != "function" && !matches!(token.text(), "=" | "in" | "\n" | ")"))
        {
            if let Token::Name(name) = token {
                names.push(name);
            }
        }
    }
    names
}
