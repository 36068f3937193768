//! The mints that Zoho still counts against us, and the room that they leave.
//!
//! A slot is opened and stored *before* its call, and is never given back once the call may have been
//! written: an answer that is lost may still have minted. Each slot counts until a whole window after the
//! last moment at which Zoho can have seen it, and its token counts as alive for as long as it may be.
//! Both windows are here: per refresh token (a lane), and per client over its lanes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Answer;
use super::record::{Anchor, LaneId, LaneRecord, Slot};
use super::reply::{LIFE_MAX, Outcome};
use crate::base::{Boottime, Limits};

/// Slots of ten that scheduled refreshes leave for reports and `refresh`.
const RESERVE_TENTHS: u32 = 4;

/// Who wants to mint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The schedule, a retry or a probe: may not touch the reserve.
    Schedule,
    /// A person's `refresh` or `enroll`, or a verified report: may use every slot.
    Demand,
}

/// What became of the call that a slot was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No byte of it was written: the slot was never spent.
    NeverSent,
    /// Zoho refused: spent, and no token lives.
    Refused,
    /// A token with this life.
    Minted(Duration),
    /// Nobody knows: a token may live for as long as any.
    Lost,
}

impl Fate {
    /// The fate that an answer seals.
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Answer::NotSent(_) => Self::NeverSent,
            Answer::Lost(_) => Self::Lost,
            Answer::Sorted(Outcome::Granted(granted)) => Self::Minted(granted.life),
            Answer::Sorted(_) => Self::Refused,
        }
    }
}

/// Most slots of a window that `want` may fill.
pub fn share(limits: Limits, want: Want) -> u32 {
    match want {
        Want::Schedule => (limits.mints - limits.mints * RESERVE_TENTHS / 10).max(1),
        Want::Demand => limits.mints,
    }
}

/// The lanes of all grants, also of orgs that left the config.
#[derive(Debug, Default)]
pub struct Ledger {
    lanes: BTreeMap<LaneId, Lane>,
}

/// One lane: what its refresh token has spent.
#[derive(Debug)]
pub struct Lane {
    /// The client whose own limit it counts in.
    pub client_id: String,
    /// The data center.
    pub data_center: String,
    /// Slots that still count, in the order of their opening.
    pub slots: Vec<Slot>,
    /// Whether the store lacks the newest change.
    pub is_dirty: bool,
}

impl Lane {
    /// Opens a slot for a call that starts now and is over after `timeout` at the latest.
    pub fn open(&mut self, now: Boottime, timeout: Duration) -> Slot {
        let settled = now.plus(timeout);
        let slot = Slot {
            started: now,
            settled,
            lives_until: settled.plus(self.life_seen().unwrap_or(LIFE_MAX)),
        };
        self.slots.push(slot);
        self.is_dirty = true;
        slot
    }

    /// Writes what became of `slot`, now that its call is over.
    pub fn close(&mut self, slot: Slot, fate: Fate, now: Boottime) {
        let Some(at) = self.slots.iter().rposition(|own| *own == slot) else {
            return;
        };
        self.is_dirty = true;
        let life = match fate {
            Fate::NeverSent => {
                self.slots.remove(at);
                return;
            }
            Fate::Refused => Duration::ZERO,
            Fate::Minted(life) => life,
            Fate::Lost => slot.lives_until.since(slot.settled),
        };
        self.slots[at].settled = now;
        self.slots[at].lives_until = now.plus(life);
    }

    /// When the newest call began.
    pub fn last_started(&self) -> Option<Boottime> {
        self.slots.iter().map(|slot| slot.started).max()
    }

    /// How many slots of the window that ends at `now` are taken.
    pub fn spent(&self, now: Boottime, window: Duration) -> u32 {
        count(
            self.slots
                .iter()
                .filter(|slot| slot.settled.plus(window) > now),
        )
    }

    /// How many tokens may be alive.
    pub fn live(&self, now: Boottime) -> u32 {
        count(self.slots.iter().filter(|slot| slot.lives_until > now))
    }

    /// From when on fewer than `limits.live` tokens may be alive.
    pub fn live_room_at(&self, now: Boottime, limits: Limits) -> Boottime {
        room_at(
            now,
            limits.live,
            self.slots.iter().map(|slot| slot.lives_until),
        )
    }

    /// Forgets what counts no more.
    fn prune(&mut self, now: Boottime, window: Duration) {
        let before = self.slots.len();
        self.slots
            .retain(|slot| slot.settled.plus(window) > now || slot.lives_until > now);
        self.is_dirty |= self.slots.len() != before;
    }

    /// The longest life that a token of this lane was granted, while one is remembered.
    fn life_seen(&self) -> Option<Duration> {
        let lives = self
            .slots
            .iter()
            .filter(|slot| slot.lives_until > slot.settled);
        lives.map(|slot| slot.lives_until.since(slot.settled)).max()
    }
}

impl Ledger {
    /// Takes a lane from the store or from an enrolment.
    pub fn insert(&mut self, id: LaneId, lane: Lane) {
        self.lanes.insert(id, lane);
    }

    /// The lane, if it is known.
    pub fn lane(&self, id: &LaneId) -> Option<&Lane> {
        self.lanes.get(id)
    }

    /// The lane, to spend from.
    pub fn lane_mut(&mut self, id: &LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(id)
    }

    /// Forgets a lane.
    pub fn remove(&mut self, id: &LaneId) {
        self.lanes.remove(id);
    }

    /// Every lane's id, with whether nothing counts by it any more.
    pub fn spent_out(&mut self, now: Boottime, window: Duration) -> Vec<LaneId> {
        for lane in self.lanes.values_mut() {
            lane.prune(now, window);
        }
        let idle = self.lanes.iter().filter(|(_, lane)| lane.slots.is_empty());
        idle.map(|(id, _)| id.clone()).collect()
    }

    /// From when on the window has room for `want` in this lane and, where it has a limit, its client.
    pub fn room_at(
        &mut self,
        id: &LaneId,
        now: Boottime,
        limits: Limits,
        client_mints: Option<u32>,
        want: Want,
    ) -> Boottime {
        let Some(lane) = self.lanes.get_mut(id) else {
            return now;
        };
        lane.prune(now, limits.window);
        let ends = |slot: &Slot| slot.settled.plus(limits.window);
        let own = room_at(now, share(limits, want), lane.slots.iter().map(ends));
        let Some(mints) = client_mints else {
            return own;
        };
        let client_id = lane.client_id.clone();
        let of_client = self
            .lanes
            .values()
            .filter(|lane| lane.client_id == client_id);
        let all = of_client.flat_map(|lane| lane.slots.iter().map(ends));
        own.max(room_at(now, mints, all))
    }

    /// The record of a lane, for the store; its lane then counts as clean.
    pub fn take_dirty(&mut self, id: &LaneId, anchor: &Anchor) -> Option<LaneRecord> {
        let lane = self.lanes.get_mut(id).filter(|lane| lane.is_dirty)?;
        lane.is_dirty = false;
        Some(LaneRecord {
            id: id.clone(),
            client_id: lane.client_id.clone(),
            data_center: lane.data_center.clone(),
            anchor: anchor.clone(),
            slots: lane.slots.clone(),
        })
    }
}

/// The first moment from `now` on at which fewer than `most` of the `ends` lie ahead.
fn room_at(now: Boottime, most: u32, ends: impl Iterator<Item = Boottime>) -> Boottime {
    let mut ahead: Vec<Boottime> = ends.filter(|end| *end > now).collect();
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    if ahead.len() < most {
        return now;
    }
    ahead.sort_unstable();
    ahead[ahead.len() - most]
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
