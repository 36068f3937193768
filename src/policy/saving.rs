//! Brings an org's record, its lanes and its history to the disk: one write at a time, until it is there.

use super::event::{Refusal, RequestId, Severity, Step, WriteId};
use super::org::{Org, Scene};
use super::record::{Cause, Change, LaneId, Note};
use super::schedule;
use crate::base::Boottime;

/// Notes that wait for a write; while the disk takes none, the oldest go.
const NOTES_MAX: usize = 32;

/// How far the disk is behind.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// Whether the record is newer than the last write.
    pub(super) is_dirty: bool,
    /// The write in flight, with the lanes in it.
    flight: Option<(WriteId, Vec<LaneId>)>,
    /// Writes in a row that failed.
    pub(super) failures: u32,
    /// After a failure: no write before.
    not_before: Option<Boottime>,
    notes: Vec<Note>,
    /// Set while the newest token waits for the disk: with the number of the write that has it, once one has.
    pub(super) publish_on: Option<Option<WriteId>>,
}

impl Saving {
    pub(super) fn note(&mut self, note: Note) {
        if self.notes.len() == NOTES_MAX {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }

    pub(super) fn retry_at(&self) -> Option<Boottime> {
        self.not_before.filter(|_| self.is_dirty)
    }

    pub(super) fn is_awaiting(&self, write: WriteId) -> bool {
        self.flight.as_ref().is_some_and(|(own, _)| *own == write)
    }
}

impl Org {
    /// Starts a write if one is wanted and none is in flight.
    pub(super) fn save(&mut self, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let is_held = self.saving.not_before.is_some_and(|at| at > now);
        if self.saving.flight.is_some() || is_held {
            return;
        }
        let lanes = self.lanes_in_use();
        let has_dirty_lane = lanes
            .iter()
            .any(|id| scene.ledger.lane(id).is_some_and(|lane| lane.is_dirty));
        if !self.saving.is_dirty && !has_dirty_lane {
            return;
        }
        let write = WriteId(scene.numbers.next());
        let changes = self.changes(&lanes, scene);
        self.saving.flight = Some((write, lanes));
        self.saving.is_dirty = false;
        self.saving.not_before = None;
        if let Some(mint) = &mut self.minting {
            mint.stage.ride(write);
        }
        if let Some(enrolling) = &mut self.enrolling {
            enrolling.stage.ride(write);
        }
        if let Some(waits_for @ None) = &mut self.saving.publish_on {
            *waits_for = Some(write);
        }
        scene.steps.push(Step::Write { write, changes });
    }

    fn changes(&mut self, lanes: &[LaneId], scene: &mut Scene<'_>) -> Vec<Change> {
        let anchor = scene.anchor();
        self.record.revision += 1;
        self.record.anchor = anchor.clone();
        let mut changes = vec![Change::Org(Box::new(self.record.clone()))];
        let dirty = lanes
            .iter()
            .filter_map(|id| scene.ledger.take_dirty(id, &anchor));
        changes.extend(dirty.map(Change::Lane));
        changes.extend(self.saving.notes.drain(..).map(Change::Note));
        changes
    }

    fn lanes_in_use(&self) -> Vec<LaneId> {
        let grant = self.record.grant.as_ref().map(|grant| grant.lane.clone());
        let offered = self
            .enrolling
            .as_ref()
            .map(|enrolling| enrolling.lane.clone());
        let mut lanes: Vec<LaneId> = grant.into_iter().chain(offered).collect();
        lanes.dedup();
        lanes
    }

    /// A write of ours is on the disk.
    pub(super) fn stored(&mut self, write: WriteId, scene: &mut Scene<'_>) {
        self.saving.flight = None;
        if std::mem::take(&mut self.saving.failures) > 0 {
            let detail = "the state can be written again".to_owned();
            self.tell(Severity::Info, "state", detail, scene);
        }
        if self.saving.publish_on == Some(Some(write)) {
            self.publish(scene);
        }
        self.call_for_mint(write, scene);
        self.call_for_enrolment(write, scene);
    }

    /// A write of ours is not on the disk: what waited for it is told, and all of it is written again.
    pub(super) fn store_failed(&mut self, cause: &Cause, scene: &mut Scene<'_>) {
        if let Some((_, lanes)) = self.saving.flight.take() {
            for lane in lanes {
                if let Some(lane) = scene.ledger.lane_mut(&lane) {
                    lane.is_dirty = true;
                }
            }
        }
        // The revision that failed is given again: compare and set must meet what is on the disk.
        self.record.revision = self.record.revision.saturating_sub(1);
        self.saving.is_dirty = true;
        self.saving.failures = self.saving.failures.saturating_add(1);
        let now = scene.now.boot;
        let limits = self.settings.limits;
        let retry_at = schedule::after_unsent(now, self.saving.failures, limits, scene.dice);
        self.saving.not_before = Some(retry_at);
        if let Some(Some(_)) = self.saving.publish_on {
            self.saving.publish_on = Some(None);
        }
        if self.saving.failures == 1 {
            self.tell(Severity::Error, "state", cause.detail.clone(), scene);
        }
        self.abandon_unsaved_mint(cause, retry_at, scene);
        self.abandon_unsaved_enrolment(cause, retry_at, scene);
        for request in std::mem::take(&mut self.awaiting_token) {
            refuse(request, Refusal::Later(cause.clone(), retry_at), scene);
        }
    }
}

/// Tells an admin that it came to nothing.
pub(super) fn refuse(request: RequestId, refusal: Refusal, scene: &mut Scene<'_>) {
    scene.steps.push(Step::Reply {
        request,
        result: Err(refusal),
    });
}

/// Where a call stands: its slot on the way to the disk, or the call itself on the way to Zoho.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waits for the write that holds its slot, once that has a number.
    Reserving(Option<WriteId>),
    /// Waits for Zoho.
    Calling,
}

impl Stage {
    /// The slot goes with this write.
    fn ride(&mut self, write: WriteId) {
        if *self == Self::Reserving(None) {
            *self = Self::Reserving(Some(write));
        }
    }
}
