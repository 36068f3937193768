//! One table of the config while its keys are taken out, one by one.
//!
//! A key that nobody asked for is a problem, and the keys that somebody asked for are what it could have meant.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::{Place, Problem};
use super::source::Source;
use super::suggest::did_you_mean;
use super::value::{Value, shown};

/// A table and what was asked of it.
pub(super) struct Section<'a> {
    source: &'a Source<'a>,
    /// `orgs.acme`; empty for the whole file.
    pub(super) path: String,
    table: &'a DeTable<'a>,
    place: Place,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        path: String,
        table: &'a DeTable<'a>,
        offset: usize,
    ) -> Self {
        Self {
            source,
            path,
            table,
            place: source.place(offset),
            known: RefCell::default(),
        }
    }

    /// What `key` holds, if it is there and good. What is not good is reported.
    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        self.value(key).and_then(|value| read(&value))
    }

    /// The same, with what stands for a key that is left out.
    pub(super) fn or<T>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The same, where `""` says that there is none.
    pub(super) fn filled<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key).filter(|value| !value.is_empty_text());
        value.and_then(|value| read(&value))
    }

    /// Whether `key` holds `""`.
    pub(super) fn is_emptied(&self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.is_empty_text())
    }

    /// What `key` holds; a key that is left out is a problem, which shows `example` as the cure.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key);
        if value.is_none() {
            self.lacks(&format!("no `{key}`; add {example}"));
        }
        value.and_then(|value| read(&value))
    }

    /// The value of `key` itself, marked as known.
    pub(super) fn value(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().push(key);
        let (key, node) = self.table.get_key_value(key)?;
        Some(self.entry(key, node))
    }

    /// Every key with its value, for a table whose keys are names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let entries = self.table.iter();
        entries.map(|(key, node)| (key.get_ref().as_ref(), self.entry(key, node)))
    }

    /// Something that should be in the table and is not.
    pub(super) fn lacks(&self, what: &str) {
        let problem = Problem::error(self.place.clone(), format!("{}{what}", self.prefix()));
        self.source.report.add_absent(problem);
    }

    /// The same, where the daemon starts without.
    pub(super) fn lacks_softly(&self, what: &str) {
        let problem = Problem::warning(self.place.clone(), format!("{}{what}", self.prefix()));
        self.source.report.add_absent(problem);
    }

    /// Reports every key that nobody asked for. `aside`: what to do about some that belong elsewhere.
    pub(super) fn finish(&self, aside: &[(&str, &str)]) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let cure = match aside.iter().find(|(word, _)| *word == name) {
                    Some((_, cure)) => (*cure).to_owned(),
                    None => did_you_mean(name, known.iter().copied(), &self.keys()),
                };
                let place = self.source.place(key.span().start);
                let what = format!("unknown key `{}`; {cure}", shown(name));
                self.source.report.add(Problem::error(place, what));
            }
        }
    }

    fn entry(&self, key: &'a Spanned<DeString<'a>>, node: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        let name = key.get_ref();
        let path = match self.path.as_str() {
            "" => name.to_string(),
            path => format!("{path}.{name}"),
        };
        Value::new(self.source, path, name, node)
    }

    fn keys(&self) -> String {
        let mut keys = self.known.borrow().clone();
        keys.sort_unstable();
        keys.dedup();
        format!("the keys here are {}", keys.join(", "))
    }

    fn prefix(&self) -> String {
        match self.path.as_str() {
            "" => String::new(),
            path => format!("`{}`: ", shown(path)),
        }
    }
}
