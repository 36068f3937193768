//! The only place that writes to stdout and stderr.
//!
//! Invariant: a reader that went away is no error of ours, a full disk is one: `get > file` must not
//! exit 0 over an empty file.

use std::io::{self, ErrorKind, Write};

use super::failure::{Exit, Failure};

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
