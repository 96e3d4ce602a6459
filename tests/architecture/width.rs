//! Comments can be read beside each other.

use std::path::PathBuf;

use super::crates;
use crate::tree::{files, relative, text};

/// Rustfmt keeps code to it, but no comments.
const COLUMNS: usize = 120;

/// How a comment begins in the files that end so.
const COMMENTS: [(&str, &str); 3] = [("rs", "//"), ("lua", "--"), ("js", "//")];

#[test]
fn no_comment_is_wider_than_120_columns() {
    let mut wide = Vec::new();
    for (ending, mark) in COMMENTS {
        let files: Vec<PathBuf> = crates::members().iter().flat_map(|member| files(member, ending)).collect();
        assert!(!files.is_empty(), "no file ends with .{ending}");
        for file in files {
            let lines = wide_comments(&text(&file), mark);
            wide.extend(
                lines.into_iter().map(|(n, width)| format!("{}:{n}: {width} columns", relative(&file).display())),
            );
        }
    }
    let count = wide.len();
    assert!(wide.is_empty(), "{count} comments are wider than {COLUMNS} columns. Wrap them:\n{}\n", wide.join("\n"));
}

/// The lines that are too wide and have a comment, each with its width.
fn wide_comments(text: &str, mark: &str) -> Vec<(usize, usize)> {
    let has_comment = |line: &str| line.trim_start().starts_with(mark) || line.contains(&format!(" {mark} "));
    let widths =
        (1..).zip(text.lines()).filter(|(_, line)| has_comment(line)).map(|(n, line)| (n, line.chars().count()));
    widths.filter(|(_, width)| *width > COLUMNS).collect()
}

#[test]
fn columns_are_characters_and_only_comments_count() {
    let wide = "─".repeat(COLUMNS - 3);
    for (line, width) in [
        (format!("// {wide}"), None),
        (format!("// {wide}."), Some(121)),
        (format!("    /// {wide}"), Some(125)),
        (format!("//! {wide}"), Some(121)),
        (format!("f(); // {wide}"), Some(125)),
        (format!("\"https://{wide}\""), None),
    ] {
        let expected: Vec<(usize, usize)> = width.map(|width| (2, width)).into_iter().collect();
        assert_eq!(wide_comments(&format!("\n{line}\n"), "//"), expected, "{line}");
    }
}
