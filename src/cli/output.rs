//! The only place that writes to stdout and stderr.
//!
//! Invariant: a reader that went away is no error of ours, a full disk is one: `get > file` must not
//! exit 0 over an empty file.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};

use super::failure::{Exit, Failure};

/// Longest answer to a question, in bytes.
const ANSWER_MAX: u64 = 256;

/// Writes `bytes` to stdout, whole.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    offer(bytes).map(|_| ())
}

/// The same; false where nobody reads any more.
pub fn offer(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(
            Exit::Output,
            "stdout",
            &format!("cannot be written: {error}"),
            "make room, or write elsewhere",
        )),
    }
}

/// Asks on the terminal for a `yes`; `None` where nobody sits there.
pub fn confirmed(question: &str) -> Option<bool> {
    let (stdin, mut stderr) = (io::stdin(), io::stderr().lock());
    if !stdin.is_terminal() {
        return None;
    }
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .ok()?;
    let mut answer = String::new();
    stdin.lock().take(ANSWER_MAX).read_line(&mut answer).ok()?;
    let answer = answer.trim().to_ascii_lowercase();
    Some(["y", "yes"].contains(&&*answer))
}

/// How many columns the terminal on stdout has; `None` where there is none.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// `1 problem`, `2 problems`.
pub fn counted(number: usize, noun: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{end}")
}

/// Writes one line to stderr as it is, for lines that have a form of their own (`file:line:col: …`).
pub fn complain(line: &str) {
    // Where not even stderr takes a line there is nobody left to tell.
    writeln!(io::stderr().lock(), "{line}").ok();
}

/// Writes `zoho-tokend: WHO: WHAT; WHAT TO DO` to stderr.
pub fn complain_of(failure: &Failure) {
    complain(&format!("zoho-tokend: {failure}"));
}
