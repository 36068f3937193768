//! `include`: which other files belong to the config.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::problem::Place;
use super::report::Report;
use super::source::{Source, SourceText};
use super::value::Value;

/// Most patterns.
const PATTERNS_MAX: usize = 64;

/// A pattern for drop-ins: a folder, and a name in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Where the pattern stands.
    pub place: Place,
    /// The folder to look in.
    pub folder: PathBuf,
    name: String,
}

/// The patterns of the main file, resolved against its folder. What is wrong with them is told by
/// [`super::read`], as everything else.
pub fn includes(main: &SourceText) -> Vec<Include> {
    let report = Report::new(&main.path, vec![]);
    let source = Source::new(main, &report);
    let table: DeTable<'_> = source.table();
    let Some(DeValue::Array(items)) = table.get("include").map(toml::Spanned::get_ref) else {
        return vec![];
    };
    let folder = main.path.parent().unwrap_or(Path::new(""));
    let items = items.iter().take(PATTERNS_MAX);
    let include = |item: &toml::Spanned<DeValue<'_>>| {
        let (dir, name) = split(item.get_ref().as_str()?)?;
        Some(Include {
            place: source.place(item.span().start),
            folder: folder.join(dir),
            name: name.to_owned(),
        })
    };
    items.filter_map(include).collect()
}

/// Reports what is wrong with the patterns.
pub(super) fn check(value: &Value<'_>) -> Option<()> {
    let items = value.items("[\"orgs.d/*.toml\"]", PATTERNS_MAX)?;
    for item in &items {
        let text = item.text();
        if text.is_some_and(|text| split(text).is_none()) {
            item.error("is no pattern; write a path such as \"orgs.d/*.toml\", with * in the file's name only");
        }
    }
    Some(())
}

impl Include {
    /// Whether it names one file, which must then be there.
    pub fn is_plain(&self) -> bool {
        !self.name.contains('*')
    }

    /// The file of a plain pattern, or the pattern as a path.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Whether a file of the folder is meant. As in a shell, `*` does not find hidden files.
    pub fn matches(&self, file_name: &str) -> bool {
        let is_hidden = file_name.starts_with('.') && !self.name.starts_with('.');
        !is_hidden && glob(&self.name, file_name)
    }
}

fn split(pattern: &str) -> Option<(&Path, &str)> {
    let path = Path::new(pattern);
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let is_good = !pattern.ends_with('/') && !pattern.contains(['?', '[', '{', '\0']);
    (is_good && !folder.to_str()?.contains('*')).then_some((folder, name))
}

/// Every piece between two `*` is taken where it first fits: nothing is gained by taking it later.
fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = name.strip_prefix(head) else {
        return false;
    };
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_of_a_name() {
        for (pattern, name, fits) in [
            ("*.toml", "a.toml", true),
            ("*.toml", ".toml", true),
            ("*.toml", "a.toml~", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("**", "x", true),
            ("x.toml", "x.toml", true),
            ("x.toml", "y.toml", false),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_star_stays_in_its_folder_and_finds_nothing_hidden() {
        assert_eq!(split("*/x.toml"), None);
        assert_eq!(split("orgs.d/"), None);
        assert_eq!(split("orgs.d/.."), None);
        let include = Include {
            place: Place::of_file(Path::new("z.toml")),
            folder: "orgs.d".into(),
            name: "*.toml".into(),
        };
        assert!(include.matches("acme.toml"));
        assert!(!include.matches(".#acme.toml"));
    }
}
