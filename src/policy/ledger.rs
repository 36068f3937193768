//! The mints that Zoho still counts against us, and the room that they leave.
//!
//! A slot is opened and stored *before* its call, and is never given back once the call may have been
//! written: an answer that is lost may still have minted. Each slot counts until a whole window after the
//! last moment at which Zoho can have seen it, and its token counts as alive for as long as it may be.
//! Both windows are here: per refresh token or soid (a lane), and per client over its lanes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::Answer;
use super::record::{Anchor, LaneId, LaneRecord, Slot};
use super::reply::{LIFE_MAX, Outcome};
use super::schedule;
use super::settings::Binding;
use super::sharers::Sharers;
use crate::base::{Boottime, Key, Limits};

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
    /// The fate that an answer seals. Only a definite refusal tells that no token was made: behind a
    /// gateway's 502, half a body or a life that we do not believe, one may live.
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Answer::NotSent(_) => Self::NeverSent,
            Answer::Sorted(Outcome::Granted(granted)) => Self::Minted(granted.life),
            Answer::Lost(_) | Answer::Sorted(Outcome::Transient(_)) => Self::Lost,
            Answer::Sorted(
                Outcome::Throttled(_) | Outcome::NeedsConsent(_) | Outcome::Misconfigured(_),
            ) => Self::Refused,
        }
    }
}

/// Most of a window's `mints` that `want` may take: the schedule leaves four of ten, and one of two.
pub fn share(mints: u32, want: Want) -> u32 {
    let reserve = (mints.saturating_mul(RESERVE_TENTHS) / 10).max(1);
    match want {
        Want::Schedule => mints.saturating_sub(reserve).max(1),
        Want::Demand => mints,
    }
}

/// The lanes of all grants, also of orgs that left the config.
#[derive(Debug, Default)]
pub struct Ledger {
    lanes: BTreeMap<LaneId, Lane>,
    /// Who mints from them.
    pub(super) sharers: Sharers,
}

/// One lane: what its refresh token, or its client for one soid, has spent.
#[derive(Debug)]
pub struct Lane {
    /// The client whose own limit it counts in.
    pub client_id: Key,
    /// The data center.
    pub data_center: Key,
    /// Slots that still count, in the order of their opening.
    pub slots: Vec<Slot>,
    /// Calls that began earlier count, but do not hold the next one back.
    pub paced_from: Boottime,
    /// How much earlier those calls began than `slots` says, if the wall clock of the start was right.
    pub doubted: Duration,
    /// When the newest call of this run began that brought a token.
    pub minted_at: Boottime,
    /// Zoho throttles it until then: nobody may mint before.
    pub quiet_until: Boottime,
    /// Whether the store lacks the newest change.
    pub is_dirty: bool,
}

impl Lane {
    /// A lane that nothing was spent from.
    pub fn new(client_id: &Key, data_center: &Key) -> Self {
        Self {
            client_id: client_id.clone(),
            data_center: data_center.clone(),
            slots: Vec::new(),
            paced_from: Boottime(i64::MIN),
            doubted: Duration::ZERO,
            minted_at: Boottime(i64::MIN),
            quiet_until: Boottime(i64::MIN),
            is_dirty: false,
        }
    }

    /// When the newest call began that the next one keeps its distance from.
    pub fn last_started(&self) -> Option<Boottime> {
        let started = self.slots.iter().map(|slot| slot.started);
        started.filter(|at| *at >= self.paced_from).max()
    }

