//! Paths of names, out of tokens, so that those inside of macros count too.

use super::source::Token;

/// `std::time::Instant`, and the line where it ends.
pub(crate) struct NamePath {
    pub(crate) names: Vec<String>,
    pub(crate) line: usize,
}

impl NamePath {
    /// Whether the path is `start` or goes on from there.
    pub(crate) fn starts_with(&self, start: &[&str]) -> bool {
        self.names.len() >= start.len() && self.names.iter().zip(start).all(|(a, b)| a == b)
    }
}

/// Every path; `a::{b, c::d}` is two of them, and a single word is one.
pub(crate) fn of(tokens: &[Token]) -> Vec<NamePath> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = if is_name(tokens, at) {
            path(tokens, at, &[], &mut paths)
        } else {
            at + 1
        };
    }
    paths
}

/// Reads the path that starts at `at`, behind `before`; returns where it ends.
fn path(tokens: &[Token], mut at: usize, before: &[String], paths: &mut Vec<NamePath>) -> usize {
    let mut names = before.to_vec();
    loop {
        if !is_name(tokens, at) {
            break;
        }
        names.push(tokens[at].text.clone());
        at += 1;
        if !(is(tokens, at, ":") && is(tokens, at + 1, ":")) {
            break;
        }
        at += 2;
        if is(tokens, at, "{") {
            return group(tokens, at + 1, &names, paths);
        }
    }
    let line = tokens[at - 1].line;
    paths.push(NamePath { names, line });
    at
}

/// Reads the paths in braces behind `before`; returns where the braces end.
fn group(tokens: &[Token], mut at: usize, before: &[String], paths: &mut Vec<NamePath>) -> usize {
    while at < tokens.len() && !is(tokens, at, "}") {
        let is_renaming = is(tokens, at, "as");
        at = if is_name(tokens, at) && !is_renaming {
            path(tokens, at, before, paths)
        } else {
            at + 1 + usize::from(is_renaming)
        };
    }
    at + 1
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

fn is_name(tokens: &[Token], at: usize) -> bool {
    let first = tokens.get(at).and_then(|token| token.text.chars().next());
    first.is_some_and(|c| c.is_alphabetic() || c == '_')
}

#[test]
fn a_path_is_found_in_uses_groups_and_macros() {
    let text =
        "use a::{b, c::{self, d as e}, f::*};\nfn x() { y!(\"{}\", g::h::<i>()); A::B { z } }";
    let source = super::source::Source::of_text("src/base/a.rs", text);
    let found: Vec<String> = of(&source.tokens)
        .iter()
        .map(|path| path.names.join("::"))
        .collect();
    for path in [
        "a::b",
        "a::c::self",
        "a::c::d",
        "a::f",
        "g::h",
        "A::B",
        "z",
        "i",
    ] {
        assert!(
            found.iter().any(|found| found == path),
            "{path} in {found:?}"
        );
    }
    assert!(!found.iter().any(|found| found == "a::c::e" || found == "e"));
}
