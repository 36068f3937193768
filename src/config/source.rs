//! One file of the config: its text, and from an offset to a line and column.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::problem::Place;
use super::report::Report;
use super::syntax;

/// The last column that is told: nobody counts further, and counting must not take long in a line of a megabyte.
const COLUMN_MAX: usize = 4096;

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it.
    pub text: String,
}

/// A file while it is read. Its syntax errors are in the report from the start.
pub(super) struct Source<'a> {
    path: Arc<Path>,
    /// The text with every line blanked that the parser would give up at: all offsets stay.
    pub(super) text: String,
    line_starts: Vec<usize>,
    pub(super) report: &'a Report,
}

impl<'a> Source<'a> {
    pub(super) fn new(source: &SourceText, report: &'a Report) -> Self {
        let text = source.text.clone();
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let mut new = Self {
            path: source.path.as_path().into(),
            line_starts: std::iter::once(0).chain(newlines).collect(),
            text,
            report,
        };
        syntax::check(&mut new);
        new
    }

    /// All that could be understood.
    pub(super) fn table(&self) -> DeTable<'_> {
        DeTable::parse_recoverable(&self.text).0.into_inner()
    }

    /// Where the byte at `offset` is.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.line_of(offset);
        let before = self.text.get(self.line_starts[line - 1]..offset);
        Place {
            file: Arc::clone(&self.path),
            line,
            column: before.map_or(0, |text| text.chars().take(COLUMN_MAX).count()) + 1,
        }
    }

    /// The first character of a line.
    pub(super) fn place_of_line(&self, line: usize) -> Place {
        self.place(self.line_starts[line - 1])
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The numbers of all lines.
    pub(super) fn lines(&self) -> Range<usize> {
        1..self.line_starts.len() + 1
    }

    /// What stands in a line.
    pub(super) fn line(&self, line: usize) -> &str {
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied();
        self.text[start..end.unwrap_or(self.text.len())].trim_end()
    }

    /// Leaves a line out; all offsets stay.
    pub(super) fn blank(&mut self, line: usize) {
        let start = self.line_starts[line - 1];
        let end = start + self.line(line).len();
        let spaces = " ".repeat(end - start);
        self.text.replace_range(start..end, &spaces);
    }
}
