//! `host build`.

use std::process::Command;

use crate::harness::{EMPTY, Folder};

#[test]
fn each_distinct_command_runs_once_in_its_folder() {
    let manifest = format!(
        "{EMPTY}
[component.a]
source = \"a.wasm\"
build = {{ command = [\"echo shared >> log\", \"echo a >> log\"] }}
[component.b]
source = \"b.wasm\"
build = {{ command = \"echo shared >> log\" }}
[component.c]
source = \"c.wasm\"
build = {{ command = \"echo shared >> ../log\", workdir = \"inner\" }}
"
    );
    let folder = Folder::with_manifest(&manifest);
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let status =
        Command::new(env!("CARGO_BIN_EXE_host")).args(["build", "--manifest"]).arg(folder.manifest()).status().unwrap();
    assert!(status.success());
    assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "shared\na\nshared\n");
}

#[test]
fn a_command_that_fails_is_named_with_its_component() {
    let manifest = format!("{EMPTY}[component.door]\nsource = \"d.wasm\"\nbuild = {{ command = \"exit 3\" }}\n");
    let folder = Folder::with_manifest(&manifest);
    let output =
        Command::new(env!("CARGO_BIN_EXE_host")).args(["build", "--manifest"]).arg(folder.manifest()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("the component `door` could not be built: `exit 3` ended with exit status: 3"), "{error}");
}
