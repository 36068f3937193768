//! `reload`: the new config, all of it or none. `ExecReload=` of the unit, so its exit code is seen by systemd.

use std::time::Duration;

use serde::Deserialize;

use super::answer::Answer;
use super::args::SocketAt;
use super::client::{self, Request};
use super::failure::{Exit, Failure, in_one_line};
use super::output::{self, counted};
use super::refusal::{self, Refusal};

/// The daemon reads files and looks up users; a directory server may be slow. Under systemd's own 90 s.
const PATIENCE: Duration = Duration::from_mins(1);

/// Most names that the summary gives of one kind: it is one line.
const NAMES_MAX: usize = 8;

/// What a reload changed: names of orgs, and keys of the config.
#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    changed: Vec<String>,
    #[serde(default)]
    settings: Vec<String>,
    #[serde(default)]
    restart_needed: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// One of the two questions, and the words around its answer.
struct Question {
    verb: &'static str,
    target: &'static str,
    opening: &'static str,
    nothing: &'static str,
    /// What follows from a problem, and what to do.
    refused: (&'static str, &'static str),
}

/// Has the daemon take its config anew; prints every problem or one line of what changed.
pub fn run(args: &SocketAt) -> Result<Exit, Failure> {
    let question = Question {
        verb: "reload",
        target: "/v1/reload",
        opening: "reloaded",
        nothing: "reloaded: nothing changed",
        refused: (
            "the old one stays in force",
            "put it right and reload again",
        ),
    };
    question.ask(args)
}

/// The same without taking it, for `check`: what `run` would change.
pub fn forecast(args: &SocketAt) -> Result<Exit, Failure> {
    let question = Question {
        verb: "check",
        target: "/v1/reload?dry_run=true",
        opening: "a reload would change",
        nothing: "a reload would change nothing",
        refused: (
            "a reload would be refused",
            "put it right before you reload",
        ),
    };
    question.ask(args)
}

impl Question {
    fn ask(&self, args: &SocketAt) -> Result<Exit, Failure> {
        let request = Request::post(self.target, b"");
        let answer = client::ask(&args.path(), &request, PATIENCE)?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        let changes: Changes = serde_json::from_slice(&answer.body)
            .map_err(|_| refusal::not_understood(self.verb, &answer))?;
        for warning in &changes.warnings {
            output::complain(&in_one_line(warning));
        }
        output::print(changes.told(self.opening, self.nothing).as_bytes())?;
        Ok(Exit::Done)
    }

    /// Prints each problem as it came, `file:line:col: message`, and sums them up.
    fn refused(&self, answer: &Answer) -> Failure {
        let refusal = Refusal::of(answer).unwrap_or_default();
        for problem in refusal.problems() {
            output::complain(&in_one_line(problem));
        }
        let (then, cure) = self.refused;
        match refusal.problems().len() {
            0 => refusal::failure(self.verb, answer),
            count => {
                let count = counted(count, "problem");
                let what = format!("the new config has {count}; {then}");
                Failure::new(Exit::Config, self.verb, &what, cure)
            }
        }
    }
}

impl Changes {
    fn told(&self, opening: &str, nothing: &str) -> String {
        let parts = [
            ("added", &self.added),
            ("removed", &self.removed),
            ("changed", &self.changed),
            ("new", &self.settings),
            ("only a restart changes", &self.restart_needed),
        ];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<_> = parts
            .map(|(verb, names)| format!("{verb} {}", listed(names)))
            .collect();
        if parts.is_empty() {
            return format!("{nothing}\n");
        }
        format!("{opening}: {}\n", in_one_line(&parts.join("; ")))
    }
}

/// `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_MAX)].join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> String {
        let changes: Changes = serde_json::from_str(json).expect("changes");
        changes.told("reloaded", "nothing new")
    }

    #[test]
    fn a_reload_is_told_in_one_line() {
        assert_eq!(told("{}"), "nothing new\n");
        let some = r#"{"added":["beta"],"removed":[],"changed":["acme","gamma"],"restart_needed":["daemon.socket"]}"#;
        let line =
            "reloaded: added beta; changed acme, gamma; only a restart changes daemon.socket\n";
        assert_eq!(told(some), line);
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..10).map(|n| format!("o{n}")).collect();
        assert_eq!(listed(&names), "o0, o1, o2, o3, o4, o5, o6, o7 and 2 more");
    }
}
