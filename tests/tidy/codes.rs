//! Where the program makes the codes that a person reads, and that `explain` knows every one of them.
//!
//! A code is the text that stands first in a `Cause`, second in a `Problem` and as the kind of what is told. Where it is
//! no plain text, [`ELSEWHERE`] says where its texts stand; a place that is not in there is a finding.

use std::collections::{BTreeMap, BTreeSet};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use zoho_tokend::policy::record::Word;
use zoho_tokend::policy::remedy::{Origin, Place, explain};

use super::source::Source;

/// What a code is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Cause,
    Problem,
    Kind,
    /// A verdict, or a word of `status`.
    Word,
}

/// Where the texts are that become a code at a place with none.
enum Texts {
    /// In these functions of the same file: all that have the shape of a code.
    In(&'static [&'static str]),
    /// It has been made before, or is Zoho's own word.
    Passed,
    /// `http-` and a status.
    Statuses,
    /// In these functions of the same file, and the grant's words.
    InAndWords(&'static [&'static str]),
}

/// Every place whose code is no plain text: its file, its function, and where to look.
const ELSEWHERE: &[(&str, &str, Texts)] = &[
    (
        "src/edge/zoho/failure.rs",
        "into_cause",
        Texts::In(&["into_cause", "code", "tls_code"]),
    ),
    ("src/policy/reply/mod.rs", "refused", Texts::In(&["sorted"])),
    ("src/edge/store/cells.rs", "cause", Texts::Passed),
    (
        "src/policy/reply/mod.rs",
        "unreadable",
        Texts::In(&["unreadable"]),
    ),
    ("src/policy/reply/mod.rs", "by_status", Texts::Statuses),
    ("src/policy/identity.rs", "refused", Texts::Passed),
    ("src/policy/saving.rs", "disappoint", Texts::Passed),
    ("src/daemon/calls.rs", "unsent", Texts::Passed),
    ("src/cli/login/returned.rs", "cause", Texts::Passed),
    ("src/cli/check/online.rs", "judge", Texts::Statuses),
    ("src/policy/identity.rs", "refused", Texts::Passed),
    ("src/policy/revocation.rs", "of", Texts::Statuses),
    (
        "src/policy/revocation.rs",
        "with_code",
        Texts::In(&["with_code"]),
    ),
    (
        "src/policy/revoke.rs",
        "refusal_of",
        Texts::In(&["refusal_of"]),
    ),
    (
        "src/daemon/desk/token.rs",
        "not_fresh",
        Texts::InAndWords(&["not_fresh"]),
    ),
];

/// Functions that name words of the contract, all of which are codes.
const WORDS: &[(&str, &str)] = &[
    ("src/policy/report.rs", "as_str"),
    ("src/policy/record.rs", "as_str"),
    ("src/policy/status.rs", "as_str"),
];

/// Where a made-up Zoho speaks, whose codes are not ours to explain.
const NOT_OURS: [&str; 2] = ["src/stand_in/", "src/simulation/"];

/// Every code of this file that is not explained, and every place that does not say where its code comes from.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    if NOT_OURS.iter().any(|path| source.path.starts_with(path)) {
        return Vec::new();
    }
    let mut makers = Makers::default();
    makers.visit_file(&parsed(source));
    let mut findings = Vec::new();
    for made in makers.made.iter().filter(|made| !source.is_test(made.line)) {
        let codes = match (&made.code, exception(source, made.line)) {
            (Some(code), _) => vec![code.clone()],
            (None, Some(texts)) => texts.codes(source),
            (None, None) => {
                let what = "this code is no plain text: say in ELSEWHERE of tests/tidy/codes.rs where its texts stand";
                findings.push(source.finding(made.line, what));
                continue;
            }
        };
        let unknown = codes.iter().filter(|code| !made.shown.is_explained(code));
        findings.extend(unknown.map(|code| source.finding(made.line, &missing(code, made.shown))));
    }
    for (_, function) in WORDS.iter().filter(|(path, _)| *path == source.path) {
        let words = texts_in(source, &[function]).into_iter();
        let unknown = words.filter(|word| !Shown::Word.is_explained(word));
        findings.extend(unknown.map(|word| source.finding(1, &missing(&word, Shown::Word))));
    }
    findings
}

