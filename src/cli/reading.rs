//! Reads a token, and reads again where the daemon goes away while one waits for it, as at an upgrade or a crash.
//!
//! A read changes nothing, so it may be repeated. Not for a daemon that was not there to begin with: a wrong socket is
//! told at once. Invariant: without a token it ends by the end of the wait, give or take [`PATIENCE`].

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::answer::Answer;
use super::client::{self, Asked, NoAnswer, Request};
use super::failure::Failure;
use crate::base::{Boottime, OrgName, seconds_up};
use crate::edge::clock::SystemClock;

/// How much longer than the wait the daemon may take: it may be starting, or swapped out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks whether the daemon is back.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which token is wanted, and how it is to come.
pub struct Wanted<'a> {
    /// Whose.
    pub org: &'a OrgName,
    /// Only one with so much left.
    pub min_ttl: Option<Duration>,
    /// The media type to answer with, problems aside.
    pub accept: &'static str,
}

/// A read that is asked.
pub struct Reading<'a> {
    socket: &'a Path,
    wanted: Wanted<'a>,
    clock: SystemClock,
    until: Boottime,
    asked: Result<Asked, NoAnswer>,
}

impl<'a> Reading<'a> {
    /// Asks the daemon behind `socket`, which answers when there is such a token or `wait` is over.
    pub fn begin(socket: &'a Path, wanted: Wanted<'a>, wait: Duration) -> Self {
        let clock = SystemClock::new();
        Self {
            until: clock.now().boot.plus(wait),
            asked: wanted.ask(socket, wait),
            socket,
            wanted,
            clock,
        }
    }

    /// The answer, of whichever daemon is there when it comes.
    pub fn end(self) -> Result<Answer, Failure> {
        let mut heard = self.asked.and_then(Asked::answer);
        let mut was_there = false;
        loop {
            let left = self.until.since(self.clock.now().boot);
            was_there |= has_gone(&heard);
            let is_away = matches!(heard, Err(NoAnswer::NotRunning(_)));
            if left.is_zero() || !(has_gone(&heard) || was_there && is_away) {
                return heard.map_err(|none| client::failure(self.socket, &none));
            }
            thread::sleep(LOOK_EVERY.min(left));
            let left = self.until.since(self.clock.now().boot);
            heard = self.wanted.ask(self.socket, left).and_then(Asked::answer);
        }
    }
}

impl Wanted<'_> {
    fn ask(&self, socket: &Path, wait: Duration) -> Result<Asked, NoAnswer> {
        let target = self.target(wait);
        let request = Request {
            accept: self.accept,
            ..Request::get(&target)
        };
        client::send(socket, &request, wait + PATIENCE)
    }

    fn target(&self, wait: Duration) -> String {
        let (org, wait_s) = (self.org, seconds_up(wait));
        match self.min_ttl.map(seconds_up) {
            None => format!("/v1/orgs/{org}/token?wait={wait_s}"),
            Some(min_ttl_s) => format!("/v1/orgs/{org}/token?wait={wait_s}&min_ttl={min_ttl_s}"),
        }
    }
}

/// Whether the daemon has gone away instead of waiting: it died, or it ends and has sent its readers away, which it
/// does with the 503 that else comes at the end of the wait.
fn has_gone(heard: &Result<Answer, NoAnswer>) -> bool {
    match heard {
        Ok(answer) => answer.status == 503,
        Err(none) => matches!(none, NoAnswer::HungUp),
    }
}
