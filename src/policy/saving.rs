//! Brings an org's record, its lanes and its history to the disk: one write at a time, until it is there.
//!
//! Lanes go with every write, also when another org that shares one has just written it: that write may
//! yet fail. Invariant: a revision is given again only after the store has said that it is not there.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Refusal, RequestId, Severity, Step, WriteId};
use super::org::{Org, Scene};
use super::record::{Cause, Change, LaneId, Note};
use super::report::Finding;
use super::revoke::{Ended, tell};
use super::schedule;
use crate::base::Boottime;

/// Notes that wait for a write; while the disk takes none, the oldest go.
const NOTES_MAX: usize = 32;

/// How long a write may take before nothing waits for it any more. A call that it was to precede is off:
/// its slot is dated for a call that starts within this time.
pub(super) const WRITE_MAX: Duration = Duration::from_secs(30);

/// How far the disk is behind.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// Whether the record is newer than the last write.
    pub(super) is_dirty: bool,
    flight: Option<Flight>,
    trouble: Option<Trouble>,
    notes: Vec<Arc<Note>>,
    /// Admins to refuse once the verdict that they are told is on the disk (R7).
    refusals: Vec<(RequestId, Refusal)>,
    /// Admins to tell how a revocation went once that is on the disk.
    pub(super) ends: Vec<(RequestId, Result<Ended, Refusal>)>,
    pub(super) newest: Newest,
    /// Lanes of enrolments that are over: what became of their slots goes down as well, whoever lives in them.
    left: Vec<LaneId>,
}

/// Where the newest token stands on its way to the disk, before readers may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Newest {
    /// It is there.
    #[default]
    Kept,
    /// It waits for a write.
    Unwritten,
    /// It is in this one.
    In(WriteId),
}

/// A write on its way.
#[derive(Debug)]
struct Flight {
    lanes: Vec<LaneId>,
    notes: Vec<Arc<Note>>,
    refusals: Vec<(RequestId, Refusal)>,
    ends: Vec<(RequestId, Result<Ended, Refusal>)>,
    began: Boottime,
    is_late: bool,
}

/// The disk does not do its work.
#[derive(Debug, Clone)]
struct Trouble {
    cause: Cause,
    /// Writes in a row that failed.
    failures: u32,
    /// No write before.
    retry_at: Boottime,
}

impl Saving {
    pub(super) fn note(&mut self, note: Arc<Note>) {
        self.notes.push(note);
        self.bound_notes();
    }

    /// An enrolment in that lane is over.
    pub(super) fn leave_lane(&mut self, lane: &LaneId) {
        if !self.left.contains(lane) {
            self.left.push(lane.clone());
        }
    }

    fn bound_notes(&mut self) {
        let surplus = self.notes.len().saturating_sub(NOTES_MAX);
        self.notes.drain(..surplus);
    }

    /// Whether all that there is to write is on the disk.
    pub(super) fn is_done(&self) -> bool {
        !self.is_dirty && self.flight.is_none()
    }

    /// When to look at the disk again.
    pub(super) fn wake_at(&self) -> Option<Boottime> {
        match &self.flight {
            Some(flight) => (!flight.is_late).then(|| flight.began.plus(WRITE_MAX)),
            None => self.retry_at().filter(|_| self.is_dirty),
        }
    }

    /// After a failure: no write before.
    pub(super) fn retry_at(&self) -> Option<Boottime> {
        self.trouble.as_ref().map(|trouble| trouble.retry_at)
    }

    /// Whether a write hangs: until it ends nothing can be kept, so nothing may be sent.
    pub(super) fn hangs(&self) -> bool {
        self.flight.as_ref().is_some_and(|own| own.is_late)
    }

    /// Whether the last write failed, or hangs.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// Why nothing can be begun now, and until when.
    pub(super) fn refusal(&self, now: Boottime) -> Option<Refusal> {
        let trouble = self.trouble.as_ref()?;
        let is_held = self.hangs() || trouble.retry_at > now;
        is_held.then(|| Refusal::Later(trouble.cause.clone(), trouble.retry_at.max(now)))
    }
}

