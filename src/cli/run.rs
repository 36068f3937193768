//! `run`: the daemon, and its last words as an exit code.

use rustix::process::Pid;

use super::args::Run;
use super::failure::Exit;
use super::output::{self, counted};
use crate::daemon::{self, Fatal};
use crate::edge::outlet::Trouble;
use crate::edge::{log, parent};

/// Runs the daemon until a signal ends it.
pub fn run(args: &Run) -> Exit {
    if has_lost_its_parent(args) {
        return Exit::Done;
    }
    let Err(fatal) = daemon::run(&args.of.config) else {
        return Exit::Done;
    };
    let prefix = log::error_prefix();
    if let Fatal::Config(problems) = &fatal {
        // They have a form of their own, which editors understand.
        for problem in problems {
            output::complain(&format!("{prefix}{problem}"));
        }
        let count = counted(problems.len(), "problem");
        output::complain(&format!(
            "{prefix}zoho-tokend: run: the config has {count}; mend what is named; `zoho-tokend check` lists it too"
        ));
    } else {
        output::complain(&format!("{prefix}zoho-tokend: {fatal}"));
    }
    exit_of(&fatal)
}

/// Whether it was to end with a process that has ended already.
fn has_lost_its_parent(args: &Run) -> bool {
    let Some(pid) = args.end_with.and_then(Pid::from_raw) else {
        return false;
    };
    // A kernel that does not know the request leaves a daemon that its parent ends by hand.
    !parent::end_with(pid).unwrap_or(true)
}

fn exit_of(fatal: &Fatal) -> Exit {
    match fatal {
        Fatal::Store(err) => match err.exit_code() {
            78 => Exit::Config,
            77 => Exit::NotPermitted,
            _ => Exit::TryLater,
        },
        // As with the state: the other one may be about to end.
        Fatal::Files(err) if matches!(err.trouble, Trouble::Busy { .. }) => Exit::TryLater,
        Fatal::Config(_) | Fatal::Socket(_) | Fatal::Files(_) | Fatal::Log(_) => Exit::Config,
        Fatal::System { .. } => Exit::Bug,
    }
}
