//! Gathers the problems and the places of all files while they are read.
//!
//! Invariant: where a file could not be read whole, nothing is said about what is *missing*: it may stand in the
//! part that nobody saw. And on a line with a syntax error nothing else is said: its value is a guess.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::principals::Principal;
use super::problem::{Place, Problem};
use super::secret_source::SecretSource;

/// Most problems that one report keeps: a file of garbage has one for every byte.
const PROBLEMS_MAX: usize = 1000;

/// Where each key stands, by its dotted path: `orgs.acme.readers.users[0]`.
#[derive(Debug, Clone)]
pub struct Places {
    by_key: BTreeMap<String, Place>,
    main: Place,
}

impl Places {
    /// Whether `key` is written down.
    pub fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Where `key` stands; if it is left out, where the nearest table around it starts.
    pub fn of(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(place) = self.by_key.get(key) {
                return place.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return self.main.clone(),
            }
        }
    }
}

/// Something outside of the config that it names, and that only a look outside can judge.
#[derive(Debug, Clone)]
pub struct Mention {
    /// The key that names it; [`Places`] knows where that stands.
    pub key: String,
    /// What it is.
    pub what: Outside,
}

/// What a [`Mention`] is of.
#[derive(Debug, Clone)]
pub enum Outside {
    /// The secret of this client.
    ClientSecret(String, SecretSource),
    /// A user who may read or change something.
    User(Principal),
    /// A group whose members may.
    Group(Principal),
    /// A file to write.
    Output(PathBuf),
    /// The group of such a file, which the daemon must be in.
    OutputGroup(Principal),
}

/// All that was noticed so far.
pub(super) struct Report {
    plain: RefCell<Vec<Problem>>,
    syntax: RefCell<Vec<Problem>>,
    absent: RefCell<Vec<Problem>>,
    garbled: RefCell<BTreeSet<(Arc<Path>, usize)>>,
    whole: Cell<bool>,
    places: RefCell<Places>,
    mentions: RefCell<Vec<Mention>>,
}

impl Report {
    /// Starts with the problems of files that could not be read.
    pub(super) fn new(main: &Path, unread: Vec<Problem>) -> Self {
        let places = Places {
            by_key: BTreeMap::new(),
            main: Place::of_file(main),
        };
        Self {
            whole: Cell::new(unread.is_empty()),
            plain: RefCell::new(unread),
            syntax: RefCell::default(),
            absent: RefCell::default(),
            garbled: RefCell::default(),
            places: RefCell::new(places),
            mentions: RefCell::default(),
        }
    }

    /// Something is wrong with what is there.
    pub(super) fn add(&self, problem: Problem) {
        self.plain.borrow_mut().push(problem);
    }

    /// Something is not there.
    pub(super) fn add_absent(&self, problem: Problem) {
        self.absent.borrow_mut().push(problem);
    }

    /// A text is no TOML; from here on nobody knows what is missing.
    pub(super) fn add_syntax(&self, problem: Problem) {
        self.whole.set(false);
        self.add_garbled(problem.place.clone());
        self.syntax.borrow_mut().push(problem);
    }

    /// What stands in this line means nothing.
    pub(super) fn add_garbled(&self, place: Place) {
        self.garbled.borrow_mut().insert((place.file, place.line));
    }

    /// Notes where a key stands; answers where it stood before, if it did.
    pub(super) fn mark(&self, key: &str, place: Place) -> Option<Place> {
        let mut places = self.places.borrow_mut();
        let before = places.by_key.get(key).cloned();
        if before.is_none() {
            places.by_key.insert(key.to_owned(), place);
        }
        before
    }

    /// Something outside is named.
    pub(super) fn mention(&self, key: &str, what: Outside) {
        let key = key.to_owned();
        self.mentions.borrow_mut().push(Mention { key, what });
    }

    /// All that was named so far.
    pub(super) fn mentions(&self) -> Vec<Mention> {
        self.mentions.borrow().clone()
    }

    /// Where `key` was noted.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.places.borrow().of(key)
    }

    /// Everything, sorted and without repetition.
    pub(super) fn finish(self) -> (Vec<Problem>, Places) {
        let mut problems = self.plain.into_inner();
        if self.whole.get() {
            problems.append(&mut self.absent.into_inner());
        }
        let garbled = self.garbled.into_inner();
        problems.retain(|problem| !garbled.contains(&line_of(problem)));
        problems.extend(first_of_each_line(self.syntax.into_inner()));
        problems.sort();
        problems.dedup();
        (bounded(problems), self.places.into_inner())
    }
}

fn line_of(problem: &Problem) -> (Arc<Path>, usize) {
    (Arc::clone(&problem.place.file), problem.place.line)
}

/// One slip of the pen makes the parser stumble several times in a line, for the best reason first.
fn first_of_each_line(mut syntax: Vec<Problem>) -> Vec<Problem> {
    syntax.sort_by(|a, b| a.place.cmp(&b.place));
    syntax.dedup_by_key(|problem| line_of(problem));
    syntax
}

fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    let beyond = problems.len().saturating_sub(PROBLEMS_MAX);
    problems.truncate(PROBLEMS_MAX);
    if let (Some(last), 1..) = (problems.last(), beyond) {
        let more = format!("and {beyond} more problems from here on; mend these first");
        problems.push(Problem::error(last.place.clone(), more));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize) -> Place {
        let mut place = Place::of_file(Path::new("z.toml"));
        place.line = line;
        place
    }

    #[test]
    fn nothing_is_called_missing_where_a_file_is_garbled() {
        let report = Report::new(Path::new("z.toml"), vec![]);
        report.add_absent(Problem::error(place(1), "no client"));
        report.add_syntax(Problem::error(place(7), "not TOML"));
        let (problems, _) = report.finish();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, "not TOML");
    }

    #[test]
    fn a_garbled_line_has_one_problem() {
        let report = Report::new(Path::new("z.toml"), vec![]);
        report.add(Problem::error(place(7), "empty"));
        report.add(Problem::error(place(8), "kept"));
        report.add_syntax(Problem::error(place(7), "a"));
        report.add_syntax(Problem::error(place(7), "b"));
        let messages: Vec<_> = report.finish().0.into_iter().map(|p| p.message).collect();
        assert_eq!(messages, ["a", "kept"]);
    }

    #[test]
    fn a_file_of_garbage_has_a_bounded_report() {
        let report = Report::new(Path::new("z.toml"), vec![]);
        for line in 1..=PROBLEMS_MAX + 5 {
            report.add(Problem::error(place(line), "bad"));
        }
        let (problems, _) = report.finish();
        assert_eq!(problems.len(), PROBLEMS_MAX + 1);
        assert!(problems[PROBLEMS_MAX].message.starts_with("and 5 more"));
    }

    #[test]
    fn a_key_that_is_left_out_stands_where_its_table_starts() {
        let report = Report::new(Path::new("z.toml"), vec![]);
        report.mark("orgs.acme", place(4));
        let (_, places) = report.finish();
        assert_eq!(places.of("orgs.acme.readers.users[0]"), place(4));
        assert_eq!(places.of("daemon.socket"), place(1));
    }
}
