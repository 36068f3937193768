//! The command line: a verb, what it says, and how it ends.
//!
//! The verbs of operators and jobs ask the daemon over its socket and never read the config, so they
//! work for every user that the daemon lets read. Invariant: only [`output`] writes to a terminal, only
//! [`run()`] turns a failure into an exit code, and no secret is in either.

pub mod answer;
pub mod args;
pub mod check;
pub mod client;
pub mod client_secret;
#[cfg(feature = "stand-in")]
pub mod demo;
pub mod enroll;
pub mod exec;
pub mod explain;
pub mod failure;
pub mod generated;
pub mod get;
mod hand_over;
pub mod history;
pub mod login;
pub mod output;
pub mod quick;
pub mod reading;
pub mod refresh;
pub mod refusal;
pub mod reload;
pub mod report;
pub mod revoke;
pub mod run;
pub mod secret_input;
mod self_client;
pub mod simulate;
pub mod socket_at;
pub mod span;
#[cfg(feature = "stand-in")]
pub mod stand_in;
pub mod status;
pub mod token_answer;
pub mod usage;
pub mod watch;

use std::ffi::OsString;

use args::{CommandLine, Verb};
use clap::Parser;

pub use failure::{Exit, Failure};

/// Does what `argv` says, the program's name first.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> Exit {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if let Some(args) = quick::parse(&argv) {
        return ended(get::run(&args));
    }
    let done = match CommandLine::try_parse_from(&argv) {
        Ok(line) => dispatch(&line.verb),
        Err(error) => usage::answer(&argv, &error),
    };
    ended(done)
}

fn ended(done: Result<Exit, Failure>) -> Exit {
    done.unwrap_or_else(|failure| {
        output::complain_of(&failure);
        failure.exit
    })
}

fn dispatch(verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Get(args) => get::run(args),
        Verb::Exec(args) => exec::run(args),
        Verb::Watch(args) => watch::run(args),
        Verb::Report(args) => report::run(args),
        Verb::Status(args) => status::run(args),
        Verb::Refresh(args) => refresh::run(args),
        Verb::History(args) => history::run(args),
        Verb::Reload(args) => reload::run(args),
        Verb::Enroll(args) => enroll::run(args),
        Verb::Login(args) => login::run(args),
        Verb::Explain(args) => explain::run(args),
        Verb::Revoke(args) => revoke::run(args),
        Verb::Run(args) => Ok(run::run(args)),
        Verb::Check(args) => check::run(args),
        Verb::Simulate(args) => simulate::run(args),
        #[cfg(feature = "stand-in")]
        Verb::Demo(args) => demo::run(args),
        #[cfg(feature = "stand-in")]
        Verb::StandIn(args) => stand_in::run(args),
        Verb::Completions(args) => generated::completions(args),
        Verb::Man(args) => generated::man(args),
    }
}
