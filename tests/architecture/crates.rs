//! The crates of the workspace, and the file with which each begins.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tree::{self, relative, root};

/// The folders that the workspace's Cargo.toml lists as its members.
pub(super) fn members() -> Vec<PathBuf> {
    let manifest = manifest(root());
    let members = manifest["workspace"]["members"].as_array().expect("the workspace lists its members");
    let members = members.iter().map(|member| member.as_str().expect("a member is a path"));
    members.flat_map(folders).collect()
}

/// `components/*` stands for each folder in `components` that has a Cargo.toml.
fn folders(member: &str) -> Vec<PathBuf> {
    match member.strip_suffix("/*") {
        None => vec![root().join(member)],
        Some(parent) => {
            let folders = entries(&root().join(parent)).into_iter();
            folders.filter(|folder| folder.join("Cargo.toml").exists()).collect()
        }
    }
}

/// The first file of each library, program and test of a member, where cargo looks for it or its manifest says.
pub(super) fn first_files(member: &Path) -> BTreeSet<PathBuf> {
    let manifest = manifest(member);
    let mut files: BTreeSet<PathBuf> =
        ["src/lib.rs", "src/main.rs", "build.rs"].iter().map(|file| member.join(file)).collect();
    for folder in ["src/bin", "tests", "benches", "examples"] {
        for entry in entries(&member.join(folder)) {
            files.insert(if entry.is_dir() { entry.join("main.rs") } else { entry });
        }
    }
    let tables =
        ["bin", "test", "bench", "example"].iter().filter_map(|table| manifest.get(*table)?.as_array()).flatten();
    for target in tables.chain(manifest.get("lib")) {
        files.extend(target.get("path").and_then(toml::Value::as_str).map(|path| member.join(path)));
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs") && file.exists());
    assert!(!files.is_empty(), "{}: no library, program or test was found", relative(member).display());
    files
}

fn manifest(folder: &Path) -> toml::Table {
    tree::toml(folder.join("Cargo.toml"))
}

/// What lies in a folder; nothing if there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The profile `dev` is that of the crates that ours use, and each of ours departs from it.
#[test]
fn each_crate_of_ours_that_runs_natively_checks_overflows_and_has_its_lines_in_a_backtrace() {
    let profile = &manifest(root())["profile"]["dev"]["package"];
    let natively = members().into_iter().filter(|member| !member.starts_with(root().join("components")));
    for member in natively {
        let name = manifest(&member)["package"]["name"].as_str().expect("a crate has a name").to_owned();
        let own = profile.get(&name).unwrap_or_else(|| panic!("Cargo.toml has no [profile.dev.package.{name}]"));
        for check in ["debug-assertions", "overflow-checks"] {
            assert_eq!(own.get(check), Some(&true.into()), "{name} is built without {check}");
        }
        assert_eq!(own.get("debug"), Some(&"line-tables-only".into()), "{name} is built without lines");
    }
}
