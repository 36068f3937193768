//! Secrets from a person or a pipe: asked for without echo on a terminal, else one a line on stdin.
//!
//! Invariant: takes at most [`STDIN_MAX`] from a pipe, gives out no empty text and none with a control
//! character, and quotes nothing of what it read.

use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use crate::base::Secret;

/// Most bytes on stdin: a grant token has about 70, a refresh token of any server under 2 000.
const STDIN_MAX: usize = 4096;

/// Where secrets come from, one after the other.
pub struct SecretInput {
    /// Of whom the secrets are, for prompts and failures.
    org: String,
    /// `None` on a terminal.
    piped: Option<Zeroizing<String>>,
    /// How many lines of `piped` were given out.
    used: usize,
}

impl SecretInput {
    /// Takes what is piped in, or gets ready to ask.
    pub fn open(org: &str) -> Result<Self, Failure> {
        let stdin = io::stdin();
        let piped = if stdin.is_terminal() {
            None
        } else {
            Some(read(org, stdin.lock())?)
        };
        Ok(Self {
            org: org.to_owned(),
            piped,
            used: 0,
        })
    }

    /// The next secret, called `name` in the prompt.
    pub fn next(&mut self, name: &str) -> Result<Secret, Failure> {
        self.next_or_none(name, "")?
            .ok_or_else(|| self.missing(name))
    }

    /// The same; `None` where none was typed or piped in. `hint`: what else the prompt says.
    pub fn next_or_none(&mut self, name: &str, hint: &str) -> Result<Option<Secret>, Failure> {
        let text = match &self.piped {
            Some(piped) => lines(piped)
                .nth(self.used)
                .map(|line| Zeroizing::new(line.to_owned())),
            None => Some(ask(&self.org, &format!("{name} of {}{hint}: ", self.org))?),
        };
        self.used += 1;
        let Some(text) = text else {
            return Ok(None);
        };
        match text.trim() {
            "" => Ok(None),
            word if word.chars().any(char::is_control) => Err(unusable(
                &self.org,
                &format!("the {} has control characters in it", name.to_lowercase()),
            )),
            word => Ok(Some(Secret::new(word.to_owned()))),
        }
    }

    /// Whether more was asked for than a pipe gave.
    pub fn is_used_up(&self) -> bool {
        self.piped
            .as_ref()
            .is_some_and(|piped| lines(piped).count() < self.used)
    }

    /// How many secrets were given out.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether a pipe gave more than was asked for.
    pub fn has_more(&self) -> bool {
        self.piped
            .as_ref()
            .is_some_and(|piped| lines(piped).count() > self.used)
    }

    /// The failure for a secret that was not given.
    pub fn missing(&self, name: &str) -> Failure {
        let name = name.to_lowercase();
        let (what, cure) = match (&self.piped, self.used) {
            (None, _) => (format!("no {name} was typed"), "start again".to_owned()),
            (Some(_), 1) => (
                "nothing on stdin".to_owned(),
                format!("pipe in the {name}, or run it on a terminal to be asked"),
            ),
            (Some(_), _) => (
                format!("the config leaves the {name} to the enrolment, and stdin has none"),
                format!("give the {name} as the second line, or run it on a terminal to be asked"),
            ),
        };
        Failure::new(Exit::Data, &self.org, &what, &cure)
    }
}

/// Lines with something on them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// All of `stdin`, in one allocation that never moves, so that wiping it leaves no copy.
fn read(org: &str, stdin: impl Read) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(STDIN_MAX + 64));
    let read = stdin.take(STDIN_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| unusable(org, &format!("stdin cannot be read: {error}")))?;
    if bytes.len() > STDIN_MAX {
        return Err(unusable(org, &format!("over {STDIN_MAX} bytes on stdin")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(unusable(org, "stdin is not text")),
    }
}

fn unusable(org: &str, what: &str) -> Failure {
    let cure = "give the secret alone, on one line, as the console shows it";
    Failure::new(Exit::Data, org, what, cure)
}

fn ask(org: &str, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| {
            let what = format!("the terminal cannot be asked: {error}");
            Failure::new(Exit::Usage, org, &what, "give the secret on stdin instead")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piped(text: &str) -> SecretInput {
        SecretInput {
            org: "acme".to_owned(),
            piped: Some(read("acme", text.as_bytes()).expect("good input")),
            used: 0,
        }
    }

    #[test]
    fn white_space_around_a_secret_is_no_part_of_it() {
        let mut input = piped("\n  1000.code \r\n\n\tsecret\n\n");
        assert_eq!(
            input.next("Grant token").expect("a line").expose(),
            "1000.code"
        );
        assert!(input.has_more());
        assert_eq!(
            input.next("Client secret").expect("a line").expose(),
            "secret"
        );
        assert!(!input.has_more());
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_and_not_quoted() {
        let mut bad = piped("1000.can\u{1b}ary");
        let failure = bad.next("Grant token").expect_err("a control character");
        assert_eq!(failure.exit, Exit::Data);
        assert!(!failure.to_string().contains("can"), "{failure}");
        let large = "a".repeat(STDIN_MAX + 1);
        let failure = read("acme", large.as_bytes()).expect_err("too large");
        assert_eq!(failure.what, "over 4096 bytes on stdin");
        assert!(read("acme", &b"\xff"[..]).is_err());
    }

    #[test]
    fn what_is_missing_is_asked_for_by_name() {
        let failure = piped(" \n").next("Grant token").expect_err("nothing there");
        assert_eq!(
            failure.to_string(),
            "acme: nothing on stdin; pipe in the grant token, or run it on a terminal to be asked"
        );
        let mut input = piped("code\n");
        input.next("Grant token").expect("a line");
        let failure = input.next("Client secret").expect_err("no second line");
        assert_eq!(
            failure.to_string(),
            "acme: the config leaves the client secret to the enrolment, and stdin has none; \
             give the client secret as the second line, or run it on a terminal to be asked"
        );
    }
}
