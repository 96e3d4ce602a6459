//! A fault in a file that a person wrote, worded so that they can mend it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What is wrong in a manifest or a runtime configuration, and where.
#[derive(Debug, thiserror::Error)]
pub struct FileFault {
    /// The file at fault.
    pub file: PathBuf,
    /// The line, counted from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong there, then what to do. It names the key.
    pub message: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A file and its text. It turns an offset in the text into a line.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// A fault at a place in the text.
    pub(crate) fn fault(&self, span: Range<usize>, message: impl Into<String>) -> FileFault {
        FileFault { file: self.file.to_path_buf(), line: Some(self.line(span.start)), message: message.into() }
    }

    /// A fault of the file as a whole.
    pub(crate) fn fault_anywhere(&self, message: impl Into<String>) -> FileFault {
        FileFault { file: self.file.to_path_buf(), line: None, message: message.into() }
    }

    /// A fault that the TOML parser found. It quotes the line where the parser stopped, because that holds the key.
    pub(crate) fn fault_in_toml(&self, error: &toml::de::Error) -> FileFault {
        let message = with_advice(&error.message().replace('\n', " "));
        let Some(span) = error.span() else { return self.fault_anywhere(message) };
        let line = self.text.lines().nth(self.line(span.start) - 1).unwrap_or_default().trim();
        match line.is_empty() || message.contains(line) {
            true => self.fault(span, message),
            false => self.fault(span, format!("`{line}`: {message}")),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// Rewords the parser's message as all faults are worded: what is wrong, then what to do.
fn with_advice(message: &str) -> String {
    const ADVICE: &str = ": write ";
    match message.split_once(", expected ") {
        Some((wrong, expected)) => format!("{wrong}{ADVICE}{expected}"),
        None if message.contains(ADVICE) => message.to_owned(),
        None if message.starts_with("missing field") => format!("{message}: add it"),
        None if message.starts_with("duplicate") => format!("{message}: leave one of them out"),
        None => format!("{message}: write it by the rules of TOML"),
    }
}
