//! Secrets from a person or a pipe: asked for without echo on a terminal, else one a line on stdin.
//!
//! Invariant: takes at most [`STDIN_MAX`] from a pipe, gives out no secret that the daemon would not take, and quotes
//! nothing of what it read.

use std::io::{self, IsTerminal, Read};

use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use crate::base::{FIELD_MAX, Secret, flaw_of_field};
use crate::edge::terminal;

/// Most bytes on stdin.
const STDIN_MAX: usize = FIELD_MAX;

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
        let secret = self.line(name, hint)?;
        let flaw = secret.as_ref().and_then(|own| flaw_of_field(own.expose()));
        let refused =
            flaw.map(|flaw| unusable(&self.org, &format!("the {} {flaw}", name.to_lowercase())));
        refused.map_or(Ok(secret), Err)
    }

    /// The same, of any text that is no secret by itself.
    pub fn line(&mut self, name: &str, hint: &str) -> Result<Option<Secret>, Failure> {
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
        let word = text.trim();
        Ok((!word.is_empty()).then(|| Secret::new(word.to_owned())))
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
            (None, _) => (
                format!("no {name} was typed, and none is known"),
                "start again".to_owned(),
            ),
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
    // Windows puts a byte order mark before what it saves as UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(unusable(org, "stdin is not text")),
    }
}

fn unusable(org: &str, what: &str) -> Failure {
    let cure = "give the secret alone, on one line, as the console shows it";
    Failure::new(Exit::Data, org, what, cure)
}

fn ask(org: &str, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    terminal::ask_hidden(prompt).map_err(|error| {
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
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        let mut input = piped("\u{feff}1000.code\r\n");
        let code = input.next("Grant token").expect("a line");
        assert_eq!(code.expose(), "1000.code");
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_and_not_quoted() {
        for (text, what) in [
            (
                "1000.can\u{1b}ary",
                "the grant token has control characters in it",
            ),
            (
                "can ary",
                "the grant token has a space or a letter outside ASCII in it",
            ),
        ] {
            let failure = piped(text).next("Grant token").expect_err("no grant token");
            assert_eq!((failure.exit, &*failure.what), (Exit::Data, what));
            assert!(!failure.to_string().contains("can"), "{failure}");
        }
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
