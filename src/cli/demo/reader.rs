//! A job that never stops: reads every org by socket and by file, and keeps count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Deserialize;

use super::super::client::{self, Request};
use super::super::output::counted;
use crate::base::Environment;

/// Pause between two rounds over all orgs.
const PAUSE: Duration = Duration::from_millis(50);

/// Most failures that are told one by one.
const TOLD_MAX: usize = 20;

/// The job, on a thread of its own.
pub(super) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Report>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(super) struct Report {
    reads: usize,
    failed: usize,
    /// The first of them.
    failures: Vec<String>,
    generations: BTreeMap<&'static str, BTreeSet<u64>>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    generation: u64,
}

impl Reader {
    pub(super) fn start(
        socket: &Path,
        tokens_dir: &Path,
        orgs: &'static [(&'static str, Environment)],
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (socket, tokens_dir, seen) =
            (socket.to_owned(), tokens_dir.to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut report = Report::default();
            for (org, _) in orgs {
                report.generations.insert(org, BTreeSet::new());
            }
            while !seen.load(Ordering::Relaxed) {
                for (org, _) in orgs {
                    report.read(org, &socket, &tokens_dir);
                }
                thread::sleep(PAUSE);
            }
            report
        });
        Self { stop, thread }
    }

    pub(super) fn finish(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Report {
            failed: 1,
            failures: vec!["the reader itself failed".to_owned()],
            ..Report::default()
        })
    }
}

impl Report {
    /// Whether every org was refreshed at least once, and no read failed.
    pub(super) fn is_good(&self) -> bool {
        let refreshed = self.generations.values().all(|seen| seen.len() >= 2);
        refreshed && self.is_clean() && self.reads > 0
    }

    /// Whether no read failed.
    pub(super) fn is_clean(&self) -> bool {
        self.failed == 0
    }

    fn read(&mut self, org: &'static str, socket: &Path, tokens_dir: &Path) {
        self.reads += 2;
        match by_socket(org, socket) {
            Ok(token) => drop(
                self.generations
                    .entry(org)
                    .or_default()
                    .insert(token.generation),
            ),
            Err(why) => self.fail(format!("{org} by socket: {why}")),
        }
        if let Err(why) = by_file(&tokens_dir.join(org)) {
            self.fail(format!("{org} by file: {why}"));
        }
    }

    fn fail(&mut self, what: String) {
        self.failed += 1;
        if self.failures.len() < TOLD_MAX {
            self.failures.push(what);
        }
    }
}

fn by_socket(org: &str, socket: &Path) -> Result<Token, String> {
    let target = format!("/v1/orgs/{org}/token");
    let answer = client::exchange(socket, &Request::get(&target), Duration::from_secs(10));
    let answer = answer.map_err(|err| format!("{err:?}"))?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|err| err.to_string())
}

/// The files lag the socket by a moment, so they are held to being there, whole.
fn by_file(folder: &Path) -> Result<(), String> {
    let text = fs::read_to_string(folder.join("token.json")).map_err(|err| err.to_string())?;
    let token: Token = serde_json::from_str(&text).map_err(|err| err.to_string())?;
    if token.access_token.is_empty() {
        Err("an empty token".to_owned())
    } else {
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reads, {} failed", self.reads, self.failed)?;
        for (org, seen) in &self.generations {
            write!(f, "; {org}: {}", counted(seen.len(), "generation"))?;
        }
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        match self.failed - self.failures.len() {
            0 => Ok(()),
            untold => write!(f, "\n  and {untold} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_counted_and_the_first_of_them_are_told() {
        let mut report = Report::default();
        let nowhere = Path::new("/nowhere");
        for _ in 0..50 {
            report.read("acme", nowhere, nowhere);
        }
        let told = report.to_string();
        assert!(
            told.starts_with("100 reads, 100 failed\n  acme by "),
            "{told}"
        );
        assert_eq!(told.matches("acme by ").count(), TOLD_MAX);
        assert!(told.ends_with("\n  and 80 more"), "{told}");
        assert!(!report.is_good());
    }
}
