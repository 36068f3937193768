//! `demo`: the whole system on this machine, against a stand-in of Zoho whose clocks run sixty times faster.
//!
//! The daemon in it is the real one, this program with `run` in a process of its own; nothing in it knows that it
//! is a demo. Invariant: when the demo ends, its daemon has ended and its folder is gone; killed, it takes the daemon
//! along all the same, and leaves the folder.

mod reader;
mod stage;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::args::Demo;
use super::client::{self, Request};
use super::failure::{Exit, Failure};
use super::output;
use super::status::{self, OrgStatus};
use crate::base::Boottime;
use crate::edge::clock::SystemClock;
use reader::{Reader, Report};
use stage::Stage;

/// How often the table is drawn anew on a terminal, and printed again elsewhere.
const REDRAW_EVERY: Duration = Duration::from_secs(1);
const REPRINT_EVERY: Duration = Duration::from_secs(15);

/// Runs it until Ctrl-C, or for the time that was asked for.
pub fn run(args: &Demo) -> Result<Exit, Failure> {
    let stop = interrupt()?;
    let clock = SystemClock::new();
    let stage = Stage::set(&clock)?;
    let reader = Reader::start(stage.socket(), stage.tokens_dir(), &stage::ORGS);
    output::print(intro(&stage, args).as_bytes())?;
    let end = args.span.map(|span| clock.now().boot.plus(span));
    let shown = show(&stage, &clock, end, &stop);
    let report = reader.finish();
    stage.strike(&clock)?;
    shown?;
    output::print(format!("\n{report}\n").as_bytes())?;
    if args.span.is_some() && !report.is_good() {
        return Err(fell_short(&report));
    }
    Ok(Exit::Done)
}

/// A demo that was too short says nothing against the daemon; a read that failed does.
fn fell_short(report: &Report) -> Failure {
    if report.is_clean() {
        let (what, cure) = ("not every org was refreshed yet", "give it at least 45s");
        return Failure::new(Exit::TryLater, "demo", what, cure);
    }
    Failure::bug("demo", "a read failed, see above")
}

/// Turns Ctrl-C, and a terminal that is closed, into a flag, so that the daemon is ended and the folder removed.
fn interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|err| Failure::bug("demo", &format!("signals: {err}")))?;
    }
    Ok(stop)
}

fn intro(stage: &Stage, args: &Demo) -> String {
    let (socket, tokens) = (
        stage.socket().display().to_string(),
        stage.tokens_dir().display().to_string(),
    );
    let program = stage.program().display();
    let org = stage::ORGS[0].0;
    let end = match args.span {
        Some(span) => format!(
            "It ends by itself after {}.",
            humantime::format_duration(span)
        ),
        None => "Ctrl-C ends it.".to_owned(),
    };
    format!(
        "Three orgs, the last by client credentials, tokens that live 60 s, and a stand-in of Zoho that allows 10 mints in 10 s. {end}\n\
         Paste into a second terminal:\n\n  \
         curl --unix-socket {socket} http://localhost/v1/orgs/{org}/token\n  \
         cat {tokens}/{org}/access_token\n  \
         export ZOHO_TOKEND_SOCKET={socket}\n  \
         {program} get {org}\n  \
         {program} status\n\n"
    )
}

/// Shows the orgs until the end, or until somebody stops it.
fn show(
    stage: &Stage,
    clock: &SystemClock,
    end: Option<Boottime>,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let is_terminal = std::io::stdout().is_terminal();
    let every = if is_terminal {
        REDRAW_EVERY
    } else {
        REPRINT_EVERY
    };
    let mut next = clock.now().boot;
    let mut lines = 0;
    while !stop.load(Ordering::Relaxed) && end.is_none_or(|end| clock.now().boot < end) {
        stage.require_daemon()?;
        if clock.now().boot >= next {
            next = clock.now().boot.plus(every);
            let table = status::draw(&orgs(stage)?);
            // Up over the table before, and clear to the end of the screen (ECMA-48: CPL, ED).
            let back = if lines > 0 {
                format!("\x1b[{lines}F\x1b[J")
            } else {
                String::new()
            };
            output::print(format!("{back}{table}").as_bytes())?;
            lines = if is_terminal {
                table.lines().count()
            } else {
                0
            };
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn orgs(stage: &Stage) -> Result<Vec<OrgStatus>, Failure> {
    #[derive(serde::Deserialize)]
    struct Orgs {
        orgs: Vec<OrgStatus>,
    }
    let answer = client::ask(
        stage.socket(),
        &Request::get("/v1/orgs"),
        Duration::from_secs(10),
    )?;
    let orgs: Result<Orgs, _> = serde_json::from_slice(&answer.body);
    orgs.map(|orgs| orgs.orgs)
        .map_err(|err| Failure::bug("demo", &format!("the daemon's answer: {err}")))
}
