//! Runs the command of `--exec`: one at a time, as this user, to its end or to the end of the time it has.
//!
//! Does not decide whether it is run again. Invariant: of one that is ended nothing is left behind, nor of what it has
//! started itself, unless this process is killed.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use rustix::process::{kill_process_group, test_kill_process_group};

use super::change::Change;
use super::stop::Stop;
use super::wait::{For, wait};
use crate::base::Boottime;
use crate::cli::failure::Failure;
use crate::cli::{exec, span};
use crate::edge::clock::SystemClock;

/// How long a command that is to end may take over it until it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// How often one looks whether all that a command has started is gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is run, and how.
pub struct Runner {
    /// The program and its arguments.
    pub command: (OsString, Vec<OsString>),
    /// What a run may take.
    pub timeout: Duration,
    /// For `zoho-tokend get` in the command.
    pub socket: PathBuf,
    /// Whether it has ever been started.
    pub has_run: bool,
}

impl Runner {
    /// Runs it for this change; an error is why that did not succeed, in a few words. A command that cannot be
    /// started the first time never will: that is a [`Failure`].
    pub fn run(
        &mut self,
        change: &Change,
        stop: &Stop,
        clock: &SystemClock,
    ) -> Result<Result<(), String>, Failure> {
        let mut child = match self.start(change) {
            Ok(child) => child,
            Err(error) if !self.has_run => return Err(exec::not_run(&self.command.0, &error)),
            Err(error) => return Ok(Err(format!("the command cannot be started ({error})"))),
        };
        self.has_run = true;
        let fed = feed(&mut child, &change.to_line());
        let ended = self.see_out(&mut child, stop, clock);
        let outcome = match (ended, fed) {
            (Err(error), _) => {
                child.kill().and_then(|()| child.wait()).ok();
                Err(format!("the command could not be waited for ({error})"))
            }
            (Ok((_, true)), _) => {
                let timeout = span::short(self.timeout.as_secs());
                Err(format!("the command was ended after {timeout}"))
            }
            (Ok((status, _)), _) if !status.success() => {
                Err(format!("the command failed ({status})"))
            }
            (Ok(_), Err(error)) => Err(format!("the command did not get its line ({error})")),
            (Ok(_), Ok(())) => Ok(()),
        };
        Ok(outcome)
    }

    fn start(&self, change: &Change) -> io::Result<Child> {
        let (program, rest) = &self.command;
        Command::new(program)
            .args(rest)
            .envs(change.variables())
            .env("ZOHO_TOKEND_SOCKET", &self.socket)
            .stdin(Stdio::piped())
            // A script waits for what it has started: whoever ends the one ends both.
            .process_group(0)
            .spawn()
    }

    /// How it ended, and whether its time was over. Who asks this process to end asks the command too.
    fn see_out(
        &self,
        child: &mut Child,
        stop: &Stop,
        clock: &SystemClock,
    ) -> io::Result<(ExitStatus, bool)> {
        let pid = Pid::from_child(child);
        let end = pidfd_open(pid, PidfdFlags::empty())?;
        let mut until = clock.now().boot.plus(self.timeout);
        let mut signal = Signal::TERM;
        let (mut is_stopped, mut is_late) = (false, false);
        loop {
            let bell = (!is_stopped).then(|| For::input(stop.as_fd()));
            match wait(&[Some(For::input(end.as_fd())), bell], clock, until)? {
                Some(0) => {
                    let status = child.wait()?;
                    if is_stopped || is_late {
                        clear_away(pid, clock, until.min(clock.now().boot.plus(GRACE)));
                    }
                    return Ok((status, is_late));
                }
                Some(_) => is_stopped = true,
                None => is_late |= !is_stopped,
            }
            // Not yet waited for, so the pid is still its own.
            kill_process_group(pid, signal)?;
            let is_killed = std::mem::replace(&mut signal, Signal::KILL) == Signal::KILL;
            until = if is_killed {
                Boottime(i64::MAX)
            } else {
                clock.now().boot.plus(GRACE)
            };
        }
    }
}

/// What an ended command has started was asked to end with it; what is left of that at `until` is killed. No other
/// group has its number as long as anything is left.
fn clear_away(group: Pid, clock: &SystemClock, until: Boottime) {
    while test_kill_process_group(group).is_ok() {
        if clock.now().boot >= until {
            kill_process_group(group, Signal::KILL).ok();
            return;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Its line on stdin, and no more. A command need not read it.
fn feed(child: &mut Child, line: &str) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else {
        return Ok(());
    };
    // A line is far shorter than what a pipe holds. One that is not must not wait for a command that reads nothing.
    rustix::io::ioctl_fionbio(&stdin, true)?;
    match stdin.write_all(line.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_over_before_its_line_comes_has_not_failed_for_that() {
        let mut command = Command::new("true");
        let mut child = command.stdin(Stdio::piped()).spawn().expect("it runs");
        // To wait for a child closes its stdin.
        let stdin = child.stdin.take();
        assert!(child.wait().expect("ours").success());
        child.stdin = stdin;
        assert!(feed(&mut child, "a line\n").is_ok());
    }
}
