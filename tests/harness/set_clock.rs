//! A Redis whose clock can be set, without that anybody else's is.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The clock of one Redis. It shows the right time until it is set.
pub struct SettableClock {
    ahead: File,
    environment: Vec<(String, String)>,
}

impl SettableClock {
    /// The clock of a server whose data lies in `folder`.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("clock-ahead");
        let ahead = File::create(&path).expect("a file");
        let environment = [("LD_PRELOAD", library()), ("CLOCK_AHEAD", path.as_path())];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.display().to_string())).to_vec();
        let clock = Self { ahead, environment };
        clock.set(0);
        clock
    }

    /// What the server's process must find in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Sets it so many seconds ahead of the right time, or behind it.
    pub fn set(&self, ahead: i64) {
        self.ahead.write_all_at(&ahead.to_ne_bytes(), 0).expect("the file can be written to");
    }
}

/// The library that is preloaded, compiled once by the compiler that links Rust's programs too.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tmp"));
        let (library, own) = (folder.join("clock.so"), folder.join(format!("clock-{}.so", std::process::id())));
        std::fs::create_dir_all(&folder).expect("a folder");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/harness/clock.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&own).arg(source).status();
        assert!(compiled.expect("the linker's cc is there").success(), "clock.c is compiled");
        // Another test process may do the same at this moment.
        std::fs::rename(&own, &library).expect("it can be renamed");
        library
    })
}
