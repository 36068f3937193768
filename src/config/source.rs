//! One file of the config: its text, its syntax errors, and from an offset to a line and column.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::problem::{Place, Problem};
use super::report::Report;

/// Lines that the parser gives up at and that are then left out, so that what follows is read too.
const SKIPPED_LINES_MAX: usize = 20;

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it.
    pub text: String,
}

/// A file while it is read; notes its syntax errors in the report.
pub(super) struct Source<'a> {
    path: Arc<Path>,
    /// The text with every line blanked that the parser gives up at: all offsets stay.
    text: String,
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
        new.report_syntax_errors();
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
            column: before.map_or(1, |text| text.chars().count() + 1),
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// The parser reads on after most errors, but stops for good at a line without `=`.
    fn report_syntax_errors(&mut self) {
        for _ in 0..=SKIPPED_LINES_MAX {
            let (_, errors) = DeTable::parse_recoverable(&self.text);
            let mut stopped_at = None;
            for error in errors {
                let offset = error.span().map_or(0, |span| span.start);
                if error.message().starts_with("key with no value") {
                    stopped_at = Some(self.line_of(offset.saturating_sub(1)));
                    self.report_stop(offset);
                } else {
                    self.report_error(offset, error.message());
                }
            }
            match stopped_at {
                Some(line) => self.blank(line),
                None => return,
            }
        }
    }

    fn report_stop(&self, offset: usize) {
        let place = self.place(offset);
        let what = "a key without a value; write `key = value`, or drop the line";
        self.report.add_syntax(Problem::error(place, what));
    }

    fn report_error(&self, offset: usize, message: &str) {
        let place = self.place(offset);
        let what = match message {
            "duplicate key" => self.describe_duplicate(&place),
            _ if message.starts_with("string values must be quoted") => {
                "a text without quotes; write it between \"…\"".to_owned()
            }
            _ => message.replacen(", expected ", "; expected here: ", 1),
        };
        self.report.add_syntax(Problem::error(place, what));
    }

    /// A table that is opened twice is nearly always a copied drop-in: the other one's line helps.
    fn describe_duplicate(&self, place: &Place) -> String {
        let this = self.line(place.line).trim();
        let same = (1..place.line).find(|line| self.line(*line).trim() == this);
        match same.filter(|_| this.starts_with('[')) {
            Some(first) => {
                format!("`{this}` stands here a second time, first in line {first}; keep one")
            }
            None => "this key stands here a second time; keep one".to_owned(),
        }
    }

    fn line(&self, line: usize) -> &str {
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied();
        &self.text[start..end.unwrap_or(self.text.len())]
    }

    fn blank(&mut self, line: usize) {
        let start = self.line_starts[line - 1];
        let end = start + self.line(line).trim_end().len();
        self.text
            .replace_range(start..end, &" ".repeat(end - start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(text: &str) -> Vec<String> {
        let report = Report::new(Path::new("z"), vec![]);
        let source = SourceText {
            path: "z".into(),
            text: text.into(),
        };
        Source::new(&source, &report);
        report.finish().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let problems = problems_of("a = 1\nb = \"äöü\" x\n");
        assert!(problems[0].starts_with("z:2:11: "), "{problems:?}");
    }

    #[test]
    fn what_follows_a_line_without_a_value_is_read_too() {
        let problems = problems_of("foo\nb = 2\nbar\nc = 5m\n");
        assert_eq!(
            problems,
            [
                "z:1:4: a key without a value; write `key = value`, or drop the line",
                "z:3:4: a key without a value; write `key = value`, or drop the line",
                "z:4:5: a text without quotes; write it between \"…\"",
            ]
        );
    }

    #[test]
    fn a_table_that_is_opened_twice_names_the_first() {
        let problems = problems_of("[orgs.a]\nx = 1\n[orgs.a]\ny = 2\n");
        assert_eq!(
            problems,
            ["z:3:7: `[orgs.a]` stands here a second time, first in line 1; keep one"]
        );
    }

    #[test]
    fn a_text_without_quotes_is_never_repeated() {
        let problems = problems_of("client_secret = canary\n");
        assert!(!problems[0].contains("canary"), "{problems:?}");
    }
}
