//! The style of the sources, as far as a test can tell: the import rule, sizes, bans, docs.
//!
//! Each rule is a function over one text, and has tests that show it fail; here it meets the tree. A finding
//! names the place and what to do instead.

mod tidy {
    pub(crate) mod bans;
    pub(crate) mod codes;
    pub(crate) mod imports;
    pub(crate) mod outline;
    pub(crate) mod paths;
    pub(crate) mod readme;
    pub(crate) mod sizes;
    pub(crate) mod source;
    pub(crate) mod texts;
}

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use tidy::source::{self, Source};
use tidy::{bans, codes, imports, readme, sizes, texts};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All sources, read once.
fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| source::all(root()))
}

fn of_the_program() -> impl Iterator<Item = &'static Source> {
    sources()
        .iter()
        .filter(|source| source.path.starts_with("src/"))
}

#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn imports_run_one_way() {
    assert_none(
        &of_the_program()
            .flat_map(imports::findings)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_and_no_function_is_too_long() {
    assert_none(
        &sources()
            .iter()
            .flat_map(sizes::findings)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn nine_of_ten_functions_of_the_program_are_short() {
    let p90 = sizes::p90(sources());
    assert!(
        p90 <= sizes::FUNCTION_LINES_P90,
        "a tenth of the functions have {p90} lines or more, {} are wanted: split the longest",
        sizes::FUNCTION_LINES_P90
    );
}

#[test]
fn nothing_banned_is_used() {
    assert_none(
        &sources()
            .iter()
            .flat_map(bans::findings)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_exception_to_a_ban_is_needed() {
    for ban in bans::BANS {
        for (path, reason) in ban.but {
            let mut own = sources()
                .iter()
                .filter(|source| source.path.starts_with(path));
            let is_needed = own.any(|source| !ban.lines(source).is_empty());
            assert!(
                is_needed,
                "{path}: nothing there needs the exception ({reason}); remove it"
            );
        }
    }
}

#[test]
fn every_code_that_the_program_shows_is_explained() {
    assert_none(
        &of_the_program()
            .flat_map(codes::findings)
            .chain(codes::needless(sources()))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_readme_lists_the_errors_as_the_table_has_them() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).expect("readable");
    let renewed = readme::renewed(&readme).expect("the README has both marks");
    if std::env::var_os("RENEW").is_some() {
        fs::write(&path, &renewed).expect("writable");
    }
    assert!(
        readme == renewed || std::env::var_os("RENEW").is_some(),
        "README.md has other errors than src/policy/remedy: `RENEW=1 cargo test --test tidy readme` writes them anew"
    );
}

#[test]
fn every_module_says_its_job() {
    let findings =
        of_the_program().filter_map(|source| texts::undocumented(&source.path, &source.text));
    assert_none(&findings.collect::<Vec<_>>());
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("readable");
    assert_none(&texts::unreasoned(&manifest));
}

#[test]
fn no_text_speaks_of_the_machine_that_made_it_or_of_work_that_is_not_done() {
    let mut findings = Vec::new();
    for path in source::files_below(root()) {
        // What is no text has nothing to say.
        if let Ok(text) = fs::read_to_string(&path) {
            findings.extend(texts::findings(&source::relative(root(), &path), &text));
        }
    }
    assert_none(&findings);
}
