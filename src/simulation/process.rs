//! The process: starts, ends and deaths, and what the disk and the clocks make of them.

use std::collections::BTreeMap;

use super::disk::Write;
use super::excuse::START_MS;
use super::mail::Due;
use super::spans::MINUTE;
use super::trouble::Trouble;
use super::world::World;
use super::zoho::Zoho;
use crate::base::OrgName;
use crate::policy::event::Event;
use crate::policy::fleet::Fleet;
use crate::policy::record::{Change, OrgRecord, Word};

/// A promise, and how it is broken.
type Fault = (&'static str, String);

/// What a start must not change: per org the generation served, and when the next mint is planned.
pub(super) type Standing = BTreeMap<OrgName, (u64, i64)>;

/// A process that is to die does so within fewer steps than this. A call and its end take seven or so: whichever two of
/// them are neighbours, and of whichever of some calls at once, are cut apart in some run.
const STEPS_TO_DEATH_MAX: u64 = 40;

/// How long the disk has been in order when all is written that it had failed at: the longest pause between two tries of
/// a write, and as much again for those that wait behind it.
const REWRITTEN_WITHIN_MS: i64 = 2 * MINUTE;

impl World<'_> {
    /// The process starts, from what the disk has.
    pub(super) fn start(&mut self) {
        // A wrong clock that calls itself right, but shows a time before the newest on the disk.
        let lies = self.clocks.is_misset && self.is_behind();
        let is_right = self.plan.has_ntp && self.clocks.is_right(self.now);
        let clocks = self.clocks.for_start(self.now, is_right || lies);
        let clocks = self.seam.clocks(clocks);
        let stored = self.seam.stored(self.disk.stored());
        let settings = self.settings.clone();
        let (fleet, steps) = Fleet::restore(settings, stored, &clocks, &mut self.jitter);
        self.wake = fleet.wake_at(clocks.now.boot);
        self.fleet = Some(fleet);
        self.timeline
            .note(self.now, None, || "the daemon starts".to_owned());
        let boot = self.clocks.boots;
        let is_new_boot = std::mem::replace(&mut self.started_boot, boot) != boot;
        for org in 0..self.names.len() {
            let kept = self.disk.generation(&self.names[org]);
            self.judge.restarted(org, kept, self.now);
            // What was being revoked when the last life ended is for nobody.
            let is_revoking = self.disk.grant(&self.names[org]).is_none();
            // A token that Zoho's clock confirmed while the disk took nothing is in doubt again.
            let is_unsure = is_revoking
                || (is_new_boot && !self.clocks.was_always_right)
                || !self.is_disk_steady();
            self.judge.orgs[org].is_given_up |= is_unsure;
        }
        // What was written by a wrong clock says nothing, also where this one is right.
        if is_new_boot && !(is_right && self.clocks.was_always_right) {
            self.excuse_weather();
        }
        self.carry_out_all(steps);
        self.touched.fill(true);
        if !is_new_boot {
            self.check_standing();
        }
    }

    /// R8: a start in the same boot mints nothing sooner than was planned.
    fn check_standing(&mut self) {
        let now = self.clocks.at(self.now).boot;
        for (name, (generation, planned)) in std::mem::take(&mut self.standing) {
            let Some(fleet) = &self.fleet else {
                return;
            };
            let served = fleet.org(&name).and_then(|org| org.served(now));
            let is_same = served.is_some_and(|token| token.generation == generation);
            let next = fleet.next_mint_at(&name, now);
            if let (true, Some(next)) = (is_same, next)
                && next.0 + 1 < planned
            {
                let org = self.index_of(&name);
                let what = format!("a start mints {} ms sooner than planned", planned - next.0);
                self.judge.breaks("R8", Some(org), self.now, what);
            }
        }
    }

    /// What a restart in this boot must keep: the plan of every org that is well.
    fn note_standing(&mut self) {
        self.standing.clear();
        let now = self.clocks.at(self.now).boot;
        let is_disk_quiet = self.disk.is_idle() && self.is_disk_steady();
        let Some(fleet) = self.fleet.as_ref().filter(|_| is_disk_quiet) else {
            return;
        };
        for (name, org) in fleet.orgs() {
            let token = org.served(now).filter(|_| org.word() == Word::Ok);
            if let (Some(token), Some(next)) = (token, fleet.next_mint_at(name, now)) {
                let planned = (token.generation, next.0);
                self.standing.insert(name.clone(), planned);
            }
        }
    }

    /// The process dies; some of what was on its way to the disk is there all the same.
    pub(super) fn crash(&mut self) {
        self.timeline
            .note(self.now, None, || "the process dies".to_owned());
        self.standing.clear();
        self.forget_needs();
        let kept = self.disk.lose(&mut self.dice);
        self.end_life(kept);
        let off = *self.dice.pick(&[100, 1_000, 5_000]);
        self.start_after(off);
    }

    /// The process is stopped: what is on its way to the disk gets there.
    pub(super) fn stop(&mut self, off: i64) {
        self.timeline
            .note(self.now, None, || format!("stopped for {off} ms"));
        self.note_standing();
        if !self.is_disk_steady() {
            self.forget_needs();
        }
        let kept = self.disk.flush();
        self.end_life(kept);
        self.start_after(off);
    }

    /// The machine starts again.
    pub(super) fn reboot(&mut self, off: i64, wall_step_ms: i64) {
        self.timeline.note(self.now, None, || {
            format!("the machine is off for {off} ms, and its wall clock {wall_step_ms} ms wrong")
        });
        self.judge.nobody_reads(self.now);
        self.forget_needs();
        let kept = self.disk.lose(&mut self.dice);
        self.end_life(kept);
        self.standing.clear();
        self.files.fill(None);
        self.slept_ms = 0;
        let up = self.now + off;
        self.clocks.reboot(up);
        if wall_step_ms != 0 {
            self.clocks.set_wall_by(wall_step_ms);
        } else if self.plan.has_ntp {
            self.clocks.correct_wall(up);
        }
        self.start_after(off);
    }

    /// Whether the wall clock is behind what the disk has seen: then even a synchronised one is not believed.
    fn is_behind(&self) -> bool {
        let vouched = self.disk.anchors().filter(|anchor| anchor.is_vouched);
        let newest = vouched.map(|anchor| anchor.at.wall.0).max();
        let wall = self.clocks.at(self.now).wall.0;
        newest.is_some_and(|newest| wall < newest)
    }

    /// Whether the disk has been in order for so long that all it had failed at was tried again.
    pub(super) fn is_disk_steady(&self) -> bool {
        self.disk.trouble.is_none() && self.disk_troubled_at <= self.now - REWRITTEN_WITHIN_MS
    }

    fn end_life(&mut self, kept: Vec<Write>) {
        for write in kept {
            self.keep(write);
        }
        self.fleet = None;
        self.life += 1;
        self.dies_after = None;
        self.askers.clear();
        self.storm = None;
        self.quiet_until.fill(0);
        self.attempts.fill(None);
        self.past.clear();
        self.api.forget();
        self.forget_unkept_vows();
    }

    fn start_after(&mut self, off: i64) {
        self.put_off_end(off);
        self.judge.excuse_all(self.now + off + START_MS);
        self.mail.post(self.now + off, Due::Start);
    }

    /// The machine sleeps: time passes for all but the daemon.
    pub(super) fn suspend(&mut self, span: i64) {
        self.timeline
            .note(self.now, None, || format!("asleep for {span} ms"));
        self.judge.nobody_reads(self.now);
        self.now += span;
        self.slept_ms += span;
        self.put_off_end(span);
        self.forgive_waiting(span);
        self.judge.excuse_all(self.now + START_MS);
        for (own, name) in self.judge.orgs.iter_mut().zip(&self.names) {
            // Nobody knows what became of its revocation.
            own.is_given_up |= self.disk.grant(name).is_none();
        }
        // A write that was on its way has taken as long, as far as the daemon can tell.
        self.disk_troubled_at = self.now;
        self.step(Event::Tick);
    }

    /// Changes reach the disk: R4 and R7 as far as the disk shows them.
    pub(super) fn keep(&mut self, write: Write) {
        for change in &write.changes {
            if let Change::Org(record) = change {
                self.check_record(record);
            }
        }
        if let Err(what) = self.disk.apply(write) {
            self.judge.breaks("R7", None, self.now, what);
        }
    }

    fn check_record(&mut self, new: &OrgRecord) {
        let org = self.index_of(&new.org);
        let old = self.disk.orgs.get(&new.org);
        if let Some((promise, what)) = old.and_then(|old| self.fault_of(org, old, new)) {
            self.judge.breaks(promise, Some(org), self.now, what);
        }
    }

    /// R2 and R4: the promise that a record breaks that comes after another one, and how.
    fn fault_of(&self, org: usize, old: &OrgRecord, new: &OrgRecord) -> Option<Fault> {
        if new.generation < old.generation {
            let what = format!("generation {} after {}", new.generation, old.generation);
            return Some(("R2", what));
        }
        if self.forgets_a_living_one(org, old, new) {
            return Some(("R4", "a refresh token that lives left the store".to_owned()));
        }
        let (was, is) = (&old.grant.as_ref()?.root, &new.grant.as_ref()?.root);
        match (was.refresh_token(), is.refresh_token()) {
            (None, None) => None,
            (Some(was), Some(is)) if is.is_same_as(was) => None,
            (Some(_), Some(is)) => {
                let line = Zoho::line_of(is.expose());
                let is_known = line.is_some_and(|grant| grant < self.zoho.grants.len());
                let what = "a refresh token left the store for one that Zoho never gave";
                (!is_known).then(|| ("R4", what.to_owned()))
            }
            // In a run no org's kind of grant changes.
            _ => Some(("R4", "a grant has another root than before".to_owned())),
        }
    }

    /// The process is to die between two of the next steps.
    pub(super) fn die_soon(&mut self) {
        self.dies_after = Some(self.dice.below(STEPS_TO_DEATH_MAX));
    }

    /// Whether trouble of a kind makes sense now.
    pub(super) fn is_up(&self) -> bool {
        self.fleet.is_some()
    }

    pub(super) fn note_trouble(&mut self, trouble: Trouble, span: i64) {
        self.tally.troubles[trouble.index()] += 1;
        self.timeline.note(self.now, None, || {
            format!("!! {} for {span} ms", trouble.as_str())
        });
    }
}
