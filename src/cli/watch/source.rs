//! What is now, from the daemon: one question after the other, each waiting there until something is new.
//!
//! A daemon that goes away is waited for, and comes back to the same question. Invariants: at most one connection;
//! however the daemon answers, or does not, questions come no faster than something comes of them.

use std::collections::BTreeSet;
use std::io::{self, Stdout};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::change::OrgNow;
use super::wait::{For, wait};
use crate::base::{Boottime, OrgName};
use crate::cli::answer::Answer;
use crate::cli::client::{self, NoAnswer, Request};
use crate::cli::failure::{Exit, Failure};
use crate::cli::{output, refusal};
use crate::edge::clock::SystemClock;
use crate::edge::dice::Jitter;
use crate::policy::schedule::Dice;

/// How much longer than asked for the daemon may take: it may be starting, or swapped out.
const PATIENCE: Duration = Duration::from_secs(10);

/// First pause after a question of which nothing came.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest pause while the daemon is away.
const AWAY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Longest pause after answers with nothing in them that anybody wanted.
const IDLE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// An answer that took so long has paced itself.
const SOON: Duration = Duration::from_secs(1);

/// Most names that the daemon takes in a question.
const NAMES_MAX: usize = 100;

/// The daemon.
pub struct Source {
    socket: PathBuf,
    only: BTreeSet<OrgName>,
    /// Whose hang-up ends the waiting, where lines are printed.
    stdout: Option<Stdout>,
    /// Of the last answer.
    revision: String,
    is_lost: bool,
    asked_at: Boottime,
    /// Questions in a row of which nothing came, and soon.
    idle: u32,
    not_before: Boottime,
    clock: SystemClock,
    dice: Jitter,
}

/// What came of a question.
pub enum News {
    /// All orgs, as they are.
    Orgs(Vec<OrgNow>),
    /// The time is over.
    Nothing,
    /// Nobody reads our lines any more.
    ReaderGone,
}

/// `GET /v1/orgs`.
#[derive(Deserialize)]
struct Orgs {
    orgs: Vec<OrgNow>,
    revision: String,
}

impl Source {
    /// The daemon behind `socket`, asked for these orgs alone, or for all.
    pub fn new(socket: PathBuf, only: Vec<OrgName>, stdout: Option<Stdout>) -> Self {
        Self {
            socket,
            only: only.into_iter().collect(),
            stdout,
            // No revision is like it: the first answer comes at once.
            revision: "0".to_owned(),
            is_lost: false,
            asked_at: Boottime(i64::MIN),
            idle: 0,
            not_before: Boottime(i64::MIN),
            clock: SystemClock::new(),
            dice: Jitter::default(),
        }
    }

    /// What is now. Here a daemon that is not there is a failure, and so is a user to whom it tells nothing.
    pub fn begin(&mut self) -> Result<Vec<OrgNow>, Failure> {
        let target = self.target(Duration::ZERO);
        let answer = client::ask(&self.socket, &Request::get(&target), PATIENCE)?;
        let orgs = self.orgs_in(&answer)?;
        self.tell_missing(&orgs)?;
        Ok(orgs)
    }

    /// What is new, as soon as it is, at the latest at `until`.
    pub fn ask(&mut self, until: Boottime) -> Result<News, Failure> {
        if self.not_before > self.clock.now().boot {
            let pause_end = self.not_before.min(until);
            let woken = wait(&[self.reader()], &self.clock, pause_end);
            if woken.map_err(|error| failed(&error))?.is_some() {
                return Ok(News::ReaderGone);
            }
            if self.not_before > until {
                return Ok(News::Nothing);
            }
        }
        self.exchange(until)
    }

    /// The last answer held something that was wanted.
    pub fn was_of_use(&mut self) {
        self.idle = 0;
    }

    /// It held nothing of the kind: if it came soon, the next question waits a little.
    pub fn was_idle(&mut self) {
        self.rest(IDLE_PAUSE_MAX);
    }

    fn exchange(&mut self, until: Boottime) -> Result<News, Failure> {
        self.asked_at = self.clock.now().boot;
        // Whether the daemon is back shows at once, not when something is new there.
        let span = if self.is_lost {
            Duration::ZERO
        } else {
            until.since(self.asked_at).min(super::WAIT_MAX)
        };
        let target = self.target(span);
        let asked = client::send(&self.socket, &Request::get(&target), span + PATIENCE);
        let asked = match asked {
            Ok(asked) => asked,
            Err(none) => return self.lose(&none),
        };
        let latest = self.asked_at.plus(span + PATIENCE);
        let fds = [Some(For::input(asked.as_fd())), self.reader()];
        let woken = wait(&fds, &self.clock, latest).map_err(|error| failed(&error))?;
        if woken == Some(1) {
            return Ok(News::ReaderGone);
        }
        match asked.answer() {
            Ok(answer) => {
                self.find_again();
                self.news_in(&answer, span)
            }
            Err(none) => self.lose(&none),
        }
    }

