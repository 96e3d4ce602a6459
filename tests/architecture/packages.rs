//! What others built is fetched as it was when it was measured, whenever that was.

use serde_json::Value;

use crate::tree;

const FOLDER: &str = "tools/bench/beside";
const REGISTRY: &str = "https://registry.npmjs.org/";

#[test]
fn the_bench_fetches_from_npm_only_what_its_lock_file_names_by_version_and_digest() {
    let json = |file: &str| -> Value { serde_json::from_str(&tree::text(format!("{FOLDER}/{file}"))).unwrap() };
    let (manifest, lock) = (json("package.json"), json("package-lock.json"));
    let asked = manifest["dependencies"].as_object().unwrap();
    assert!(asked.len() >= 5, "what is fetched stands elsewhere: {asked:?}");
    for (name, version) in asked {
        let version = version.as_str().unwrap();
        assert!(is_exact(version), "{FOLDER}/package.json lets npm choose a version of {name}: {version}");
        let locked = &lock["packages"][format!("node_modules/{name}")]["version"];
        assert_eq!(locked, version, "the lock file has another {name}: run `npm install` in {FOLDER}");
    }
    for (place, package) in lock["packages"].as_object().unwrap().iter().filter(|(place, _)| !place.is_empty()) {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let elsewhere = package.get("resolved").filter(|_| !text("resolved").starts_with(REGISTRY));
        assert!(elsewhere.is_none(), "{place} comes from elsewhere than the registry: {package}");
        assert!(text("integrity").starts_with("sha512-"), "{place} has no digest: {package}");
    }
}

/// Whether it is one version, and no range.
fn is_exact(version: &str) -> bool {
    version.split('.').count() == 3 && version.chars().all(|c| c.is_ascii_digit() || c == '.')
}
