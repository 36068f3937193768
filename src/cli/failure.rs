//! How a verb ends: an exit code, and for a person one line of who, what, and what to do.

use std::process::ExitCode;

use crate::base::is_shown;

/// Every exit code of the program: sysexits, and those of `status --check`, `simulate` and `exec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done. For `status --check`: every token is fresh and every grant ok.
    Done = 0,
    /// `status --check`: the tokens are fresh, a grant is not ok. `simulate`: readers would go short.
    NotWell = 1,
    /// `status --check`: a token is stale, expired or missing.
    NotFresh = 2,
    /// `status --check`: the daemon did not answer.
    NoDaemon = 3,
    /// Not a command line of ours (`EX_USAGE`).
    Usage = 64,
    /// What was given on stdin cannot be meant (`EX_DATAERR`).
    Data = 65,
    /// No daemon, or Zoho out of reach (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// A bug, or an answer that is not understood (`EX_SOFTWARE`).
    Bug = 70,
    /// The output could not be written (`EX_IOERR`).
    Output = 74,
    /// Waiting helps (`EX_TEMPFAIL`).
    TryLater = 75,
    /// Not for this user (`EX_NOPERM`).
    NotPermitted = 77,
    /// The config must change, or a person must act (`EX_CONFIG`).
    Config = 78,
    /// `exec`, `watch --exec`: the command is there and cannot be run, as shells and env(1) say it.
    NotExecutable = 126,
    /// `exec`, `watch --exec`: there is no such command, as shells and env(1) say it.
    NotFound = 127,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a verb did not do what it was asked, sorted by its exit code. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who}: {what}; {cure}")]
pub struct Failure {
    /// What to do about it, for a script.
    pub exit: Exit,
    /// Whom it is about: an org, a socket, a verb.
    pub who: String,
    /// What happened.
    pub what: String,
    /// What a person does now.
    pub cure: String,
}

impl Failure {
    /// A failure in one line: what does not show becomes a space, a full stop at the end goes, and the cure goes on with a
    /// small letter, also where it is a sentence elsewhere.
    ///
    /// Part of the text may come from Zoho by way of the daemon; none of it reaches a terminal as a command.
    pub fn new(exit: Exit, who: &str, what: &str, cure: &str) -> Self {
        let [who, what, cure] = [who, what, cure].map(in_one_line);
        Self {
            exit,
            who,
            what,
            cure: going_on(&cure),
        }
    }

    /// An answer, or a state of ours, that should not be.
    pub fn bug(who: &str, what: &str) -> Self {
        let cure =
            "see `journalctl -u zoho-tokend`, and whether client and daemon are of one version";
        Self::new(Exit::Bug, who, what, cure)
    }
}

/// `text` as it goes on behind a semicolon. `DNS` and Zoho stay as they are.
fn going_on(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let is_name = first.chars().skip(1).any(char::is_uppercase) || first.starts_with("Zoho");
    let mut letters = text.chars();
    let small = letters.next().filter(|_| !is_name);
    let small = small.map(|letter| letter.to_lowercase().chain(letters).collect());
    small.unwrap_or_else(|| text.to_owned())
}

/// `text` with its white space folded and without what does not show as itself, fit for one line of a terminal.
pub fn in_one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || !is_shown(c));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    line.strip_suffix('.').unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cure_goes_on_with_a_small_letter_unless_it_begins_with_a_name() {
        let cure = |text| Failure::new(Exit::Config, "acme", "what", text).cure;
        assert_eq!(cure("Make a new one."), "make a new one");
        assert_eq!(cure("Wait, or go"), "wait, or go");
        for name in ["DNS is at fault", "Zoho's page has it", "`a` is B", ""] {
            assert_eq!(cure(name), name);
        }
    }

    #[test]
    fn a_text_of_zohos_cannot_command_the_terminal_or_forge_a_line() {
        let what = "Access\u{1b}[31m Denied.\nzoho-tokend: all is\u{202e}well\u{9b}2J";
        let failure = Failure::new(Exit::TryLater, "acme", what, "wait.");
        assert_eq!(
            failure.to_string(),
            "acme: Access [31m Denied. zoho-tokend: all is well 2J; wait"
        );
    }
}