    /// The same for an org that has no token: one that another org was given here is no reason to go without.
    pub fn last_without_success(&self) -> Option<Boottime> {
        self.last_started().filter(|at| *at > self.minted_at)
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

    /// From when on the window has room for `want`.
    pub fn room_at(&self, now: Boottime, limits: Limits, want: Want) -> Boottime {
        window_room_at(self.slots.iter(), now, limits, want).max(self.quiet_until)
    }

    /// Forgets what counts no more. The store may keep it: whoever reads it back forgets it again.
    fn prune(&mut self, now: Boottime, window: Duration) {
        self.slots
            .retain(|slot| slot.settled.plus(window) > now || slot.lives_until > now);
    }

    /// The longest life that a token of this lane was granted, while one is remembered.
    fn life_seen(&self) -> Option<Duration> {
        let lives = self
            .slots
            .iter()
            .filter(|slot| slot.lives_until > slot.settled);
        lives.map(|slot| slot.lives_until.since(slot.settled)).max()
    }

    /// The wall clock of the start was right, or it was not.
    fn settle_doubt(&mut self, is_right: bool) {
        let span = std::mem::take(&mut self.doubted);
        if !is_right || span.is_zero() {
            return;
        }
        for slot in &mut self.slots {
            if slot.started < self.paced_from {
                slot.started = slot.started.minus(span);
            }
        }
        self.paced_from = Boottime(i64::MIN);
    }

    fn slot_mut(&mut self, slot: Slot) -> Option<&mut Slot> {
        self.slots.iter_mut().rev().find(|own| **own == slot)
    }
}

impl Ledger {
    /// Takes a lane from the store.
    pub fn insert(&mut self, id: LaneId, lane: Lane) {
        self.lanes.insert(id, lane);
    }

    /// The lane, if it is known.
    pub fn lane(&self, id: &LaneId) -> Option<&Lane> {
        self.lanes.get(id)
    }

    /// The lane, to mark it.
    pub fn lane_mut(&mut self, id: &LaneId) -> Option<&mut Lane> {
        self.lanes.get_mut(id)
    }

    /// Forgets a lane.
    pub fn remove(&mut self, id: &LaneId) {
        self.lanes.remove(id);
    }

    /// Opens a slot for a call that is over at `latest`, in a lane that is made if need be: a state that
    /// lost one must not keep its org from minting for ever.
    ///
    /// Its token counts for as long as any may live. Only limits that are scaled, which are no Zoho's, let it count for
    /// as long as those that the lane has seen: Zoho's lives may be shorter for a while, and then not.
    pub fn open(
        &mut self,
        id: &LaneId,
        of: &Binding,
        limits: Limits,
        (now, latest): (Boottime, Boottime),
    ) -> Slot {
        let fresh = || Lane::new(&of.client_id, &of.data_center);
        let lane = self.lanes.entry(id.clone()).or_insert_with(fresh);
        let seen = lane.life_seen().filter(|_| limits != Limits::ZOHO);
        let slot = Slot {
            started: now,
            settled: latest,
            lives_until: latest.plus(seen.unwrap_or(LIFE_MAX)),
        };
        lane.slots.push(slot);
        lane.is_dirty = true;
        slot
    }

    /// Moves a slot to when its call really begins, and the latest moment at which it is over.
    #[must_use]
    pub fn shift(&mut self, id: &LaneId, slot: Slot, now: Boottime, latest: Boottime) -> Slot {
        let moved = Slot {
            started: now,
            settled: latest,
            lives_until: latest.plus(slot.lives_until.since(slot.settled)),
        };
        if let Some(own) = self.lane_mut(id).and_then(|lane| lane.slot_mut(slot)) {
            *own = moved;
        }
        moved
    }

    /// Writes what became of a slot, now that its call is over.
    pub fn close(&mut self, id: &LaneId, slot: Slot, fate: Fate, now: Boottime) {
        let Some(lane) = self.lanes.get_mut(id) else {
            return;
        };
        let Some(at) = lane.slots.iter().rposition(|own| *own == slot) else {
            return;
        };
        lane.is_dirty = true;
        let life = match fate {
            Fate::NeverSent => {
                lane.slots.remove(at);
                return;
            }
            Fate::Refused => Duration::ZERO,
            Fate::Minted(life) => {
                lane.minted_at = lane.minted_at.max(slot.started);
                life
            }
            Fate::Lost => slot.lives_until.since(slot.settled),
        };
        lane.slots[at].settled = now;
        lane.slots[at].lives_until = now.plus(schedule::to_be_sure(life));
    }