    fn news_in(&mut self, answer: &Answer, span: Duration) -> Result<News, Failure> {
        if answer.status != 204 {
            return self.orgs_in(answer).map(News::Orgs);
        }
        // A daemon that ends sends everybody away before the time, and would do so again.
        if self.clock.now().boot.since(self.asked_at) < span {
            self.was_idle();
        }
        Ok(News::Nothing)
    }

    fn reader(&self) -> Option<For<'_>> {
        self.stdout
            .as_ref()
            .map(|stdout| For::hang_up(stdout.as_fd()))
    }

    fn target(&self, span: Duration) -> String {
        let (after, wait_ms) = (&self.revision, span.as_millis());
        let only: Vec<&str> = self.only.iter().map(OrgName::as_str).collect();
        let only = match only.len() {
            1..=NAMES_MAX => format!("&only={}", only.join(",")),
            // It tells of all; where more are named than it takes, the agenda chooses.
            _ => String::new(),
        };
        format!("/v1/orgs?after={after}&wait={wait_ms}ms{only}")
    }

    fn orgs_in(&mut self, answer: &Answer) -> Result<Vec<OrgNow>, Failure> {
        if answer.status != 200 {
            return Err(refusal::failure("watch", answer));
        }
        let orgs: Orgs = serde_json::from_slice(&answer.body)
            .map_err(|_| refusal::not_understood("watch", answer))?;
        self.revision = orgs.revision;
        Ok(orgs.orgs)
    }

    /// Says of each org that was named and is not there why, and that it is waited for; where that is all of them, there is nothing to watch.
    fn tell_missing(&self, orgs: &[OrgNow]) -> Result<(), Failure> {
        if self.only.is_empty() && orgs.is_empty() {
            output::complain(
                "zoho-tokend: watch: this user may read no org so far; waiting for one",
            );
        }
        let is_there = |name: &&OrgName| orgs.iter().any(|org| org.org == name.as_str());
        let mut missing = Vec::new();
        for name in self.only.iter().filter(|name| !is_there(name)) {
            let target = format!("/v1/orgs/{name}");
            let answer = client::ask(&self.socket, &Request::get(&target), PATIENCE)?;
            if answer.status != 200 {
                missing.push(refusal::failure(name.as_str(), &answer));
            }
        }
        let are_all = !missing.is_empty() && missing.len() == self.only.len();
        let last = if are_all { missing.pop() } else { None };
        for own in &missing {
            output::complain_of(own);
            let who = &own.who;
            output::complain(&format!(
                "zoho-tokend: {who}: it is told of once it is there"
            ));
        }
        last.map_or(Ok(()), Err)
    }

    /// The daemon is away: said once, then tried again and again. What never becomes an answer is a failure.
    fn lose(&mut self, none: &NoAnswer) -> Result<News, Failure> {
        let failure = client::failure(&self.socket, none);
        if matches!(failure.exit, Exit::Usage | Exit::Bug) {
            return Err(failure);
        }
        if !std::mem::replace(&mut self.is_lost, true) {
            let told = Failure::new(
                failure.exit,
                &failure.who,
                &failure.what,
                "waiting until the daemon is back",
            );
            output::complain_of(&told);
        }
        self.rest(AWAY_PAUSE_MAX);
        Ok(News::Nothing)
    }

    fn find_again(&mut self) {
        if std::mem::replace(&mut self.is_lost, false) {
            let who = self.socket.display();
            output::complain(&format!("zoho-tokend: {who}: the daemon is back"));
        }
    }

    fn rest(&mut self, max: Duration) {
        let now = self.clock.now().boot;
        if now.since(self.asked_at) >= SOON {
            self.idle = 0;
            return;
        }
        let pause = PAUSE_MIN * 2_u32.saturating_pow(self.idle.min(16));
        let pause = pause.min(max).mul_f64(0.5 + self.dice.roll() / 2.0);
        self.idle = self.idle.saturating_add(1);
        self.not_before = now.plus(pause);
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::bug("watch", &format!("waiting failed ({error})"))
}
