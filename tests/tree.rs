//! The files of the repository, for the rooms that read them.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use crate::harness::root;

/// A path from the repository's root on.
pub(crate) fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

/// The text of a file, by its path in the repository.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A TOML file, by its path in the repository.
pub(crate) fn toml(path: impl AsRef<Path>) -> toml::Table {
    let path = path.as_ref();
    text(path).parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file that ends so below a folder of the repository, in order. Built, installed and hidden files are left out.
pub(crate) fn files(folder: impl AsRef<Path>, ending: &str) -> Vec<PathBuf> {
    let mut open = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().expect("an entry has a name").to_string_lossy();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The same, where there must be some.
pub(crate) fn some_files(folder: impl AsRef<Path>, ending: &str) -> Vec<PathBuf> {
    let folder = folder.as_ref();
    let files = files(folder, ending);
    assert!(!files.is_empty(), "{}: there is no file that ends with .{ending}", folder.display());
    files
}
