//! Jobs whose token Zoho's API refused, or who say so: they report, wait, and report again when told to.

use super::mail::Due;
use super::waiting::{Asker, Wants};
use super::world::World;
use crate::policy::event::{Event, RequestId};
use crate::policy::report::{ApiCode, Finding, Report, Ruling};

/// How often a job reports the same generation.
const TRIES_MAX: u32 = 6;

/// How many report at once in a storm.
const STORM: u32 = 200;

/// How long a report that must mint nothing is watched for a call.
const QUIET_MS: i64 = 3_000;

/// How soon the schedule may make a second call of its own.
const PACE_MS: i64 = 100_000;

/// Codes that a new token does not cure.
const VAIN: [&str; 4] = [
    "OAUTH_SCOPE_MISMATCH",
    "NO_PERMISSION",
    "TOO_MANY_REQUESTS",
    "made-up",
];

/// Codes that it does.
const CURED: [&str; 2] = ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"];

/// Two hundred reports of one generation, which one call must answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    org: usize,
    generation: u64,
    since: i64,
    calls: u32,
}

impl World<'_> {
    /// A job of this org says that its token was refused, rightly or not.
    pub(super) fn report(&mut self, org: usize) {
        if let Some((generation, _)) = self.judge.orgs[org].seen {
            self.report_again(org, generation, 0);
        }
    }

    /// The same, for the so-manieth time.
    pub(super) fn report_again(&mut self, org: usize, generation: u64, tries: u32) {
        let code = *self.dice.pick(&CURED);
        self.send_report(org, generation, tries, code);
    }

    /// A job reports what no new token cures: nothing may be minted for it (R12).
    pub(super) fn report_in_vain(&mut self, org: usize) {
        let Some((generation, _)) = self.judge.orgs[org].seen else {
            return;
        };
        let now = self.clocks.at(self.now).boot;
        let fleet = self.fleet.as_ref();
        let planned = fleet.and_then(|fleet| fleet.next_mint_at(&self.names[org], now));
        // Another org's slot that is given back lets all who share the lane go sooner.
        let is_planned_by_others = self.sharers_of_its_lane(org) > 1 || self.is_awaited(org);
        if let (Some(at), false) = (planned, is_planned_by_others) {
            let planned = self.clocks.truth_of(at);
            self.quiet_until[org] = (self.now + QUIET_MS).min(planned - 1);
        }
        let code = *self.dice.pick(&VAIN);
        self.send_report(org, generation, TRIES_MAX, code);
    }

    /// Two hundred jobs at once.
    pub(super) fn report_in_a_storm(&mut self, org: usize) {
        let Some(generation) = self.files[org] else {
            return;
        };
        self.storm = Some(Storm {
            org,
            generation,
            since: self.now,
            calls: 0,
        });
        for _ in 0..STORM {
            self.report_again(org, generation, TRIES_MAX);
        }
    }

    fn send_report(&mut self, org: usize, generation: u64, tries: u32, code: &str) {
        let name = self.names[org].clone();
        let report = Report {
            uid: 1000,
            generation,
            code: ApiCode::of(code),
        };
        self.ask(org, Wants::Ruling { generation, tries }, |request| {
            Event::Report {
                org: name,
                request,
                report,
            }
        });
    }

    /// A call leaves: none that a vain report caused, and no second one for a storm.
    pub(super) fn check_reported_call(&mut self, org: usize) {
        if self.now < self.quiet_until[org] && !self.is_awaited(org) {
            let what = "a call for a report that no token cures".to_owned();
            self.judge.breaks("R12", Some(org), self.now, what);
        }
        let Some(storm) = self.storm.as_mut().filter(|storm| storm.org == org) else {
            return;
        };
        storm.calls += 1;
        let (calls, generation, since) = (storm.calls, storm.generation, storm.since);
        if self.files[org] != Some(generation) {
            self.storm = None;
        } else if self.now > since + PACE_MS {
            // The token that came may be none to publish; the schedule then tries again at its own pace.
            self.storm = None;
        } else if calls > 1 {
            let what = format!("{calls} calls for the reports of generation {generation}");
            self.judge.breaks("R12", Some(org), self.now, what);
        }
    }

    /// A call that was no success may be made again.
    pub(super) fn end_storm(&mut self, org: usize) {
        self.storm.take_if(|storm| storm.org == org);
    }

    /// A reporter is told.
    pub(super) fn rule(&mut self, request: RequestId, ruling: Option<Ruling>) {
        let Some(Asker {
            org,
            wants: Wants::Ruling { generation, tries },
            ..
        }) = self.askers.remove(&request)
        else {
            let what = format!("{request:?} was ruled on twice, or never reported");
            return self.judge.breaks("R7", None, self.now, what);
        };
        let Some(ruling) = ruling else {
            return;
        };
        self.check_ruling(org, generation, ruling);
        self.check_refused_in_a_row(org, generation, ruling);
        if let Finding::Pending(at) = ruling.finding
            && tries < TRIES_MAX
        {
            let at = self.clocks.truth_of(at).max(self.now + 1_000);
            let due = Due::ReportAgain(org, generation, tries + 1);
            self.mail.post_to(self.life, at, due);
        }
    }

    /// Whoever is told of another token finds it, in the files and on the disk.
    fn check_ruling(&mut self, org: usize, generation: u64, ruling: Ruling) {
        let served = self.files[org];
        let is_new = served.is_some_and(|served| served != generation);
        let tells_new = matches!(ruling.finding, Finding::Refreshed | Finding::Superseded);
        if tells_new && (!is_new || ruling.generation != served) {
            let what =
                format!("told {ruling:?} of generation {generation}, the files hold {served:?}");
            self.judge.breaks("R12", Some(org), self.now, what);
        }
    }
}
