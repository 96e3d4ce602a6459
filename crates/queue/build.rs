//! Prepares the Lua scripts: the digest by which Redis knows each; the text without comments, with short names and
//! packed, since a component carries it and seldom sends it; the parts of the prelude that it needs, since each costs
//! Redis time at every call; the names of what the script takes and gives; and the commands and keys that a user of
//! Redis needs the rights to.

#[path = "build/dense.rs"]
mod dense;
#[path = "build/short.rs"]
mod short;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use short::{ShortNames, short_names, shortened};

fn main() {
    let scripts = Path::new("src/scripts");
    println!("cargo::rerun-if-changed={}", scripts.display());
    let text = read(&scripts.join("prelude.lua"));
    let mut names: Vec<_> = fs::read_dir(scripts)
        .expect("the scripts lie in src/scripts")
        .map(|entry| entry.expect("the folder can be listed").file_name().into_string().expect("names are ASCII"))
        .filter(|name| name != "prelude.lua")
        .collect();
    names.sort();
    let bodies: Vec<_> = names.iter().map(|name| without_comments(&read(&scripts.join(name)))).collect();
    let prelude = Prelude::new(&text, &bodies);
    let whole = prelude.short.concat();
    let packed = packed(&whole, "");
    let mut generated = format!("static PRELUDE: Packed = Packed {{ bytes: &{packed:?}, length: {} }};\n", whole.len());
    generated.push_str(&format!("pub(crate) static KEYS: &[&str] = &{:?};\n", Vec::from_iter(keys(&text))));
    let mut called = commands(&text);
    let mut all = String::new();
    for (name, body) in names.iter().zip(&bodies) {
        called.extend(commands(body));
        let constant = name.trim_end_matches(".lua").to_uppercase();
        all.push_str(&format!("&{constant}, "));
        generated.push_str(&constant_of(&constant, name, &prelude, body));
    }
    generated.push_str(&format!("pub(crate) static COMMANDS: &[&str] = &{:?};\n", Vec::from_iter(called)));
    generated
        .push_str(&format!("#[cfg(any(test, feature = \"native\"))]\npub(crate) static ALL: &[&Script] = &[{all}];\n"));
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("scripts.rs");
    fs::write(out, generated).expect("cargo's folder can be written to");
}

/// The commands of Redis that a text calls by their names, and those of the table `KINDS`, which it calls by the kind.
fn commands(text: &str) -> BTreeSet<String> {
    let quoted = |rest: &str| rest.split('\'').next().unwrap_or_default().to_owned();
    let called = ["call('", "call_with('"].into_iter().flat_map(|call| text.split(call).skip(1));
    let kinds = text.lines().find_map(|line| line.split_once("KINDS = {")).map_or("", |(_, kinds)| kinds);
    called.map(quoted).chain(kinds.split(" = '").skip(1).map(quoted)).collect()
}

/// The keys that the prelude lists, each without the namespace: `<queue>:due`.
fn keys(prelude: &str) -> BTreeSet<&str> {
    let lines = prelude.lines().filter_map(|line| line.strip_prefix("--   ns:"));
    let keys: BTreeSet<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(keys.contains("<queue>:due"), "the prelude no longer lists its keys as `ns:<queue>:due`");
    keys
}

/// What all scripts share.
struct Prelude {
    /// Its parts as they are written.
    parts: Vec<String>,
    /// The same with short names.
    short: Vec<String>,
    names: ShortNames,
}

impl Prelude {
    fn new(text: &str, bodies: &[String]) -> Self {
        let parts = parts(text);
        let texts: Vec<_> = parts.iter().cloned().chain(bodies.iter().map(|body| squeezed(body))).collect();
        let names = short_names(&texts);
        Self { short: parts.iter().map(|part| shortened(part, &names)).collect(), parts, names }
    }
}

fn constant_of(constant: &str, name: &str, prelude: &Prelude, body: &str) -> String {
    let (parts, short) = (needed(&prelude.parts, body), &prelude.short);
    let squeezed = shortened(&squeezed(body), &prelude.names);
    let text = parts.iter().map(|part| short[*part].as_str()).chain([squeezed.as_str()]).collect::<String>();
    let begin = |part: usize| short[..part].iter().map(String::len).sum::<usize>();
    let ranges: String = parts.iter().map(|part| format!("({}, {}), ", begin(*part), begin(part + 1))).collect();
    let packed = packed(&squeezed, &short.concat());
    let digest = sha1_smol::Sha1::from(text).digest().to_string();
    let (takes, gives) = (takes(name, body), gives(body));
    format!(
        "pub(crate) static {constant}: Script = Script {{
            name: {name:?}, parts: &[{ranges}], digest: {digest:?},
            body: Packed {{ bytes: &{packed:?}, length: {} }},
            #[cfg(any(debug_assertions, feature = \"native\"))] takes: &{takes},
            #[cfg(any(debug_assertions, feature = \"native\"))] gives: &{gives},
        }};\n",
        squeezed.len()
    )
}

fn packed(text: &str, dictionary: &str) -> Vec<u8> {
    let packed = dense::packed(text.as_bytes(), dictionary.as_bytes());
    let unpacked = lz4_flex::block::decompress_with_dict(&packed, text.len(), dictionary.as_bytes());
    assert_eq!(unpacked.expect("it can be unpacked"), text.as_bytes(), "it unpacks to what it was");
    packed
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim).filter(|line| !line.starts_with("--") && !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The text without the spaces that stand beside a sign, except in strings.
fn squeezed(script: &str) -> String {
    let is_sign = |c: Option<char>| c.is_none_or(|c| "=~<>+-*/%,(){}[]\n".contains(c));
    let (mut squeezed, mut quote) = (String::new(), None);
    let mut rest = script.chars().peekable();
    while let Some(c) = rest.next() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' && (is_sign(squeezed.chars().last()) || is_sign(rest.peek().copied())) => continue,
            _ => {}
        }
        squeezed.push(c);
    }
    squeezed
}

/// The prelude, cut before each thing that it declares.
fn parts(prelude: &str) -> Vec<String> {
    let declared = prelude.split("\nlocal ").skip(1);
    declared.map(|part| squeezed(&without_comments(&format!("local {part}")))).collect()
}

/// The parts, by index, that a script or one of these parts names.
fn needed(prelude: &[String], body: &str) -> Vec<usize> {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let mut named: BTreeSet<String> = words(body).into_iter().collect();
    let mut needed = Vec::new();
    // What a part names was declared before it.
    for (index, part) in prelude.iter().enumerate().rev() {
        let declaration = part.lines().next().unwrap_or_default().trim_start_matches("local ");
        let declaration =
            declaration.strip_prefix("function ").map_or(declaration, |name| &name[..name.find('(').unwrap_or(0)]);
        let names = declaration.split_once("=").map_or(declaration, |(names, _)| names);
        if words(names).iter().any(|name| named.contains(name)) {
            named.extend(words(part));
            needed.insert(0, index);
        }
    }
    needed
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
