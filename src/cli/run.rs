//! `run`: the daemon, and its last words as an exit code.

use super::args::ConfigAt;
use super::failure::Exit;
use super::output;
use crate::daemon::{self, Fatal};
use crate::edge::log;
use crate::edge::outlet::Trouble;

/// Runs the daemon until a signal ends it.
pub fn run(args: &ConfigAt) -> Exit {
    let Err(fatal) = daemon::run(&args.config) else {
        return Exit::Done;
    };
    let prefix = log::error_prefix();
    if let Fatal::Config(problems) = &fatal {
        // They have a form of their own, which editors understand.
        for problem in problems {
            output::complain(&format!("{prefix}{problem}"));
        }
        let count = problems.len();
        output::complain(&format!(
            "{prefix}zoho-tokend: run: the config has {count} problems; mend them; `zoho-tokend check` lists them too"
        ));
    } else {
        output::complain(&format!("{prefix}zoho-tokend: {fatal}"));
    }
    exit_of(&fatal)
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
