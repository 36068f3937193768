//! All orgs together: events to the org they concern, and the next moment at which anything is due.
//!
//! Orgs share nothing here but the ledger and the turns of their data center, so that one org's trouble is
//! no other's (R10).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Agenda;
use super::doubt::Doubts;
use super::event::{Answer, Attempt, Event, Offer, Refusal, RequestId, Right, Step, WriteId};
use super::ledger::Ledger;
use super::org::{Numbers, Org, Scene};
use super::proving::Proved;
use super::record::{Anchor, Cause, Change, LaneId, OrgRecord};
use super::reply::Asked;
use super::report::Report;
use super::rotation::Rotation;
use super::schedule::Dice;
use super::seats::Seats;
use super::turns::{Turn, Turns};
use super::wall_clock::WallClock;
use crate::base::{Boottime, Limits, Now, OrgName, Secret};

/// The longest sleep: a clock that was set, or a suspend that ended, is noticed within it (R9).
pub const SLEEP_MAX: Duration = Duration::from_secs(30);

/// How often lanes that nothing counts by any more are dropped.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Every org: those of the config, and the records of those that left it.
#[derive(Debug)]
pub struct Fleet {
    pub(super) boot_id: Arc<str>,
    pub(super) orgs: BTreeMap<OrgName, Org>,
    /// Orgs that have left the config, until their last call is over and their record is on the disk.
    pub(super) leaving: BTreeMap<OrgName, Org>,
    /// Records of orgs that are not in the config: kept, not used.
    pub(super) shelf: BTreeMap<OrgName, OrgRecord>,
    pub(super) ledger: Ledger,
    pub(super) numbers: Numbers,
    pub(super) turns: Turns,
    /// When each org is due next.
    pub(super) agenda: Agenda,
    /// Whose write is on its way to the disk.
    pub(super) writers: BTreeMap<WriteId, OrgName>,
    pub(super) seats: Seats,
    pub(super) sweep_at: Boottime,
    pub(super) wall_clock: WallClock,
    /// Stored tokens that nobody vouches for yet.
    pub(super) doubts: Doubts,
    /// Until when the orgs in doubt call one at a time.
    pub(super) hold_until: Boottime,
}

/// One step: its time, its jitter, and what it wants done so far.
pub(super) struct Moment<'a> {
    pub(super) now: Now,
    pub(super) dice: &'a mut dyn Dice,
    pub(super) steps: Vec<Step>,
    /// Refresh tokens that this step has replaced.
    pub(super) rotations: Vec<Rotation>,
    /// Client secrets that this step has proved.
    pub(super) proved: Vec<Proved>,
}

impl Fleet {
    /// Takes what happened, and says what to do.
    pub fn step(&mut self, event: Event, now: Now, dice: &mut dyn Dice) -> Vec<Step> {
        let mut moment = Moment {
            now,
            dice,
            steps: Vec::new(),
            rotations: Vec::new(),
            proved: Vec::new(),
        };
        self.end_hold(now.boot);
        self.take(event, &mut moment);
        self.follow_rotations(&mut moment);
        self.spread_secrets(&mut moment);
        self.pump_due(&mut moment);
        self.sweep(&mut moment);
        self.seats = Seats::default();
        moment.steps
    }

    /// When to call [`Fleet::step`] with a tick at the latest.
    pub fn wake_at(&self, now: Boottime) -> Boottime {
        let hold = self.turns.holds().then_some(self.hold_until);
        let due = self.agenda.first().into_iter().chain(hold).min();
        let latest = now.plus(SLEEP_MAX);
        due.map_or(latest, |at| at.min(latest)).max(now)
    }

    /// The org, if the config has it.
    pub fn org(&self, name: &OrgName) -> Option<&Org> {
        self.orgs.get(name)
    }

    /// Every configured org, in the order of the names.
    pub fn orgs(&self) -> impl Iterator<Item = (&OrgName, &Org)> {
        self.orgs.iter()
    }

    /// The orgs that have a record but left the config.
    pub fn shelved(&self) -> impl Iterator<Item = &OrgRecord> {
        let leaving = self.leaving.values().map(|org| &org.record);
        leaving.chain(self.shelf.values())
    }

    /// The ledger, to show what is left.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When the schedule wants the org's next mint.
    pub fn next_mint_at(&self, name: &OrgName, now: Boottime) -> Option<Boottime> {
        self.orgs.get(name)?.next_mint_at(&self.ledger, now)
    }

