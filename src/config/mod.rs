//! Text to [`Config`], or every [`Problem`] in it with file, line and column.
//!
//! Pure: it neither opens a file nor looks a user up. What only a look outside can judge is handed on as
//! [`Mention`]s. Invariant: a [`Config`] without a problem of severity error is complete and in range; in one with
//! such problems, what could not be understood is left out.

mod budget;
mod clashes;
mod client;
mod daemon;
mod data_centers;
mod include;
mod kinds;
mod org;
mod output;
mod own_rights;
mod principals;
mod problem;
mod refresh;
mod report;
mod secret_source;
mod section;
mod source;
mod suggest;
mod syntax;
mod target;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use client::Client;
pub use daemon::{Daemon, LogFormat};
pub use include::{Include, includes};
pub use org::Org;
pub use output::{Format, Output};
pub use principals::{Principal, Principals, refusal_of_id};
pub use problem::{Place, Problem, Severity};
pub use refresh::Refresh;
pub use report::{Mention, Outside, Places};
pub use secret_source::SecretSource;
pub use source::SourceText;
pub use suggest::nearest;

use crate::base::OrgName;
use data_centers::Site;
use report::Report;
use section::Section;
use source::Source;
use target::Known;
use value::Value;

/// What to say of a table that a drop-in cannot have.
const MAIN_ONLY: [(&str, &str); 3] = [
    ("daemon", "it stands in the main file only; move it there"),
    ("include", "it stands in the main file only; move it there"),
    ("refresh", "it stands in the main file only; move it there"),
];

/// Everything that an operator sets.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The daemon's own settings.
    pub daemon: Daemon,
    /// When tokens are renewed, where an org does not say.
    pub refresh: Refresh,
    /// The clients, by name.
    pub clients: BTreeMap<String, Client>,
    /// The orgs, by name.
    pub orgs: BTreeMap<OrgName, Org>,
}

/// What was understood, and what was not.
#[derive(Debug)]
pub struct Parsed {
    /// All that was understood.
    pub config: Config,
    /// Sorted by place.
    pub problems: Vec<Problem>,
    /// The files, in the order in which they were read.
    pub files: Vec<PathBuf>,
    /// Where each key stands.
    pub places: Places,
    /// What the config names outside of itself.
    pub mentions: Vec<Mention>,
}

impl Parsed {
    /// Whether the daemon starts with it, as far as the texts tell.
    pub fn is_good(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Reads all files of a config, the main one first. `unread`: the problems of those that could not be opened; while
/// there are any, nothing is called missing.
pub fn read(main: &Path, sources: &[SourceText], unread: Vec<Problem>) -> Parsed {
    let report = Report::new(main, unread);
    let config = read_all(sources, &report);
    clashes::check(&config, sources, &report);
    budget::check(&config, &report);
    own_rights::check(&config, &report);
    let mentions = report.mentions();
    let (problems, places) = report.finish();
    Parsed {
        config,
        problems,
        files: sources.iter().map(|source| source.path.clone()).collect(),
        places,
        mentions,
    }
}

fn read_all(sources: &[SourceText], report: &Report) -> Config {
    let files = sources.iter().map(|source| Source::new(source, report));
    let files: Vec<_> = files.collect();
    let tables: Vec<DeTable<'_>> = files.iter().map(Source::table).collect();
    let roots = files.iter().zip(&tables);
    let roots: Vec<_> = roots
        .map(|(file, table)| Section::new(file, String::new(), table, 0))
        .collect();
    let Some((main, drop_ins)) = roots.split_first() else {
        return Config::default();
    };
    main.optional("include", include::check);
    let daemon = main.or("daemon", Daemon::default(), Daemon::read);
    let known = Known {
        clients: named(&roots, "clients", Client::read),
        sites: named(&roots, "data_centers", Site::read),
        refresh: main.or("refresh", Refresh::default(), Refresh::read),
    };
    let orgs = named(&roots, "orgs", |name, value| read_org(name, value, &known));
    main.finish(&[]);
    for root in drop_ins {
        root.finish(&MAIN_ONLY);
    }
    if orgs.is_empty() {
        main.lacks_softly("no org is configured; add [orgs.NAME], here or in a drop-in");
    }
    Config {
        daemon,
        refresh: known.refresh,
        clients: good(known.clients),
        orgs: good(orgs)
            .into_values()
            .map(|org| (org.settings.name.clone(), org))
            .collect(),
    }
}

fn read_org(name: &str, value: &Value<'_>, known: &Known) -> Option<Org> {
    let name = OrgName::parse(name).inspect_err(|bad| value.error(format!("is no name; {bad}")));
    Org::read(name.ok().as_ref(), value, known)
}

/// The entries of `[kind.NAME]` in all files. `None`: it is there, and something is wrong with it.
fn named<T>(
    roots: &[Section<'_>],
    kind: &'static str,
    read: impl Fn(&str, &Value<'_>) -> Option<T>,
) -> BTreeMap<String, Option<T>> {
    let mut all = BTreeMap::new();
    for root in roots {
        let Some(table) = root.optional(kind, |value| value.section(&format!("[{kind}.NAME]")))
        else {
            continue;
        };
        for (name, value) in table.entries() {
            if all.contains_key(name) {
                value.error_of_second();
            } else {
                all.insert(name.to_owned(), read(name, &value));
            }
        }
    }
    all
}

fn good<T>(all: BTreeMap<String, Option<T>>) -> BTreeMap<String, T> {
    let entries = all.into_iter();
    entries
        .filter_map(|(name, entry)| Some((name, entry?)))
        .collect()
}