/// The exceptions that no place of these sources needs.
pub(crate) fn needless(sources: &[Source]) -> Vec<String> {
    let is_needed = |path: &str, function: &str| {
        let its = sources.iter().find(|source| source.path == path);
        its.is_some_and(|source| {
            let mut makers = Makers::default();
            makers.visit_file(&parsed(source));
            let mut dynamic = makers.made.iter().filter(|made| made.code.is_none());
            dynamic.any(|made| function_at(source, made.line) == Some(function))
        })
    };
    let needless = ELSEWHERE
        .iter()
        .filter(|(path, function, _)| !is_needed(path, function));
    needless
        .map(|(path, function, _)| {
            format!("{path}: {function}: nothing there needs ELSEWHERE; remove it")
        })
        .collect()
}

fn missing(code: &str, shown: Shown) -> String {
    let table = match shown {
        Shown::Cause => "ours.rs (a cause of ours) or table.rs (Zoho's, or one of the way there)",
        Shown::Problem => "problems.rs",
        Shown::Kind | Shown::Word => "words.rs",
    };
    format!(
        "`{code}` is not explained: add a row to src/policy/remedy/{table}, then renew the README's errors"
    )
}

impl Shown {
    fn is_explained(self, code: &str) -> bool {
        let is_fit = |origin: Origin| match self {
            Self::Cause => matches!(
                origin,
                Origin::TokenEndpoint | Origin::Way | Origin::Ours | Origin::Revocation
            ),
            Self::Problem => matches!(origin, Origin::Problem | Origin::Status | Origin::Ours),
            Self::Kind => matches!(origin, Origin::History | Origin::Verdict | Origin::Ours),
            Self::Word => matches!(origin, Origin::Verdict | Origin::Status | Origin::Ours),
        };
        let found = explain(code, &Place::ANY);
        found.iter().any(|entry| is_fit(entry.origin))
    }
}

impl Texts {
    fn codes(&self, source: &Source) -> Vec<String> {
        let words = || Word::ALL.iter().map(|word| word.as_str().to_owned());
        match self {
            Self::In(functions) => texts_in(source, functions),
            Self::Passed => Vec::new(),
            Self::Statuses => {
                let all = (100..=199).chain(300..=999);
                all.map(|status| format!("http-{status}")).collect()
            }
            Self::InAndWords(functions) => {
                let own = texts_in(source, functions).into_iter();
                // `ok` is no reason for a refusal.
                own.chain(words().filter(|word| word != "ok")).collect()
            }
        }
    }
}

fn exception(source: &Source, line: usize) -> Option<&'static Texts> {
    let function = function_at(source, line)?;
    let mut its = ELSEWHERE.iter();
    let found = its.find(|(path, own, _)| *path == source.path && *own == function);
    found.map(|(_, _, texts)| texts)
}

/// The innermost function around a line.
fn function_at(source: &Source, line: usize) -> Option<&str> {
    let around = source.outline.functions.iter();
    let around = around.filter(|own| (own.line..own.line + own.lines).contains(&line));
    let innermost = around.min_by_key(|own| own.lines);
    innermost.map(|own| own.name.as_str())
}

/// Every text of the shape of a code in functions of that name.
fn texts_in(source: &Source, functions: &[&str]) -> Vec<String> {
    struct Literals(Vec<(usize, String)>);
    impl Visit<'_> for Literals {
        fn visit_lit_str(&mut self, text: &syn::LitStr) {
            self.0.push((text.span().start().line, text.value()));
        }
    }
    let mut all = Literals(Vec::new());
    all.visit_file(&parsed(source));
    let is_code = |text: &str| {
        let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(is_inner)
    };
    let its = all.0.into_iter().filter(|(line, text)| {
        let function = function_at(source, *line);
        let is_there = function.is_some_and(|name| functions.contains(&name));
        is_there && is_code(text) && !source.is_test(*line)
    });
    let texts: BTreeSet<String> = its.map(|(_, text)| text).collect();
    assert!(
        !texts.is_empty(),
        "{}: {functions:?} have no text of a code",
        source.path
    );
    texts.into_iter().collect()
}

