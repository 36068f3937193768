//! One call to Zoho, as a mint and an enrolment share it: its slot on the way to the disk, then the call.
//!
//! Decides nothing about answers. Invariant: nothing is sent before the slot is on the disk, and what the
//! disk holds of it counts at least as long as what Zoho can have seen.

use std::time::Duration;

use super::event::{Attempt, WriteId};
use super::ledger::Fate;
use super::org::Scene;
use super::record::{LaneId, Slot};
use super::saving::WRITE_MAX;
use super::settings::OrgSettings;
use crate::base::Boottime;

/// How long after its deadline a call that nobody answered for is given up: the caller itself has failed.
const OVERDUE: Duration = Duration::from_secs(30);

/// A call, from its slot on.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) attempt: Attempt,
    pub(super) lane: LaneId,
    slot: Slot,
    stage: Stage,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits for the write that holds its slot, once that has a number.
    Reserving(Option<WriteId>),
    /// Waits for Zoho.
    Calling,
    /// Zoho has answered, or will not.
    Over,
}

impl Call {
    /// Takes a slot of `lane`; the next write brings it to the disk.
    pub(super) fn reserve(lane: LaneId, settings: &OrgSettings, scene: &mut Scene<'_>) -> Self {
        let now = scene.now.boot;
        let latest = now.plus(WRITE_MAX + settings.timeout);
        let of = &settings.binding;
        Self {
            attempt: Attempt(scene.numbers.next()),
            slot: scene.ledger.open(&lane, of, settings.limits, (now, latest)),
            lane,
            stage: Stage::Reserving(None),
        }
    }

    /// The slot goes with this write, which starts now.
    pub(super) fn ride(&mut self, write: WriteId, timeout: Duration, scene: &mut Scene<'_>) {
        if self.stage == Stage::Reserving(None) {
            self.stage = Stage::Reserving(Some(write));
            self.shift(WRITE_MAX + timeout, scene);
        }
    }

    /// Whether the call may go out now that this write is on the disk; it then counts from now.
    pub(super) fn begins_on(
        &mut self,
        write: WriteId,
        timeout: Duration,
        scene: &mut Scene<'_>,
    ) -> bool {
        let begins = self.stage == Stage::Reserving(Some(write));
        if begins {
            self.stage = Stage::Calling;
            self.shift(timeout, scene);
        }
        begins
    }

    fn shift(&mut self, span: Duration, scene: &mut Scene<'_>) {
        let now = scene.now.boot;
        let latest = now.plus(span);
        self.slot = scene.ledger.shift(&self.lane, self.slot, now, latest);
    }

    /// Until when Zoho throttles its lane, if it does.
    pub(super) fn throttled_until(&self, scene: &Scene<'_>) -> Option<Boottime> {
        let lane = scene.ledger.lane(&self.lane)?;
        (lane.quiet_until > scene.now.boot).then_some(lane.quiet_until)
    }

    /// When it began, or else when its slot was taken.
    pub(super) fn started(&self) -> Boottime {
        self.slot.started
    }

    /// Whether its slot is still on the way to the disk: nothing has been sent.
    pub(super) fn is_reserving(&self) -> bool {
        matches!(self.stage, Stage::Reserving(_))
    }

    /// Whether it has been sent, and Zoho has not answered.
    pub(super) fn is_calling(&self) -> bool {
        self.stage == Stage::Calling
    }

    /// When to give it up. Before it is sent, the write that it waits for has its own end.
    pub(super) fn overdue_at(&self) -> Option<Boottime> {
        self.is_calling().then(|| self.slot.settled.plus(OVERDUE))
    }

    /// Writes what became of it; the first word on that counts.
    pub(super) fn close(&mut self, fate: Fate, scene: &mut Scene<'_>) {
        if std::mem::replace(&mut self.stage, Stage::Over) == Stage::Over {
            return;
        }
        let now = scene.now.boot;
        scene.ledger.close(&self.lane, self.slot, fate, now);
    }
}
