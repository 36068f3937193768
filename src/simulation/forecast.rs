//! What differs where a run is to tell what readers would see, instead of looking for a broken promise.
//!
//! It goes on to its end, nobody mends, trouble of the script strikes also while the process is down, and readers look
//! at the very moments at which they may begin to go short. Invariant: a trial is not touched by any of it.

use std::time::Duration;

use super::desk::OPERATES_EVERY_MS;
use super::judge::Judge;
use super::mail::Due;
use super::plan::{Planned, Purpose};
use super::shortage::Find;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::Zoho;
use crate::base::millis;
use crate::policy::schedule;

/// An excuse until then is one for the whole run, and leaves room to add to it.
const FOR_EVER_MS: i64 = i64::MAX / 4;

/// How often trouble that needs a running process looks whether there is one.
const LOOK_FOR_PROCESS_MS: i64 = 1_000;

impl World<'_> {
    pub(super) fn is_forecast(&self) -> bool {
        self.plan.purpose == Purpose::Forecast
    }

    /// A forecast notes readers who go short; for the judge nothing was promised to them.
    pub(super) fn excuse_forecast(&mut self) {
        if self.is_forecast() {
            self.judge.excuse_all(FOR_EVER_MS);
        }
    }

    /// Whether the run goes on. What would turn on the spot ends a forecast, too.
    pub(super) fn goes_on(&self) -> bool {
        let broken = self.judge.broken.as_ref();
        broken.is_none_or(|broken| self.is_forecast() && broken.promise != "pace")
    }

    /// The last look.
    pub(super) fn conclude(&mut self) {
        if self.is_forecast() {
            self.look_at_all();
            self.judge.conclude(self.now);
        } else if self.judge.broken.is_none() {
            self.check_end();
        }
    }

    /// The machine slept or was off: a trial has its full time all the same, a forecast keeps to the calendar.
    pub(super) fn put_off_end(&mut self, span: i64) {
        if !self.is_forecast() {
            self.troubled_until += span;
            self.end += span;
        }
    }

    /// Trouble of the script begins, or what is left of it where the machine slept over its beginning.
    pub(super) fn begin_scripted(&mut self, which: usize) {
        let Planned {
            at_ms,
            trouble,
            span_ms,
            org,
        } = self.plan.script[which];
        let needs_process = matches!(
            trouble,
            Trouble::Suspend | Trouble::Reboot | Trouble::Restart
        );
        if needs_process && !self.is_up() && self.is_forecast() {
            let later = self.now + LOOK_FOR_PROCESS_MS;
            return self.mail.post(later, Due::Scripted(which));
        }
        let left = span_ms - (self.now - at_ms);
        if span_ms > 0 && left <= 0 {
            return;
        }
        self.begin(trouble, left.max(0), org);
        if let Some(org) = org {
            self.touched[org] = true;
        }
    }

    /// How long a person waits before another look at the orgs: a forecast's, until a client's budget has room again,
    /// which the policy counts a little longer than Zoho's window.
    pub(super) fn operates_every_ms(&self) -> i64 {
        if self.is_forecast() {
            self.limits.0 + self.limits.0 / 100
        } else {
            OPERATES_EVERY_MS
        }
    }

    /// Enrolls every org that nobody has enrolled so far, since Zoho or a client's budget said no.
    pub(super) fn enroll_whoever_is_new(&mut self) {
        for org in 0..self.names.len() {
            let is_new = self.any_grant(org).is_none() && !self.begins_by_itself(org);
            if is_new && !self.is_awaited(org) {
                self.enroll_well(org);
            }
        }
    }

    /// Readers will look when the token that is out has less than `min_ttl` left, and when it ends: by the daemon's
    /// account, and by Zoho's, which counts for files while the daemon is down.
    pub(super) fn look_as_it_ends(&mut self, org: usize) {
        let boot = self.clocks.at(self.now).boot;
        let own = self.org(org).filter(|_| self.is_forecast());
        let Some((own, token)) = own.and_then(|own| Some((own, own.served(boot)?))) else {
            return;
        };
        let min_ttl = own.min_ttl(token);
        let told = [token.expires.minus(min_ttl), token.expires];
        let told = told.map(|moment| self.clocks.truth_of(moment) + 1);
        let number = Zoho::token_of(token.access_token.expose());
        let end = number.map_or(self.now, |number| self.zoho.issued[number].ends);
        for at in told.into_iter().chain([end - millis(min_ttl) + 1, end]) {
            self.mail.post(at.max(self.now), Due::Look(org));
        }
    }

    /// The process is down: readers have the files, while the machine runs.
    pub(super) fn look_at_files_alone(&mut self, org: usize) {
        let is_off = self.started_boot != self.clocks.boots;
        if !self.is_forecast() || is_off {
            return;
        }
        let held = self.files[org];
        let seen = self.judge.orgs[org].seen;
        let seen = seen.filter(|(generation, _)| held == Some(*generation));
        let left = seen.map_or(0, |(_, token)| self.zoho.issued[token].ends - self.now);
        let life = Duration::from_millis(self.plan.rules.life_ms.unsigned_abs());
        let min_ttl = schedule::min_ttl_in_force(self.plan.orgs[org].min_ttl, life);
        self.judge
            .find(org, Find::with_left(left, millis(min_ttl)), self.now);
    }
}

impl Judge {
    /// A reader found this, if there was ever anything to find.
    pub(super) fn find(&mut self, org: usize, find: Find, at: i64) {
        let report = &mut self.orgs[org].report;
        if report.served_since.is_some() {
            report.short.note(find, at);
        }
    }

    /// The machine sleeps, or is off: nobody reads.
    pub(super) fn nobody_reads(&mut self, at: i64) {
        for own in &mut self.orgs {
            own.report.short.note(Find::Enough, at);
        }
    }

    fn conclude(&mut self, at: i64) {
        for own in &mut self.orgs {
            own.report.short.conclude(at);
        }
    }
}