    /// Zoho throttles the lane: whoever shares it waits too.
    pub fn quieten(&mut self, id: &LaneId, until: Boottime) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.quiet_until = lane.quiet_until.max(until);
            lane.is_dirty = true;
        }
    }

    /// The wall clock of the start was right, or it was not: calls of earlier boots get their true age by it.
    pub(super) fn settle_doubts(&mut self, data_center: &str, is_right: bool) {
        let lanes = self.lanes.values_mut();
        let doubted = lanes.filter(|lane| !lane.doubted.is_zero());
        for lane in doubted.filter(|lane| lane.data_center == data_center) {
            lane.settle_doubt(is_right);
        }
    }

    /// The lanes by which nothing counts any more.
    pub fn spent_out(&mut self, now: Boottime, window: Duration) -> Vec<LaneId> {
        for lane in self.lanes.values_mut() {
            lane.prune(now, window);
        }
        let is_idle = |lane: &Lane| lane.slots.is_empty() && lane.quiet_until <= now;
        let idle = self.lanes.iter().filter(|(_, lane)| is_idle(lane));
        idle.map(|(id, _)| id.clone()).collect()
    }

    /// From when on the window has room for `want` in this lane. A lane that is not known has spent nothing.
    pub fn room_at(&self, id: &LaneId, now: Boottime, limits: Limits, want: Want) -> Boottime {
        let lane = self.lanes.get(id);
        lane.map_or(now, |lane| lane.room_at(now, limits, want))
    }

    /// From when on the client has room for `want`, where the config limits it: over all of its lanes in one
    /// data center, with a reserve as a lane has it, so that no org's outage keeps a person from another.
    pub fn client_room_at(
        &self,
        client: &Binding,
        now: Boottime,
        limits: Limits,
        client_mints: Option<u32>,
        want: Want,
    ) -> Boottime {
        let Some(mints) = client_mints else {
            return now;
        };
        let is_its = |lane: &&Lane| {
            lane.data_center == client.data_center && lane.client_id == client.client_id
        };
        let lanes = self.lanes.values().filter(is_its);
        let slots = lanes.flat_map(|lane| &lane.slots);
        window_room_at(slots, now, Limits { mints, ..limits }, want)
    }

    /// The record of a lane, for the store; its lane then counts as clean.
    pub fn record(&mut self, id: &LaneId, anchor: &Anchor) -> Option<LaneRecord> {
        let lane = self.lanes.get_mut(id)?;
        lane.is_dirty = false;
        Some(LaneRecord {
            id: id.clone(),
            client_id: lane.client_id.clone(),
            data_center: lane.data_center.clone(),
            anchor: anchor.clone(),
            slots: lane.slots.clone(),
            quiet_until: Some(lane.quiet_until).filter(|until| *until > anchor.at.boot),
        })
    }
}

/// From when on a window with these slots has room for `want`.
///
/// The hard limit counts a call until the last moment at which Zoho can have seen it has left the window.
/// The schedule's own share counts from the call's start, as its pace does: counted from the end of each
/// 20-second timeout, every sixth gap of an outage would be 120 s instead of 100 s, and R5 would not hold.
fn window_room_at<'a>(
    slots: impl Iterator<Item = &'a Slot> + Clone,
    now: Boottime,
    limits: Limits,
    want: Want,
) -> Boottime {
    let window = schedule::to_be_sure(limits.window);
    // A client may have a thousand lanes: one look at them where there is room, as there mostly is, and two where not.
    if window_has_room(slots.clone(), now.minus(window), limits.mints, want) {
        return now;
    }
    let slots: Vec<&Slot> = slots.collect();
    let settled = slots.iter().map(|slot| slot.settled.plus(window));
    let whole = room_at(now, limits.mints, settled);
    match want {
        Want::Demand => whole,
        Want::Schedule => {
            let ends = slots.iter().map(|slot| slot.started.plus(window));
            whole.max(room_at(now, share(limits.mints, want), ends))
        }
    }
}

/// Whether a window that began at `since` has room for `want` now.
fn window_has_room<'a>(
    slots: impl Iterator<Item = &'a Slot>,
    since: Boottime,
    mints: u32,
    want: Want,
) -> bool {
    let (mut settled, mut started) = (0, 0);
    for slot in slots {
        settled += u32::from(slot.settled > since);
        started += u32::from(slot.started > since);
    }
    settled < mints.max(1) && (want == Want::Demand || started < share(mints, want))
}

/// The first moment from `now` on at which fewer than `most` of the `ends` lie ahead.
fn room_at(now: Boottime, most: u32, ends: impl Iterator<Item = Boottime> + Clone) -> Boottime {
    let ahead = ends.filter(|end| *end > now);
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    if ahead.clone().count() < most {
        return now;
    }
    let mut ahead: Vec<Boottime> = ahead.collect();
    ahead.sort_unstable();
    ahead[ahead.len() - most]
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
