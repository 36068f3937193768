//! `watch`: tells of each new token and each change of state, in a line or by running a command.
//!
//! The parts: [`source`] asks the daemon, [`agenda`] knows what is still to be told, [`change`] says it, [`command`] runs
//! it, [`cursor`] remembers it. Jobs hear here that there is something to `get`; no token comes this way. Invariant:
//! what is true now is told, at least once, however often daemon, watcher and command end in between.

pub mod agenda;
pub mod change;
pub mod command;
pub mod cursor;
pub mod flags;
pub mod source;
pub mod stop;
pub mod wait;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use agenda::Agenda;
use change::Change;
use command::Runner;
use cursor::Cursor;
use flags::Watch;
use source::{News, Source};
use stop::Stop;

use super::failure::{Exit, Failure};
use super::{exec, output};
use crate::edge::clock::SystemClock;
use crate::edge::dice::Jitter;
use crate::policy::schedule::Dice;

/// The longest that a question waits at the daemon.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// All that one run of `watch` holds.
struct Watcher {
    agenda: Agenda,
    cursor: Option<Cursor>,
    /// Whether the last thing that was told is in the cursor, if there is one.
    is_kept: bool,
    runner: Option<Runner>,
    stop: Stop,
    clock: SystemClock,
    dice: Jitter,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Watches until it is told to end, or nobody reads.
pub fn run(args: &Watch) -> Result<Exit, Failure> {
    let stop = Stop::catch()?;
    let socket = exec::full(args.at.path());
    let stdout = args.command().is_none().then(io::stdout);
    let mut source = Source::new(socket.clone(), args.orgs.clone(), stdout);
    let orgs = source.begin()?;
    let (cursor, told) = match &args.cursor {
        Some(path) => Cursor::open(path).map(|(cursor, told)| (Some(cursor), told))?,
        None => (None, BTreeMap::new()),
    };
    let runner = args.command().map(|(program, rest)| Runner {
        command: (program.clone(), rest.to_vec()),
        timeout: args.timeout,
        socket,
        has_run: false,
    });
    let mut watcher = Watcher {
        agenda: Agenda::new(told, &args.orgs, args.generations),
        cursor,
        is_kept: true,
        runner,
        stop,
        clock: SystemClock::new(),
        dice: Jitter::default(),
    };
    watcher.agenda.renew(orgs);
    watcher.go_on(&mut source)?;
    Ok(Exit::Done)
}

impl Watcher {
    fn go_on(&mut self, source: &mut Source) -> Result<(), Failure> {
        while self.tell()? == Next::GoOn {
            let latest = self.clock.now().boot.plus(WAIT_MAX);
            let until = self.agenda.due_at().map_or(latest, |at| at.min(latest));
            match source.ask(until)? {
                News::Orgs(orgs) => {
                    if self.agenda.renew(orgs) {
                        source.was_of_use();
                    } else {
                        source.was_idle();
                    }
                }
                News::Nothing => (),
                News::ReaderGone => return Ok(()),
            }
        }
        Ok(())
    }

    /// Prints all that is due. Of commands only one, then the daemon is asked again: the next one shall run for
    /// what is true then.
    fn tell(&mut self) -> Result<Next, Failure> {
        while let Some(change) = self.agenda.next(self.clock.now().boot) {
            if self.runner.is_some() {
                return self.tell_by_command(&change);
            }
            if !output::offer(change.to_line().as_bytes())? {
                return Ok(Next::End);
            }
            self.agenda.done(&change);
            self.is_kept = false;
        }
        self.keep();
        Ok(Next::GoOn)
    }

    fn tell_by_command(&mut self, change: &Change) -> Result<Next, Failure> {
        let Some(runner) = &mut self.runner else {
            return Ok(Next::GoOn);
        };
        self.stop.shield();
        let outcome = runner.run(change, &self.stop, &self.clock);
        match &outcome {
            Ok(Ok(())) => {
                self.agenda.done(change);
                self.is_kept = false;
                self.keep();
            }
            Ok(Err(why)) if self.stop.is_asked() => left(change, why),
            Ok(Err(why)) => self.put_off(change, why),
            Err(_) => (),
        }
        let is_over = self.stop.unshield();
        outcome.map(|_| if is_over { Next::End } else { Next::GoOn })
    }

    fn put_off(&mut self, change: &Change, why: &str) {
        let now = self.clock.now().boot;
        let pause = self.agenda.failed(change, now, self.dice.roll());
        let cure = format!("it is run again in {} s", pause.as_secs_f32().ceil());
        let what = format!("{} {}: {why}", change.change.as_str(), number(change));
        output::complain_of(&Failure::new(Exit::TryLater, &change.org, &what, &cure));
    }

    /// Brings the cursor up to date. Where that fails it is said, and tried again with the next answer.
    fn keep(&mut self) {
        let Some(cursor) = self.cursor.as_ref().filter(|_| !self.is_kept) else {
            return;
        };
        match cursor.save(self.agenda.told()) {
            Ok(()) => self.is_kept = true,
            Err(failure) => output::complain_of(&failure),
        }
    }
}

/// The watch ends, and the command did not finish.
fn left(change: &Change, why: &str) {
    let cure = "the watch ends too; with --cursor its next start runs it again";
    let what = format!("{} {}: {why}", change.change.as_str(), number(change));
    output::complain_of(&Failure::new(Exit::TryLater, &change.org, &what, cure));
}

fn number(change: &Change) -> String {
    change
        .generation
        .map_or_else(|| "-".to_owned(), |number| number.to_string())
}