fn parsed(source: &Source) -> syn::File {
    syn::parse_file(&source.text).expect("it was parsed before")
}

/// One place that makes a code; `None`: no plain text.
struct Made {
    line: usize,
    shown: Shown,
    code: Option<String>,
}

/// What a file makes, and the constants that it may make it of.
#[derive(Default)]
struct Makers {
    made: Vec<Made>,
    texts: BTreeMap<String, String>,
}

impl Makers {
    fn add(&mut self, argument: Option<&syn::Expr>, shown: Shown, whole: &impl Spanned) {
        let code = argument.and_then(|argument| match argument {
            syn::Expr::Path(path) => self.texts.get(&path.path.get_ident()?.to_string()).cloned(),
            plain => text_of(plain),
        });
        // What is empty is no code: only the cleaning of a text is wanted.
        if code.as_deref() != Some("") {
            let line = whole.span().start().line;
            self.made.push(Made { line, shown, code });
        }
    }
}

/// A plain text.
fn text_of(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

impl Visit<'_> for Makers {
    fn visit_file(&mut self, file: &syn::File) {
        for item in &file.items {
            if let syn::Item::Const(own) = item {
                let text = text_of(&own.expr).map(|text| (own.ident.to_string(), text));
                self.texts.extend(text);
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func {
            let names: Vec<String> = path
                .path
                .segments
                .iter()
                .map(|own| own.ident.to_string())
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            match names[..] {
                [.., "Cause", "new"] | ["unsent"] => {
                    self.add(call.args.first(), Shown::Cause, call);
                }
                [.., "Problem", "new"] if call.args.len() == 4 => {
                    self.add(call.args.get(1), Shown::Problem, call);
                }
                _ => (),
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        if call.method == "tell" && call.args.len() == 4 {
            self.add(call.args.get(1), Shown::Kind, call);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, made: &syn::ExprStruct) {
        if made.path.is_ident("Cause") && made.rest.is_none() {
            let is_code = |field: &&syn::FieldValue| match &field.member {
                syn::Member::Named(name) => name == "code",
                syn::Member::Unnamed(_) => false,
            };
            let code = made.fields.iter().find(is_code);
            self.add(code.map(|field| &field.expr), Shown::Cause, made);
        }
        visit::visit_expr_struct(self, made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        findings(&Source::of_text(path, text))
    }

    #[test]
    fn a_code_that_nobody_explains_is_found_with_the_table_for_it() {
        for (text, table) in [
            ("fn a() { Cause::new(\"made-up\", \"b\"); }", "ours.rs"),
            (
                "fn a() { Problem::new(503, \"made-up\", \"b\", c); }",
                "problems.rs",
            ),
            ("fn a() { self.tell(b, \"made-up\", c, d); }", "words.rs"),
            (
                "fn a() { Cause { code: \"made-up\", detail: b }; }",
                "ours.rs",
            ),
        ] {
            let found = found("src/daemon/x.rs", text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(
                found[0].starts_with("src/daemon/x.rs:1: `made-up` is not explained"),
                "{found:?}"
            );
            assert!(found[0].contains(table), "{found:?}");
        }
    }

    #[test]
    fn a_code_that_comes_from_somewhere_else_must_say_whence() {
        let text = "fn a(code: &str) { Cause::new(code, \"b\"); }";
        assert_eq!(found("src/daemon/x.rs", text).len(), 1);
        assert!(found("src/stand_in/x.rs", text).is_empty());
    }

    #[test]
    fn a_code_that_is_a_constant_of_the_file_is_known() {
        let text = "const A: &str = \"made-up\";\nfn a() { Cause::new(A, \"b\"); }";
        assert!(found("src/daemon/x.rs", text)[0].contains("`made-up` is not explained"));
    }

    #[test]
    fn a_code_of_the_wrong_table_is_not_explained() {
        let text = "fn a() { Cause::new(\"NO_PERMISSION\", \"b\"); }";
        assert_eq!(
            found("src/daemon/x.rs", text).len(),
            1,
            "a code of the API is no cause"
        );
        let text = "fn a() { Cause::new(\"timeout\", \"b\"); }";
        assert!(found("src/daemon/x.rs", text).is_empty());
    }
}