    fn take(&mut self, event: Event, moment: &mut Moment<'_>) {
        match event {
            Event::Tick => (),
            Event::Stored(write) => self.with_writer(write, moment, |org, scene| {
                org.stored(write, scene);
            }),
            Event::StoreFailed(write, cause) => self.with_writer(write, moment, |org, scene| {
                org.store_failed(&cause, scene);
            }),
            Event::Answered {
                org,
                attempt,
                answer,
            } => {
                self.answered(&org, attempt, answer, moment);
                self.let_sharers_begin(&org, moment);
            }
            Event::Told { org, attempt, said } => self.with(&org, moment, |org, scene| {
                org.told(attempt, said, scene);
            }),
            Event::Dated { org, asked, date } => self.hear_date(&org, asked, date, moment),
            Event::Refresh { org, request } => self.ask(&org, request, moment, |org, scene| {
                org.refresh(request, scene);
            }),
            Event::Prove {
                org,
                request,
                client_secret,
            } => self.ask(&org, request, moment, |org, scene| {
                org.prove_secret(request, client_secret, scene);
            }),
            Event::Enroll {
                org,
                request,
                offer,
            } => self.enroll(&org, request, offer, moment),
            Event::Revoke { org, request, wish } => self.revoke(&org, request, wish, moment),
            Event::RevocationAnswered { org, attempt, said } => {
                self.with(&org, moment, |org, scene| {
                    org.revocation_answered(attempt, said, scene);
                });
            }
            Event::Report {
                org,
                request,
                report,
            } => self.report(&org, request, &report, moment),
            Event::Configured(settings) => self.configure(settings, moment),
        }
    }

    fn answered(
        &mut self,
        name: &OrgName,
        attempt: Attempt,
        answer: Answer,
        moment: &mut Moment<'_>,
    ) {
        let was_gone = self.orgs.get(name).is_some_and(Org::is_called_invalid);
        self.with(name, moment, |org, scene| {
            org.answered(attempt, answer, scene);
        });
        if !was_gone {
            self.suspect_eviction(name, moment);
        }
    }

    /// Lets one org act on the scene, then does what is due for it and plans it anew.
    pub(super) fn with(
        &mut self,
        name: &OrgName,
        moment: &mut Moment<'_>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        self.with_due(name, None, moment, act);
    }

    /// The same for an org that may have a revocation to begin.
    fn with_due(
        &mut self,
        name: &OrgName,
        due_revocation: Option<(LaneId, bool)>,
        moment: &mut Moment<'_>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        let org = self.orgs.get_mut(name);
        let Some(org) = org.or_else(|| self.leaving.get_mut(name)) else {
            return;
        };
        let data_center = &org.settings.binding.data_center;
        let mut scene = Scene {
            now: moment.now,
            dice: moment.dice,
            ledger: &mut self.ledger,
            steps: &mut moment.steps,
            rotations: &mut moment.rotations,
            proved: &mut moment.proved,
            numbers: &mut self.numbers,
            boot_id: &self.boot_id,
            due_revocation,
            writers: &mut self.writers,
            has_turn: self.turns.has_room(name, data_center),
            is_clock_vouched: self.wall_clock.is_vouched(data_center, moment.now),
        };
        act(org, &mut scene);
        org.stand(&mut scene);
        let wake_at = org.pump(&mut scene);
        let turn = org.turn();
        if turn != Turn::Idle || org.noted_turn != Turn::Idle {
            self.turns
                .note(name, &org.settings.binding.data_center, turn);
            org.noted_turn = turn;
        }
        self.agenda.plan(name, &mut org.plan, wake_at);
        self.shelve_if_settled(name);
    }

    /// The same for every org, in the config or leaving it, that is meant.
    pub(super) fn with_each(
        &mut self,
        moment: &mut Moment<'_>,
        is_meant: impl Fn(&Org) -> bool,
        mut act: impl FnMut(&mut Org, &mut Scene<'_>),
    ) {
        let present = self.orgs.iter().chain(&self.leaving);
        let meant = present.filter(|(_, org)| is_meant(org));
        let names: Vec<OrgName> = meant.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.with(&name, moment, &mut act);
        }
    }

