//! The sources as the rules see them: text, syntax, tokens, and what is built for tests alone.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::outline::{self, Outline};

/// One file.
pub(crate) struct Source {
    /// From the repository's root: `src/policy/org.rs`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) outline: Outline,
    pub(crate) tokens: Vec<Token>,
    /// Whether all of it is built for tests alone.
    is_test: bool,
}

/// One word or sign, and the line that it stands in. What is in texts and comments is none.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Source {
    /// Reads `text`; `is_test` where all of the file is built for tests alone.
    pub(crate) fn new(path: &str, text: &str, is_test: bool) -> Self {
        let outline = outline::of(path, text);
        let mut tokens = Vec::new();
        flatten(text.parse().expect("it was parsed just now"), &mut tokens);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            outline,
            tokens,
            is_test: is_test || !path.starts_with("src/"),
        }
    }

    /// A file of the program, for the tests of a rule.
    pub(crate) fn of_text(path: &str, text: &str) -> Self {
        Self::new(path, text, false)
    }

    /// Whether only tests are built from this line.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        let mut marked = self.outline.test_lines.iter();
        self.is_test || marked.any(|lines| lines.contains(&line))
    }

    /// The modules from the crate's root down to this file: `policy`, `org`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/");
        let mut names: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        if matches!(names.last(), Some(&"mod" | &"lib")) {
            names.pop();
        }
        names
    }

    /// The part of the program that it belongs to: `policy`; empty for the crate's root.
    pub(crate) fn layer(&self) -> &str {
        self.module().first().copied().unwrap_or_default()
    }

    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every Rust file below `src` and `tests`. A file that no `mod` leads to is dead, and a panic here.
pub(crate) fn all(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for file in ["src/lib.rs", "src/main.rs"] {
        follow(root, Path::new(file), false, &mut sources);
    }
    let reached: Vec<String> = sources.iter().map(|source| source.path.clone()).collect();
    for path in rust_below(root, "src") {
        let is_live = reached.contains(&path);
        assert!(is_live, "{path}: no `mod` leads to this file; remove it");
    }
    let of_tests = rust_below(root, "tests").into_iter();
    sources.extend(of_tests.map(|path| read(root, &path, true)));
    sources
}

fn rust_below(root: &Path, folder: &str) -> Vec<String> {
    let files = files_below(&root.join(folder)).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|name| name == "rs"));
    files.map(|path| relative(root, &path)).collect()
}

/// Every file below `folder`, but for what tools put there.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let entry = entry.expect("readable");
        let name = entry.file_name();
        let is_ours = [".git", "target", "node_modules", ".venv"]
            .iter()
            .all(|tools| name != *tools);
        match entry.file_type().expect("readable") {
            kind if kind.is_dir() && is_ours => files.extend(files_below(&entry.path())),
            kind if kind.is_file() && is_ours => files.push(entry.path()),
            _ => (),
        }
    }
    files.sort();
    files
}

/// `path` as the findings write it.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).expect("below the root");
    path.to_str().expect("our names are UTF-8").to_owned()
}

fn read(root: &Path, path: &str, is_test: bool) -> Source {
    let text = fs::read_to_string(root.join(path));
    Source::new(path, &text.expect("readable"), is_test)
}

/// Reads `file` and all that its `mod` lines lead to.
fn follow(root: &Path, file: &Path, is_test: bool, sources: &mut Vec<Source>) {
    let source = read(root, file.to_str().expect("UTF-8"), is_test);
    let folder = file.parent().expect("below src");
    let owns_folder = ["lib.rs", "main.rs", "mod.rs"]
        .iter()
        .any(|name| file.ends_with(name));
    let folder = if owns_folder {
        folder.to_owned()
    } else {
        folder.join(file.file_stem().expect("a name"))
    };
    for module in &source.outline.modules {
        let flat = folder.join(format!("{}.rs", module.name));
        let file = if root.join(&flat).is_file() {
            flat
        } else {
            folder.join(&module.name).join("mod.rs")
        };
        follow(root, &file, is_test || module.is_test, sources);
    }
    sources.push(source);
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let span = tree.span();
        let mut push = |text: &str, line| {
            let text = text.trim_start_matches("r#").to_owned();
            tokens.push(Token { text, line });
        };
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open, span.start().line);
                flatten(group.stream(), tokens);
                let text = close.to_owned();
                let line = span.end().line;
                tokens.push(Token { text, line });
            }
            TokenTree::Ident(ident) => push(&ident.to_string(), span.start().line),
            TokenTree::Punct(punct) => push(&punct.to_string(), span.start().line),
            TokenTree::Literal(_) => push("\"\"", span.start().line),
        }
    }
}
