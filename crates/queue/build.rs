//! Prepares the Lua scripts: the digest by which Redis knows each, and the text without comments, since a component
//! carries it. Comment lines stay as empty lines, so that the line numbers in Redis's errors, less the prelude's, fit.

use std::path::Path;
use std::{env, fs};

fn main() {
    let scripts = Path::new("src/scripts");
    println!("cargo::rerun-if-changed={}", scripts.display());
    let prelude = without_comments(&read(&scripts.join("prelude.lua")));
    let mut generated = format!("const PRELUDE: &str = {prelude:?};\n");

    let mut names: Vec<_> = fs::read_dir(scripts)
        .expect("the scripts lie in src/scripts")
        .map(|entry| entry.expect("the folder can be listed").file_name().into_string().expect("names are ASCII"))
        .filter(|name| name != "prelude.lua")
        .collect();
    names.sort();
    let mut all = String::new();
    for name in names {
        let body = without_comments(&read(&scripts.join(&name)));
        let digest = sha1_smol::Sha1::from(format!("{prelude}{body}")).digest().to_string();
        let constant = name.trim_end_matches(".lua").to_uppercase();
        all.push_str(&format!("&{constant}, "));
        generated.push_str(&format!(
            "pub(crate) static {constant}: Script = Script {{ name: {name:?}, body: {body:?}, digest: {digest:?} }};\n"
        ));
    }
    generated.push_str(&format!("#[cfg(feature = \"native\")]\npub(crate) static ALL: &[&Script] = &[{all}];\n"));
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("scripts.rs");
    fs::write(out, generated).expect("cargo's folder can be written to");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim).map(|line| if line.starts_with("--") { "" } else { line });
    lines.flat_map(|line| [line, "\n"]).collect()
}
