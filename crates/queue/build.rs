//! Prepares the Lua scripts: the digest by which Redis knows each, the text without comments, since a component carries
//! it, and the names of what the script takes and gives. Comment lines stay as empty lines, so that the line numbers in
//! Redis's errors, less those of the prelude and of seen.lua, fit.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

fn main() {
    let scripts = Path::new("src/scripts");
    println!("cargo::rerun-if-changed={}", scripts.display());
    let prelude = without_empty_lines(&without_comments(&read(&scripts.join("prelude.lua"))));
    let seen = without_empty_lines(&without_comments(&read(&scripts.join("seen.lua"))));
    let mut generated = format!("const PRELUDE: &str = {prelude:?};\n");

    let mut names: Vec<_> = fs::read_dir(scripts)
        .expect("the scripts lie in src/scripts")
        .map(|entry| entry.expect("the folder can be listed").file_name().into_string().expect("names are ASCII"))
        .filter(|name| name != "prelude.lua" && name != "seen.lua")
        .collect();
    names.sort();
    let mut all = String::new();
    for name in names {
        let mut body = without_comments(&read(&scripts.join(&name)));
        // Not a part of the prelude, because the largest component does without it.
        if body.contains("known_key(") {
            body.insert_str(0, &seen);
        }
        let constant = name.trim_end_matches(".lua").to_uppercase();
        all.push_str(&format!("&{constant}, "));
        generated.push_str(&constant_of(&constant, &name, &prelude, &body));
    }
    generated
        .push_str(&format!("#[cfg(any(test, feature = \"native\"))]\npub(crate) static ALL: &[&Script] = &[{all}];\n"));
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("scripts.rs");
    fs::write(out, generated).expect("cargo's folder can be written to");
}

fn constant_of(constant: &str, name: &str, prelude: &str, body: &str) -> String {
    let digest = sha1_smol::Sha1::from(format!("{prelude}{body}")).digest().to_string();
    let (takes, gives) = (takes(name, body), gives(body));
    format!(
        "pub(crate) static {constant}: Script = Script {{
            name: {name:?}, body: {body:?}, digest: {digest:?},
            #[cfg(any(debug_assertions, feature = \"native\"))] takes: &{takes},
            #[cfg(any(debug_assertions, feature = \"native\"))] gives: &{gives},
        }};\n"
    )
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim).map(|line| if line.starts_with("--") { "" } else { line });
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn without_empty_lines(script: &str) -> String {
    script.lines().filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// The names in each `local a, b = unpack(ARGV, 1, 2)` or `local a, b = take(2)`, as Rust writes a list of lists.
fn takes(script: &str, body: &str) -> String {
    let mut constants = BTreeMap::new();
    let mut lists = Vec::new();
    for line in body.lines() {
        let Some((names, value)) = line.strip_prefix("local ").and_then(|line| line.split_once(" = ")) else {
            continue;
        };
        let names: Vec<&str> = names.split(", ").collect();
        if names.iter().all(|name| name.chars().all(|c| c.is_ascii_uppercase())) {
            constants.extend(names.into_iter().zip(value.split(", ").map(str::to_owned)));
        } else if let Some(count) = count_of(value, &constants) {
            assert_eq!(names.len(), count, "{script}: {line}: other names than values");
            lists.push(names);
        }
    }
    list_of_lists(&lists)
}

/// How many arguments an expression takes; `None` for an expression that takes no arguments.
fn count_of(value: &str, constants: &BTreeMap<&str, String>) -> Option<usize> {
    if let Some(count) = value.strip_prefix("take(").and_then(|rest| rest.strip_suffix(')')) {
        return constants.get(count).map_or(count, String::as_str).parse().ok();
    }
    let range = value.strip_prefix("unpack(ARGV, ")?.strip_suffix(')')?;
    match range.split_once(", ")? {
        ("1", last) => last.parse().ok(),
        (first, last) if first == last => Some(1),
        (first, last) => last.strip_prefix(first)?.strip_prefix(" + ")?.parse::<usize>().ok().map(|more| more + 1),
    }
}

/// The names in each list that is, or becomes part of, the reply. A literal stands for a verdict.
fn gives(body: &str) -> String {
    let beginnings = ["return {", "local reply = {", "reply[#reply + 1] = {"];
    let lists = body.lines().flat_map(|line| {
        let rest = beginnings.iter().find_map(|beginning| line.split_once(beginning).map(|(_, rest)| rest));
        rest.and_then(|rest| rest.split_once('}')).map(|(names, _)| names)
    });
    let lists: Vec<Vec<&str>> = lists
        .filter(|names| !names.is_empty())
        .map(|names| names.split(", ").map(|name| if name.starts_with('\'') { "verdict" } else { name }).collect())
        .collect();
    list_of_lists(&lists)
}

fn list_of_lists(lists: &[Vec<&str>]) -> String {
    let lists: Vec<String> = lists.iter().map(|names| format!("&{names:?}")).collect();
    format!("[{}]", lists.join(", "))
}
