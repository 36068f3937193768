//! What is wrong with a config, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// One thing to change, as a person reads it: `file:line:col: what; what to do`. Sorts by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Whether the daemon refuses the config for it.
    pub severity: Severity,
    /// What, and what to do. Never holds a secret.
    pub message: String,
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing starts with this config.
    Error,
    /// The config is used; somebody should look.
    Warning,
}

/// A character in a file. Lines and columns count from 1; 1:1 also stands for the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// Its line.
    pub line: usize,
    /// Its column, in characters.
    pub column: usize,
}

impl Problem {
    /// Something that the daemon does not start with.
    pub fn error(place: Place, message: impl AsRef<str>) -> Self {
        Self {
            place,
            severity: Severity::Error,
            message: in_one_line(message.as_ref()),
        }
    }

    /// Something to look at.
    pub fn warning(place: Place, message: impl AsRef<str>) -> Self {
        Self {
            place,
            severity: Severity::Warning,
            message: in_one_line(message.as_ref()),
        }
    }

    /// Whether the daemon refuses the config for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// The file as a whole.
    pub fn of_file(file: &Path) -> Self {
        Self {
            file: file.into(),
            line: 1,
            column: 1,
        }
    }
}

/// A message may repeat a name of the file: it must not steer a terminal, nor forge a second problem.
fn in_one_line(message: &str) -> String {
    message.replace(char::is_control, "\u{fffd}")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        write!(f, "{}: {mark}{}", self.place, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_its_line() {
        let place = Place::of_file(Path::new("z.toml"));
        let problem = Problem::error(place, "`a\nz.toml:1:1: b\u{1b}[2J`");
        assert_eq!(problem.to_string().lines().count(), 1);
        assert!(!problem.to_string().contains('\u{1b}'));
    }

    #[test]
    fn problems_sort_by_place_and_read_as_editors_parse_them() {
        let place = |line, column| Place {
            file: Path::new("z.toml").into(),
            line,
            column,
        };
        let mut all = [
            Problem::warning(place(10, 1), "odd"),
            Problem::error(place(9, 2), "bad; mend it"),
        ];
        all.sort();
        let shown = all.map(|problem| problem.to_string());
        assert_eq!(
            shown,
            ["z.toml:9:2: bad; mend it", "z.toml:10:1: warning: odd"]
        );
    }
}
