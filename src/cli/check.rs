//! `check`: the config, and all that it names on this machine, without a daemon and, unless it is
//! told to, without the network.
//!
//! Invariant: whatever stops `run` is named here, all of it at once and with its place. Run as root, it judges for
//! the user that the daemon will be.

mod drop_in;
mod folders;
mod named;
mod online;
mod servers;

use std::fmt;
use std::path::{Path, PathBuf};

use super::args::Check;
use super::failure::{Exit, Failure};
use super::output::{self, counted};
use super::reload;
use crate::config::{Parsed, Problem};
use crate::edge::actor::Actor;
use crate::edge::config_files;
use crate::edge::credentials::Credentials;
use crate::edge::store::KeyFile;

/// The user of the packaged unit.
const SERVICE_USER: &str = "zoho-tokend";

/// What `check` found. Shows itself as the verb prints it to stdout; the problems go to stderr, one a line.
#[derive(Debug)]
pub struct CheckReport {
    /// Every problem and warning, sorted by place.
    pub problems: Vec<Problem>,
    /// What else the operator should know: who makes a folder, which drop-in to write.
    pub notes: Vec<String>,
    /// Good orgs.
    pub orgs: usize,
    /// Good clients.
    pub clients: usize,
}

/// Checks the config and prints what was found; with `--against-running` also what a reload would change.
pub fn run(args: &Check) -> Result<Exit, Failure> {
    let report = check(&args.of.config);
    for problem in &report.problems {
        output::complain(&problem.to_string());
    }
    output::print(report.to_string().as_bytes())?;
    let reached = if args.online {
        look_online(&args.of.config)?
    } else {
        Exit::Done
    };
    if !report.is_good() {
        return Ok(Exit::Config);
    }
    if args.against_running {
        reload::forecast(&args.at)?;
    }
    Ok(reached)
}

/// Asks the data centers of the config, and prints what they said.
fn look_online(path: &Path) -> Result<Exit, Failure> {
    let online = online::look(path)?;
    for problem in online.warnings.iter().chain(&online.unreached) {
        output::complain(&problem.to_string());
    }
    let notes = online.notes.iter().map(|note| format!("note: {note}\n"));
    let text = notes.collect::<String>() + &online.summary() + "\n";
    output::print(text.as_bytes())?;
    Ok(if online.unreached.is_empty() {
        Exit::Done
    } else {
        Exit::Unavailable
    })
}

/// Checks the config at `path` for the user that the daemon runs as.
pub fn check(path: &Path) -> CheckReport {
    let (own, service) = (Actor::own(), Actor::named(SERVICE_USER));
    let judged = service.as_ref().filter(|_| own.uid == 0).unwrap_or(&own);
    let mut report = check_for(judged, path, &Credentials::of_service());
    if service
        .as_ref()
        .is_some_and(|service| service.uid != judged.uid)
    {
        let user = &judged.name;
        let what = format!("this was for {user}; run it as root to check for {SERVICE_USER}");
        report.notes.push(what);
    }
    report
}

/// Checks the config at `path` as if `actor` ran the daemon and systemd had passed it these `credentials`.
pub fn check_for(actor: &Actor, path: &Path, credentials: &Credentials) -> CheckReport {
    let mut look = Look {
        actor,
        credentials,
        parsed: config_files::read(path),
        notes: vec![],
        seal_key: None,
    };
    // Without a config there is nothing of the operator's to look at: defaults would hide the one line that counts.
    if !look.parsed.files.is_empty() {
        named::check(&mut look);
        folders::check(&mut look);
        look.notes.dedup();
        look.notes.extend(drop_in::of(actor, &look.parsed));
    }
    look.parsed.problems.sort();
    look.parsed.problems.dedup();
    CheckReport {
        orgs: look.parsed.config.orgs.len(),
        clients: look.parsed.config.clients.len(),
        problems: look.parsed.problems,
        notes: look.notes,
    }
}

/// A look at what the config names, and what it found so far.
struct Look<'a> {
    actor: &'a Actor,
    credentials: &'a Credentials,
    parsed: Parsed,
    notes: Vec<String>,
    /// The key's file, where the key is in one that is good or not there.
    seal_key: Option<(PathBuf, KeyFile)>,
}

impl Look<'_> {
    /// Reports `what; what to do` about the value of `key`.
    fn error(&mut self, key: &str, what: impl fmt::Display) {
        let place = self.parsed.places.of(key);
        let name = key.rsplit('.').next().unwrap_or(key);
        let name = name.split('[').next().unwrap_or(name);
        let problem = Problem::error(place, format!("`{name}` {what}"));
        self.parsed.problems.push(problem);
    }

    fn note(&mut self, what: String) {
        self.notes.push(what);
    }
}

impl CheckReport {
    /// Whether `run` starts with it.
    pub fn is_good(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.is_good() {
            let (orgs, clients) = (counted(self.orgs, "org"), counted(self.clients, "client"));
            return writeln!(f, "config good: {orgs}, {clients}");
        }
        let errors = self.problems.iter().filter(|problem| problem.is_error());
        writeln!(f, "config bad: {}", counted(errors.count(), "problem"))
    }
}