impl Org {
    /// Refuses admins what they asked for, with the write that holds the reason.
    pub(super) fn refuse_once_kept(&mut self, askers: Vec<RequestId>, refusal: &Refusal) {
        let refusals = askers.into_iter().map(|request| (request, refusal.clone()));
        self.saving.refusals.extend(refusals);
    }

    /// Brings what is new to the disk. Refusals that no write will hold, since there is nothing to write or the disk
    /// is in trouble, are told as they are: they are true, and the disk's trouble is in `status`.
    pub(super) fn save(&mut self, scene: &mut Scene<'_>) {
        self.begin_write(scene);
        if self.saving.flight.is_none() || self.saving.is_in_trouble() {
            refuse_each(std::mem::take(&mut self.saving.refusals), scene);
        }
    }

    /// Starts a write if one is wanted and none is in flight.
    fn begin_write(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let is_held = self.saving.retry_at().is_some_and(|at| at > now);
        if self.saving.flight.is_some() || is_held {
            return;
        }
        let is_behind = |id| scene.ledger.lane(id).is_some_and(|lane| lane.is_dirty);
        if !self.saving.is_dirty && !self.lanes_in_use().any(is_behind) {
            return;
        }
        let write = WriteId(scene.numbers.next());
        let timeout = self.settings.timeout;
        if let Some(mint) = &mut self.minting {
            mint.call.ride(write, timeout, scene);
        }
        if let Some(enrolling) = &mut self.enrolling {
            enrolling.call.ride(write, timeout, scene);
        }
        if let Some(revoking) = &mut self.revocations.current {
            revoking.ride(write);
        }
        let mut lanes: Vec<LaneId> = self.lanes_in_use().cloned().collect();
        lanes.sort_unstable();
        lanes.dedup();
        self.saving.left.clear();
        let changes = self.changes(&lanes, scene);
        self.saving.is_dirty = false;
        self.saving.flight = Some(Flight {
            lanes,
            notes: std::mem::take(&mut self.saving.notes),
            refusals: std::mem::take(&mut self.saving.refusals),
            ends: std::mem::take(&mut self.saving.ends),
            began: now,
            is_late: false,
        });
        if self.saving.newest == Newest::Unwritten {
            self.saving.newest = Newest::In(write);
        }
        scene.writers.insert(write, self.name().clone());
        scene.steps.push(Step::Write { write, changes });
    }

    fn changes(&mut self, lanes: &[LaneId], scene: &mut Scene<'_>) -> Vec<Change> {
        let anchor = scene.anchor();
        self.record.revision += 1;
        self.record.anchor = anchor.clone();
        let mut changes = Vec::with_capacity(1 + lanes.len() + self.saving.notes.len());
        changes.push(Change::Org(Box::new(self.record.clone())));
        let lanes = lanes
            .iter()
            .filter_map(|id| scene.ledger.record(id, &anchor));
        changes.extend(lanes.map(Change::Lane));
        changes.extend(self.saving.notes.iter().cloned().map(Change::Note));
        changes
    }

    fn lanes_in_use(&self) -> impl Iterator<Item = &LaneId> {
        let grant = self.record.grant.as_ref().map(|grant| &grant.lane);
        let offered = self.enrolling.as_ref().map(|own| &own.call.lane);
        grant.into_iter().chain(offered).chain(&self.saving.left)
    }

    /// A write of ours is on the disk.
    pub(super) fn stored(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        self.give_up_late_write(scene);
        if let Some(flight) = self.saving.flight.take() {
            refuse_each(flight.refusals, scene);
            for (request, result) in flight.ends {
                tell(request, result, scene);
            }
        }
        if self.saving.trouble.take().is_some() {
            let detail = "the state can be written again".to_owned();
            self.tell(Severity::Info, "state", detail, scene);
        }
        if self.saving.newest == Newest::In(write) {
            self.publish(scene);
        }
        self.call_for_mint(write, scene);
        self.call_for_enrolment(write, scene);
        self.call_for_revocation(write, scene);
    }

