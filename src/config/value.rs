//! One value of the config: its type, its place, and what to say when it is wrong.

use std::fmt::Display;

use toml::Spanned;
use toml::de::DeValue;

use super::problem::{Place, Problem};
use super::report::Outside;
use super::section::Section;
use super::source::Source;
use super::suggest::did_you_mean;

/// Longest name that a message repeats, in characters.
const SHOWN_MAX: usize = 64;

/// A value with its dotted path; taking one notes its place.
pub(super) struct Value<'a> {
    source: &'a Source<'a>,
    /// `orgs.acme.scopes[0]`.
    pub(super) path: String,
    /// `scopes`.
    name: &'a str,
    node: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        path: String,
        name: &'a str,
        node: &'a Spanned<DeValue<'a>>,
    ) -> Self {
        let new = Self {
            source,
            path,
            name,
            node,
        };
        source.report.mark(&new.path, new.place());
        new
    }

    pub(super) fn place(&self) -> Place {
        self.source.place(self.node.span().start)
    }

    /// The key, in backticks.
    fn key(&self) -> String {
        format!("`{}`", shown(self.name))
    }

    /// Reports `what; what to do` about this value.
    pub(super) fn error(&self, what: impl Display) {
        let what = format!("{} {what}", self.key());
        self.source.report.add(Problem::error(self.place(), what));
    }

    /// Reports that something is not there which this value relies on.
    pub(super) fn lacks(&self, what: impl Display) {
        let what = format!("{} {what}", self.key());
        let problem = Problem::error(self.place(), what);
        self.source.report.add_absent(problem);
    }

    /// Reports that another file has a table of this name.
    pub(super) fn error_of_second(&self) {
        let first = self.source.report.place_of(&self.path);
        self.error(format!(
            "is defined at {first} already; keep one of the two"
        ));
    }

    /// As [`Self::error`]; answers what comes of the value, which is nothing.
    pub(super) fn refuse<T>(&self, what: impl Display) -> Option<T> {
        self.error(what);
        None
    }

    /// As [`Self::lacks`]; answers what comes of the value, which is nothing.
    pub(super) fn refuse_absent<T>(&self, what: impl Display) -> Option<T> {
        self.lacks(what);
        None
    }

    /// Notes what this value names outside of the config.
    pub(super) fn mention(&self, outside: Outside) {
        self.source.report.mention(&self.path, outside);
    }

    /// Notes what a key of this table names outside of the config.
    pub(super) fn mention_of(&self, key: &str, outside: Outside) {
        let path = format!("{}.{key}", self.path);
        self.source.report.mention(&path, outside);
    }

    /// Reports what somebody should look at.
    pub(super) fn warn(&self, what: impl Display) {
        let what = format!("{} {what}", self.key());
        self.source.report.add(Problem::warning(self.place(), what));
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match self.node.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("a text in quotes"),
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self.node.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => self.wrong_type("true or false, without quotes"),
        }
    }

    /// A whole number; one too large to hold is the largest, which no range allows.
    pub(super) fn whole_number(&self) -> Option<i64> {
        match self.node.get_ref() {
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                Some(parsed.unwrap_or(i64::MAX))
            }
            _ => self.wrong_type("a whole number, without quotes"),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.node.get_ref() {
            DeValue::Float(number) => Some(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(number) => Some(number.as_str().parse().unwrap_or(f64::NAN)),
            _ => self.wrong_type("a number, without quotes"),
        }
    }

    /// The items of a list, at most `count_max`. `like` shows one.
    pub(super) fn items(&self, like: &str, count_max: usize) -> Option<Vec<Self>> {
        let DeValue::Array(items) = self.node.get_ref() else {
            return self.wrong_type(&format!("a list, like {like}"));
        };
        if items.len() > count_max {
            return self.refuse(format!("has over {count_max} entries; make do with fewer"));
        }
        let items = items.iter().enumerate();
        let item =
            |(i, node)| Self::new(self.source, format!("{}[{i}]", self.path), self.name, node);
        Some(items.map(item).collect())
    }

    /// The keys of a table. `like` shows one.
    pub(super) fn section(&self, like: &str) -> Option<Section<'a>> {
        match self.node.get_ref() {
            DeValue::Table(table) => {
                let offset = self.node.span().start;
                Some(Section::new(self.source, self.path.clone(), table, offset))
            }
            _ => self.wrong_type(&format!("a table, like {like}")),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.node.get_ref().is_str()
    }

    pub(super) fn is_empty_text(&self) -> bool {
        self.node.get_ref().as_str() == Some("")
    }

    pub(super) fn is_whole_number(&self) -> bool {
        self.node.get_ref().is_integer()
    }

    /// One of `words`, by `parse`.
    pub(super) fn one_of<T>(
        &self,
        words: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text()?;
        let unknown = || {
            let all = format!("write one of {}", words.join(", "));
            let cure = did_you_mean(text, words.iter().copied(), &all);
            self.refuse(format!("is `{}`, which is not known; {cure}", shown(text)))
        };
        parse(text).or_else(unknown)
    }

    /// Never repeats the value: it may be a secret in a wrong place.
    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let is = match self.node.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.refuse(format!("is {is}; write {wanted}"))
    }
}

/// `text` on one line, without control characters, and not too long.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(SHOWN_MAX) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.extend(text.chars().nth(SHOWN_MAX).map(|_| '…'));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_message_is_short_and_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J"), "a\\u{1b}[2J");
        assert_eq!(shown(&"x".repeat(100)), "x".repeat(64) + "…");
    }
}
