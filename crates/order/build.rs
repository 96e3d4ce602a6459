//! Writes tables as short as they can be, out of crates that know more than a component can carry.

#[path = "build/iso_codes.rs"]
mod iso_codes;
#[path = "build/normal_form.rs"]
mod normal_form;

use std::path::Path;
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "only what runs in a component must not read the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    for (name, text) in [("iso_codes.rs", iso_codes::constants()), ("normal_form.rs", normal_form::tables())] {
        fs::write(Path::new(&out).join(name), text).expect("cargo's folder can be written to");
    }
}