    /// A write of ours is not on the disk: what waited for it is told, and all of it is written again.
    pub(super) fn store_failed(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        if let Some(flight) = self.saving.flight.take() {
            refuse_each(flight.refusals, scene);
            for lane in &flight.lanes {
                if let Some(lane) = scene.ledger.lane_mut(lane) {
                    lane.is_dirty = true;
                }
                self.saving.leave_lane(lane);
            }
            self.saving.ends.extend(flight.ends);
            let newer = std::mem::replace(&mut self.saving.notes, flight.notes);
            self.saving.notes.extend(newer);
            self.saving.bound_notes();
        }
        // The revision that failed is given again: compare and set must meet what is on the disk.
        self.record.revision = self.record.revision.saturating_sub(1);
        self.saving.is_dirty = true;
        if self.saving.newest != Newest::Kept {
            self.saving.newest = Newest::Unwritten;
        }
        self.disappoint(cause, scene);
    }

    /// Nothing waits any longer for a write that does not end. Should it end after all, the slot that it
    /// holds counts for nothing sent, which is safe.
    pub(super) fn give_up_late_write(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let is_overdue = |own: &&mut Flight| !own.is_late && own.began.plus(WRITE_MAX) <= now;
        let Some(flight) = self.saving.flight.as_mut().filter(is_overdue) else {
            return;
        };
        flight.is_late = true;
        refuse_each(std::mem::take(&mut flight.refusals), scene);
        let ends = std::mem::take(&mut flight.ends);
        self.saving.ends.extend(ends);
        let cause = Cause::new("state-hangs", "a write to the state does not end");
        self.disappoint(&cause, scene);
    }

    /// The disk is in trouble: nobody is left waiting, nothing is sent.
    fn disappoint(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        let failures = self
            .saving
            .trouble
            .take()
            .map_or(0, |trouble| trouble.failures);
        let failures = failures.saturating_add(1);
        let limits = self.settings.limits;
        let retry_at = schedule::after_unsent(scene.now.boot, failures, limits, scene.dice);
        self.saving.trouble = Some(Trouble {
            cause: cause.clone(),
            failures,
            retry_at,
        });
        if failures == 1 {
            self.tell(Severity::Error, "state", cause.detail.clone(), scene);
        }
        self.abandon_unsent_enrolment(cause, retry_at, scene);
        self.abandon_unsaved_mint(cause, retry_at, scene);
        self.abandon_unsaved_revocation(cause, retry_at, scene);
        self.tell_unkept_ends(cause, retry_at, scene);
        let detail = format!(
            "Zoho granted, but the state cannot be written: {}; the token is kept in memory and written \
             as soon as that works, so do not stop the daemon",
            cause.detail
        );
        let granted = Cause::new(&cause.code, &detail);
        for request in std::mem::take(&mut self.awaiting_token) {
            refuse(request, Refusal::Later(granted.clone(), retry_at), scene);
        }
        self.rule_all(Finding::Pending(retry_at), scene);
    }
}

impl Org {
    /// What Zoho has done is done, whatever the disk does, and the next life asks again. What was only to be
    /// forgotten is not, as long as the disk has it.
    fn tell_unkept_ends(&mut self, cause: &Cause, retry_at: Boottime, scene: &mut Scene<'_>) {
        for (request, result) in std::mem::take(&mut self.saving.ends) {
            let result = match result {
                Ok(Ended::Forgotten) => Err(Refusal::Later(cause.clone(), retry_at)),
                told => told,
            };
            tell(request, result, scene);
        }
    }
}

fn refuse_each(refusals: Vec<(RequestId, Refusal)>, scene: &mut Scene<'_>) {
    for (request, refusal) in refusals {
        refuse(request, refusal, scene);
    }
}

/// Tells an admin that it came to nothing.
pub(super) fn refuse(request: RequestId, refusal: Refusal, scene: &mut Scene<'_>) {
    scene.steps.push(Step::Reply {
        request,
        result: Err(refusal),
    });
}
