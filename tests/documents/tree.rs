//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The text of a file, by its path in the repository.
pub(super) fn text(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A TOML file, by its path in the repository.
pub(super) fn toml(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The paths of all files that end so, below a folder of the repository. What is built and what is hidden is left out.
pub(super) fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut open = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().expect("an entry has a name").to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(in_repository(&path));
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} files below {folder:?}");
    found.sort();
    found
}

fn in_repository(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root()).expect("it was found there").to_owned();
    path.to_string_lossy().into_owned()
}
