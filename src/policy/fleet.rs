//! All orgs together: events to the org they concern, and the next moment at which anything is due.
//!
//! Orgs share nothing here but the ledger, so that one org's trouble is no other's (R10).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::event::{Event, Offer, Refusal, RequestId, Right, Step, WriteId};
use super::ledger::Ledger;
use super::org::{Numbers, Org, Scene};
use super::record::{Cause, Change, LaneId, OrgRecord};
use super::schedule::Dice;
use super::settings::OrgSettings;
use crate::base::{Boottime, Now, OrgName};

/// The longest sleep: a clock that was set, or a suspend that ended, is noticed within it (R9).
pub const SLEEP_MAX: Duration = Duration::from_secs(30);

/// How often lanes that nothing counts by any more are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Every org: those of the config, and the records of those that left it.
#[derive(Debug)]
pub struct Fleet {
    pub(super) boot_id: Arc<str>,
    pub(super) orgs: BTreeMap<OrgName, Org>,
    /// Records of orgs that are not in the config: kept, not used.
    pub(super) shelf: BTreeMap<OrgName, OrgRecord>,
    pub(super) ledger: Ledger,
    pub(super) numbers: Numbers,
    /// When each org is due next.
    pub(super) agenda: BTreeMap<OrgName, Boottime>,
    pub(super) sweep_at: Boottime,
}

impl Fleet {
    /// Takes what happened, and says what to do.
    pub fn step(&mut self, event: Event, now: Now, dice: &mut dyn Dice) -> Vec<Step> {
        let mut steps = Vec::new();
        match event {
            Event::Tick => (),
            Event::Stored(write) => self.with_writer(write, now, dice, &mut steps, |org, scene| {
                org.stored(write, scene);
            }),
            Event::StoreFailed(write, cause) => {
                self.with_writer(write, now, dice, &mut steps, |org, scene| {
                    org.store_failed(&cause, scene);
                });
            }
            Event::Answered {
                org,
                attempt,
                answer,
            } => {
                self.with(&org, now, dice, &mut steps, |org, scene| {
                    org.answered(attempt, answer, scene);
                });
            }
            Event::Refresh { org, request } => {
                self.ask(&org, request, now, dice, &mut steps, |org, scene| {
                    org.refresh(request, scene);
                });
            }
            Event::Enroll {
                org,
                request,
                offer,
            } => {
                self.enroll(&org, request, offer, now, dice, &mut steps);
            }
            Event::Configured(settings) => self.configure(settings, now, dice, &mut steps),
        }
        self.pump_due(now, dice, &mut steps);
        self.sweep(now, &mut steps);
        steps
    }

    /// When to call [`Fleet::step`] with a tick at the latest.
    pub fn wake_at(&self, now: Boottime) -> Boottime {
        let due = self.agenda.values().min().copied();
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
        self.shelf.values()
    }

    /// The ledger, to show what is left.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When the schedule wants the org's next mint.
    pub fn next_mint_at(&mut self, name: &OrgName, now: Boottime) -> Option<Boottime> {
        let org = self.orgs.get(name)?;
        org.next_mint_at(&mut self.ledger, now)
    }

    /// Lets one org act on the scene, then does what is due for it and plans it anew.
    pub(super) fn with(
        &mut self,
        name: &OrgName,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        let Some(org) = self.orgs.get_mut(name) else {
            return;
        };
        let mut scene = Scene {
            now,
            dice,
            ledger: &mut self.ledger,
            steps,
            numbers: &mut self.numbers,
            boot_id: &self.boot_id,
        };
        act(org, &mut scene);
        org.pump(&mut scene);
        match org.wake_at(&mut self.ledger, now.boot) {
            Some(at) => self.agenda.insert(name.clone(), at),
            None => self.agenda.remove(name),
        };
    }

    fn with_writer(
        &mut self,
        write: WriteId,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        let writer = self
            .orgs
            .iter()
            .find(|(_, org)| org.saving.is_awaiting(write));
        if let Some(name) = writer.map(|(name, _)| name.clone()) {
            self.with(&name, now, dice, steps, act);
        }
    }

