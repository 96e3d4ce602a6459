//! As much of Markdown as these tests need.

use crate::tree;

/// A Markdown file.
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) path: String,
    text: String,
}

/// One line outside of code blocks.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) text: &'a str,
}

impl Page {
    pub(super) fn read(path: &str) -> Self {
        Self { path: path.to_owned(), text: tree::text(path) }
    }

    /// Every page of the repository.
    pub(super) fn all() -> Vec<Self> {
        let pages = tree::some_files("", "md");
        pages.iter().map(|path| Self::read(&tree::relative(path).to_string_lossy())).collect()
    }

    /// How many lines it has, code blocks included.
    pub(super) fn length(&self) -> usize {
        self.text.lines().count()
    }

    /// Its lines outside of code blocks.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut in_code = false;
        self.text.lines().zip(1..).filter_map(move |(text, number)| {
            let is_fence = text.trim_start().starts_with("```");
            in_code ^= is_fence;
            (!in_code && !is_fence).then_some(Line { number, text })
        })
    }

    /// Its lines in code blocks.
    pub(super) fn code(&self) -> impl Iterator<Item = Line<'_>> {
        let outside: Vec<usize> = self.lines().map(|line| line.number).collect();
        let lines = self.text.lines().zip(1..).map(|(text, number)| Line { number, text });
        lines.filter(move |line| !outside.contains(&line.number))
    }

    /// Its headings with their depth: 1 for the title.
    pub(super) fn headings(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter_map(|line| {
            let (marks, heading) = line.text.split_once(' ')?;
            let is_heading = !marks.is_empty() && marks.bytes().all(|byte| byte == b'#');
            is_heading.then_some((marks.len(), heading.trim()))
        })
    }

    /// The rows of all tables whose first column has this name, as their cells.
    pub(super) fn rows(&self, first_column: &str) -> Vec<Vec<&str>> {
        let mut rows = Vec::new();
        let mut is_wanted = false;
        let mut was_table = false;
        for line in self.lines() {
            if line.is_table() && !was_table {
                is_wanted = cells(line.text)[0] == first_column;
            } else if line.is_table() && is_wanted && !line.text.starts_with("|--") {
                rows.push(cells(line.text));
            }
            was_table = line.is_table();
        }
        rows
    }

    /// The targets of its links, with the number of their line.
    pub(super) fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().flat_map(|line| {
            let targets = line.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            targets.map(move |target| (line.number, target))
        })
    }

    /// Its code spans, with the number of their line.
    pub(super) fn spans(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().flat_map(|line| line.text.split('`').skip(1).step_by(2).map(move |span| (line.number, span)))
    }
}

impl Line<'_> {
    pub(super) fn is_table(self) -> bool {
        self.text.starts_with('|')
    }
}

fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}
