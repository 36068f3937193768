//! `run`: the daemon, and its last words as an exit code.

use super::args::ConfigAt;
use super::failure::{Exit, Failure};
use super::output;
use crate::daemon::{self, Fatal};

/// Runs the daemon until a signal ends it.
pub fn run(args: &ConfigAt) -> Result<Exit, Failure> {
    match daemon::run(&args.config) {
        Ok(()) => Ok(Exit::Done),
        // A config's problems have a form of their own, which editors understand.
        Err(Fatal::Config(problems)) => {
            for problem in &problems {
                output::complain(problem);
            }
            Err(Failure::new(
                Exit::Config,
                "run",
                &format!("the config has {} problems", problems.len()),
                "mend them; `zoho-tokend check` shows the same list",
            ))
        }
        Err(fatal) => {
            output::complain(&format!("zoho-tokend: {fatal}"));
            Ok(exit_of(&fatal))
        }
    }
}

fn exit_of(fatal: &Fatal) -> Exit {
    match fatal {
        Fatal::Store(err) => match err.exit_code() {
            78 => Exit::Config,
            77 => Exit::NotPermitted,
            _ => Exit::TryLater,
        },
        Fatal::Config(_) | Fatal::Socket(_) | Fatal::Files(_) | Fatal::Log(_) => Exit::Config,
        Fatal::System { .. } => Exit::Bug,
    }
}