    /// The same for the org whose write this is; nobody's is nobody's.
    fn with_writer(
        &mut self,
        write: WriteId,
        moment: &mut Moment<'_>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        if let Some(name) = self.writers.remove(&write) {
            self.with(&name, moment, act);
        }
    }

    fn ask(
        &mut self,
        name: &OrgName,
        request: RequestId,
        moment: &mut Moment<'_>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        if self.orgs.contains_key(name) {
            return self.with(name, moment, act);
        }
        moment.steps.push(Step::Reply {
            request,
            result: Err(Refusal::NoSuchOrg),
        });
    }

    fn report(
        &mut self,
        name: &OrgName,
        request: RequestId,
        report: &Report,
        moment: &mut Moment<'_>,
    ) {
        if !self.orgs.contains_key(name) {
            let ruling = None;
            return moment.steps.push(Step::Rule { request, ruling });
        }
        self.with(name, moment, |org, scene| {
            org.report(request, report, scene);
        });
    }

    fn enroll(
        &mut self,
        name: &OrgName,
        request: RequestId,
        offer: Offer,
        moment: &mut Moment<'_>,
    ) {
        let (asked, known) = match &offer.right {
            Right::Code(_) => (Asked::Exchange, None),
            Right::Login(_) => (Asked::Login, None),
            Right::Client => (Asked::ClientProof, None),
            Right::RefreshToken(offered) if self.is_revoking(offered) => {
                let cause = Cause::new("revoking", "Zoho is being asked to revoke it");
                let at = moment.now.boot.plus(SLEEP_MAX);
                let result = Err(Refusal::Later(cause, at));
                return moment.steps.push(Step::Reply { request, result });
            }
            Right::RefreshToken(offered) => (Asked::TakeOver, self.lane_of(offered)),
        };
        self.ask(name, request, moment, |org, scene| {
            org.enroll((request, asked), offer, known, scene);
        });
    }

    /// The lane of a refresh token that any org has, is being enrolled with, or had until its last enrolment.
    fn lane_of(&self, offered: &Secret) -> Option<LaneId> {
        let present = self.orgs.values().chain(self.leaving.values());
        let mut enrolling = present.filter_map(|org| org.enrolling.as_ref());
        let mut tokens = self.records().flat_map(OrgRecord::refresh_tokens);
        let its = tokens.find(|(token, _)| token.is_same_as(offered));
        its.map(|(_, lane)| lane.clone())
            .or_else(|| enrolling.find_map(|own| own.lane_of(offered).cloned()))
    }

    /// Whether a grant of this client in this data center is known, of whichever org: whoever gave it has consented.
    pub fn has_grant_of(&self, client_id: &str, data_center: &str) -> bool {
        let mut grants = self.records().filter_map(|record| record.grant.as_ref());
        grants.any(|grant| {
            grant.binding.client_id == client_id && grant.binding.data_center == data_center
        })
    }

    /// Every record: of orgs in the config, leaving it, and on the shelf.
    pub(super) fn records(&self) -> impl Iterator<Item = &OrgRecord> {
        let configured = self.orgs.values().map(|org| &org.record);
        configured.chain(self.shelved())
    }

    fn pump_due(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now.boot;
        let mut due = self.agenda.due(now);
        // Whose token ends first goes first, so that no org starves where two wait for one lane.
        due.sort_by_key(|name| self.orgs.get(name).map(Org::needs_by));
        for name in due {
            let revocation = self.due_revocation(&name, now);
            self.with_due(&name, revocation, moment, |_, _| ());
        }
        // Each round either begins that org's call or finds that it waits for none any more.
        while let Some(name) = self.turns.next() {
            self.with(&name, moment, |_, _| ());
        }
    }

    /// Drops lanes of grants that are gone, once nothing counts by them.
    fn sweep(&mut self, moment: &mut Moment<'_>) {
        let now = moment.now.boot;
        if self.sweep_at > now {
            return;
        }
        self.sweep_at = now.plus(SWEEP_EVERY);
        let windows = self.orgs.values().map(|org| org.settings.limits.window);
        let window = windows.fold(Limits::ZOHO.window, Duration::max);
        let idle = self.ledger.spent_out(now, window);
        let dropped: Vec<LaneId> = idle.into_iter().filter(|id| !self.is_used(id)).collect();
        if dropped.is_empty() {
            return;
        }
        for id in &dropped {
            self.ledger.remove(id);
        }
        let changes = dropped.into_iter().map(Change::DropLane).collect();
        let write = WriteId(self.numbers.next());
        moment.steps.push(Step::Write { write, changes });
    }

    fn is_used(&self, id: &LaneId) -> bool {
        let mut present = self.orgs.values().chain(self.leaving.values());
        let mut calls = |org: &Org| org.calls().any(|call| call.lane == *id);
        let mut lanes = self.records().flat_map(OrgRecord::lanes);
        present.any(&mut calls) || lanes.any(|lane| lane == id)
    }

    /// Both clocks and the boot, for a record that is not written yet.
    pub(super) fn anchor(&self, now: Now) -> Anchor {
        Anchor {
            boot_id: Arc::clone(&self.boot_id),
            at: now,
            is_vouched: false,
        }
    }
}