    fn ask(
        &mut self,
        name: &OrgName,
        request: RequestId,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
        act: impl FnOnce(&mut Org, &mut Scene<'_>),
    ) {
        if self.orgs.contains_key(name) {
            return self.with(name, now, dice, steps, act);
        }
        steps.push(Step::Reply {
            request,
            result: Err(Refusal::NoSuchOrg),
        });
    }

    fn enroll(
        &mut self,
        name: &OrgName,
        request: RequestId,
        offer: Offer,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
    ) {
        let known = self.lane_of(&offer.right);
        self.ask(name, request, now, dice, steps, |org, scene| {
            org.enroll(request, offer, known, scene);
        });
    }

    /// The lane of a refresh token that any org has, or had until its last enrolment.
    fn lane_of(&self, right: &Right) -> Option<LaneId> {
        let Right::RefreshToken(offered) = right else {
            return None;
        };
        let live = self.orgs.values().map(|org| &org.record);
        live.chain(self.shelf.values()).find_map(|record| {
            let grant = record.grant.as_ref();
            let prior = record.prior.as_ref();
            let own = grant.filter(|grant| grant.refresh_token.is_same_as(offered));
            let older = prior.filter(|prior| prior.refresh_token.is_same_as(offered));
            own.map(|grant| grant.lane.clone())
                .or(older.map(|prior| prior.lane.clone()))
        })
    }

    /// Takes another config: orgs come, go and change; what stays keeps its state.
    fn configure(
        &mut self,
        settings: Vec<OrgSettings>,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
    ) {
        let mut gone = std::mem::take(&mut self.orgs);
        for settings in settings {
            let name = settings.name.clone();
            let org = match gone.remove(&name) {
                Some(mut org) => {
                    org.settings = settings;
                    org.compare_with_config();
                    org
                }
                None => self.adopt(settings, now, dice),
            };
            self.orgs.insert(name.clone(), org);
            self.with(&name, now, dice, steps, Org::reconfigured);
        }
        for (name, mut org) in gone {
            self.agenda.remove(&name);
            let cause = Cause::new("removed", "the org has left the config");
            let askers = org.leave();
            steps.extend(askers.into_iter().map(|request| Step::Reply {
                request,
                result: Err(Refusal::Refused(cause.clone())),
            }));
            steps.push(Step::Withdraw(name.clone()));
            if org.record.revision > 0 {
                self.shelf.insert(name, org.record);
            }
        }
    }

    /// An org that the config names anew: from the shelf, if it has been here before.
    fn adopt(&mut self, settings: OrgSettings, now: Now, dice: &mut dyn Dice) -> Org {
        if let Some(record) = self.shelf.remove(&settings.name) {
            return Org::restored(settings, record);
        }
        let scene = Scene {
            now,
            dice,
            ledger: &mut self.ledger,
            steps: &mut Vec::new(),
            numbers: &mut self.numbers,
            boot_id: &self.boot_id,
        };
        Org::unenrolled(settings, &scene)
    }

    fn pump_due(&mut self, now: Now, dice: &mut dyn Dice, steps: &mut Vec<Step>) {
        let due: Vec<OrgName> = self
            .agenda
            .iter()
            .filter(|(_, at)| **at <= now.boot)
            .map(|(name, _)| name.clone())
            .collect();
        for name in due {
            self.with(&name, now, dice, steps, |_, _| ());
        }
    }

    /// Drops lanes of grants that are gone, once nothing counts by them.
    fn sweep(&mut self, now: Now, steps: &mut Vec<Step>) {
        if self.sweep_at > now.boot {
            return;
        }
        self.sweep_at = now.boot.plus(SWEEP_EVERY);
        let window = crate::base::Limits::ZOHO.window;
        let idle = self.ledger.spent_out(now.boot, window);
        let dropped: Vec<LaneId> = idle.into_iter().filter(|id| !self.is_used(id)).collect();
        if dropped.is_empty() {
            return;
        }
        for id in &dropped {
            self.ledger.remove(id);
        }
        let changes = dropped.into_iter().map(Change::DropLane).collect();
        let write = WriteId(self.numbers.next());
        steps.push(Step::Write { write, changes });
    }

    fn is_used(&self, id: &LaneId) -> bool {
        let records = self.orgs.values().map(|org| &org.record);
        let mut all = records.chain(self.shelf.values());
        let offered = |org: &Org| org.enrolling.as_ref().is_some_and(|own| own.lane == *id);
        self.orgs.values().any(offered)
            || all.any(|record| {
                record.grant.as_ref().is_some_and(|grant| grant.lane == *id)
                    || record.prior.as_ref().is_some_and(|prior| prior.lane == *id)
            })
    }
}

impl Org {
    /// The config may have changed what is served.
    fn reconfigured(&mut self, scene: &mut Scene<'_>) {
        if let Some(cause) = self.contradiction.clone() {
            let askers = self.abandon_mint();
            self.refuse_all(askers, &Refusal::Refused(cause), scene);
        }
        if self.served(scene.now.boot).is_some() {
            self.is_out = true;
            scene.steps.push(Step::Publish(self.name().clone()));
        }
    }

    /// Everyone who waits for something of this org.
    fn leave(&mut self) -> Vec<RequestId> {
        let mut askers = self.abandon_mint();
        askers.append(&mut self.awaiting_token);
        askers.extend(
            self.enrolling
                .take()
                .map(super::enrolling::Enrolling::into_request),
        );
        askers
    }
}
