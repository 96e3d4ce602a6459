//! A test that this machine has no programs for.

use std::io::Write;

/// Says aloud that a test is skipped, and why: past the capture of a test's output.
///
/// # Panics
/// If standard error can't be written to.
pub fn skipped(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).expect("standard error can be written to");
}
