//! Writes the description of the API shorter than people read it: without indentation and line breaks, of which no
//! string in JSON has any.

use std::path::Path;
use std::{env, fs};

const DESCRIPTION: &str = "../../docs/openapi.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let text = fs::read_to_string(DESCRIPTION).expect("the repository has it");
    let short: String = text.lines().map(str::trim_start).collect();
    fs::write(Path::new(&out).join("openapi.json"), short).expect("cargo's folder can be written to");
}
