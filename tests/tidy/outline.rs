//! What stands where in a source: its functions, its modules, and what is built for tests alone.

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One file's.
#[derive(Default)]
pub(crate) struct Outline {
    /// All functions that have a body, inner ones and those of tests too.
    pub(crate) functions: Vec<Function>,
    /// Those that are files of their own.
    pub(crate) modules: Vec<Module>,
    /// What is marked `#[cfg(test)]` or `#[test]`.
    pub(crate) test_lines: Vec<RangeInclusive<usize>>,
}

/// From its signature to its closing brace.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// `mod name;`
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) is_test: bool,
}

/// Reads `text`, which must be Rust.
pub(crate) fn of(path: &str, text: &str) -> Outline {
    let file = syn::parse_file(text).map_err(|err| format!("{path}: {err}"));
    let mut outline = Outline::default();
    outline.visit_file(&file.expect("all sources are Rust"));
    outline
}

impl Outline {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (line, end) = (signature.span().start().line, body.span().end().line);
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end - line + 1,
        });
    }

    fn mark(&mut self, attributes: &[syn::Attribute], whole: &impl Spanned) {
        if is_for_tests(attributes) {
            let span = whole.span();
            self.test_lines.push(span.start().line..=span.end().line);
        }
    }
}

impl Visit<'_> for Outline {
    fn visit_item(&mut self, item: &syn::Item) {
        self.mark(attributes(item), item);
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &syn::ItemMod) {
        if module.content.is_none() {
            self.modules.push(Module {
                name: module.ident.to_string(),
                is_test: is_for_tests(&module.attrs),
            });
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.mark(&function.attrs, function);
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        meta => {
            let last = meta.path().segments.last();
            last.is_some_and(|last| last.ident == "test")
        }
    })
}

#[test]
fn only_what_is_marked_is_for_tests() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n\
                impl X {\n #[cfg(test)]\n fn d() {}\n fn e() {}\n}\n#[tokio::test]\nasync fn f() {}\n";
    let outline = of("a.rs", text);
    assert_eq!(outline.test_lines, [2..=5, 9..=10, 13..=14]);
}

#[test]
fn a_module_of_another_file_is_found_with_its_mark() {
    let outline = of("a.rs", "mod a;\n#[cfg(test)]\nmod tests;\nmod inner {}\n");
    let found = outline.modules.iter();
    let found: Vec<_> = found
        .map(|module| (module.name.as_str(), module.is_test))
        .collect();
    assert_eq!(found, [("a", false), ("tests", true)]);
}
