//! From the store's records to a fleet: which times still hold.
//!
//! Within one boot they hold as they are. Over a reboot only the wall clock connects then and now: it is
//! believed if somebody vouches for it now, did when the record was written, and it is not behind the newest
//! time that was written so (R9). Where only the word of today is missing the token is in doubt until Zoho's
//! `Date` gives it ([`super::doubt`]); else no stored token is used. No clock ever frees a slot, so that neither a dead token nor
//! an eleventh mint results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Agenda;
use super::doubt::{Doubt, Doubts, HOLD};
use super::event::{Severity, Step};
use super::fleet::{Fleet, Moment};
use super::ledger::{Lane, Ledger};
use super::org::{Numbers, Org, Scene};
use super::record::{Anchor, LaneId, LaneRecord, OrgRecord, Slot, Stored};
use super::reporting::HOLD as REPORT_HOLD;
use super::schedule::Dice;
use super::seats::Seats;
use super::settings::OrgSettings;
use super::turns::Turns;
use super::wall_clock::{SPAN_ERROR, WallClock};
use crate::base::{Boottime, Now};

/// What is known of the clocks at the start.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// Names this boot.
    pub boot_id: Arc<str>,
    /// Both clocks.
    pub now: Now,
    /// Whether the kernel calls the wall clock synchronised.
    pub is_synchronised: bool,
}

/// How the times of a record come to this boot's clock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    SameBoot,
    ByWallClock,
    /// By the wall clock, if it is right.
    Doubtful,
    Unknown,
}

impl Fleet {
    /// The fleet of this config with the state of that store, and the first steps.
    pub fn restore(
        settings: Vec<OrgSettings>,
        stored: Stored,
        clocks: &Clocks,
        dice: &mut dyn Dice,
    ) -> (Self, Vec<Step>) {
        let newest = newest_wall(&stored);
        let is_behind = newest.is_some_and(|at| at > clocks.now.wall.0);
        let is_synchronised = clocks.is_synchronised && !is_behind;
        let carry = |anchor: &Anchor| match anchor.is_of(&clocks.boot_id, clocks.now) {
            true => Passage::SameBoot,
            false if is_behind || !anchor.is_vouched => Passage::Unknown,
            false if is_synchronised => Passage::ByWallClock,
            false => Passage::Doubtful,
        };
        let mut fleet = Self {
            boot_id: Arc::clone(&clocks.boot_id),
            orgs: BTreeMap::new(),
            leaving: BTreeMap::new(),
            shelf: BTreeMap::new(),
            ledger: Ledger::default(),
            numbers: Numbers::default(),
            turns: Turns::default(),
            agenda: Agenda::default(),
            writers: BTreeMap::new(),
            seats: Seats::default(),
            sweep_at: clocks.now.boot,
            wall_clock: WallClock::new(clocks.now, is_synchronised),
            doubts: Doubts::new(),
            hold_until: clocks.now.boot.plus(HOLD),
        };
        let cut_off: Vec<LaneId> = stored
            .lanes
            .iter()
            .filter(|lane| has_open_call(lane))
            .map(|lane| lane.id.clone())
            .collect();
        for record in stored.lanes {
            let passage = carry(&record.anchor);
            let (id, lane) = lane_of(record, passage, clocks.now);
            fleet.ledger.insert(id, lane);
        }
        for mut record in stored.orgs {
            let passage = carry(&record.anchor);
            if passage == Passage::Doubtful {
                fleet.doubt(record.clone(), clocks.now);
            }
            move_times(&mut record, passage, clocks.now);
            fleet.shelf.insert(record.org.clone(), record);
        }
        let mut moment = Moment {
            now: clocks.now,
            dice,
            steps: Vec::new(),
            rotations: Vec::new(),
            proved: Vec::new(),
        };
        fleet.start(settings, &mut moment);
        fleet.take_doomed_off_shelf(&mut moment);
        fleet.tell_of_cut_off_calls(&cut_off, &mut moment);
        (fleet, moment.steps)
    }

    /// Keeps aside what the org has if the wall clock is right.
    fn doubt(&mut self, mut record: OrgRecord, now: Now) {
        move_times(&mut record, Passage::ByWallClock, now);
        let org = record.org.clone();
        if let Some(doubt) = Doubt::of(record, now.boot) {
            self.turns.hold(org.clone());
            self.doubts.insert(org, doubt);
        }
    }

    fn start(&mut self, mut settings: Vec<OrgSettings>, moment: &mut Moment<'_>) {
        // Who must mint anyway goes first, then whose token ends first: that call may spare the others theirs.
        settings.sort_by_key(|own| self.doubts.get(&own.name).map(Doubt::expires));
        for settings in settings {
            let name = settings.name.clone();
            let org = self.adopt(settings, moment);
            self.orgs.insert(name.clone(), org);
            self.with(&name, moment, |org, scene| {
                org.follow_config(scene);
                org.show_or_withdraw(scene);
                org.try_other_secret(scene);
            });
        }
        self.plan_sharers(moment);
        self.recall_evictions(moment.now);
        // What an earlier run left outside may be of an org that has left the config since.
        let gone = self.shelf.keys().cloned().map(Step::Withdraw);
        moment.steps.extend(gone);
    }

    /// Calls that the end of the last daemon cut off: nobody has told of them yet. The note goes down with the next
    /// write, and the lane with it, so that no later start tells of them again. No write is made for it: a start changes
    /// nothing by itself.
    fn tell_of_cut_off_calls(&mut self, lanes: &[LaneId], moment: &mut Moment<'_>) {
        for id in lanes {
            let mints_in_it = |org: &Org| {
                let grant = org.record.grant.as_ref();
                grant.is_some_and(|grant| grant.lane == *id) || id.was_opened_by(org.name())
            };
            let mut orgs = self.orgs.values().filter(|org| mints_in_it(org));
            let Some(name) = orgs.next().map(|org| org.name().clone()) else {
                continue;
            };
            self.with(&name, moment, |org, scene| {
                let detail = "the end of the daemon cut off a call to Zoho; it counts as a mint";
                org.tell(Severity::Warning, "cut-off", detail.to_owned(), scene);
                org.saving.leave_lane(id);
                org.count_cut_off(id);
            });
        }
    }
}

impl Org {
    /// A probe whose answer nobody heard was one: the next is as much later.
    fn count_cut_off(&mut self, lane: &LaneId) {
        if self.word().wants_a_person() && self.lane() == Some(lane) {
            let verdict = &mut self.record.verdict;
            verdict.failures = verdict.failures.saturating_add(1);
        }
    }

    /// Brings the outside in line, whatever stands there.
    pub(super) fn show_or_withdraw(&mut self, scene: &mut Scene<'_>) {
        self.is_out = self.served(scene.now.boot).is_some();
        let name = self.name().clone();
        scene.steps.push(if self.is_out {
            Step::Publish(name)
        } else {
            Step::Withdraw(name)
        });
    }
}

/// The newest time in the state, in milliseconds, of those that somebody vouched for: a clock that ran ahead
/// for a moment must not put every later one in the wrong.
fn newest_wall(stored: &Stored) -> Option<i64> {
    let orgs = stored.orgs.iter().map(|record| &record.anchor);
    let lanes = stored.lanes.iter().map(|lane| &lane.anchor);
    let vouched = orgs.chain(lanes).filter(|anchor| anchor.is_vouched);
    vouched.map(|anchor| anchor.at.wall.0).max()
}

/// Whether the slot's call was not over when it was written.
fn is_open(slot: &Slot, anchor: &Anchor) -> bool {
    slot.settled > anchor.at.boot
}

fn has_open_call(lane: &LaneRecord) -> bool {
    lane.slots.iter().any(|slot| is_open(slot, &lane.anchor))
}

/// The ledger of a lane on this boot's clock.
///
/// No clock is believed to free a slot: over a reboot all of them count as if no time had passed in between,
/// which no clock can make untrue. Counting them as made now would be no safer, and could keep an org that has
/// no token from minting for a whole window. Only the pace, `started`, and a throttle follow the wall clock.
fn lane_of(record: LaneRecord, passage: Passage, now: Now) -> (LaneId, Lane) {
    let anchor = record.anchor;
    let unpassed = |moment: Boottime| {
        let ahead = moment.0.saturating_sub(anchor.at.boot.0);
        Boottime(now.boot.0.saturating_add(ahead))
    };
    // How long the machine was off at least, if both clocks were right.
    let off = now.wall.since(anchor.at.wall).saturating_sub(SPAN_ERROR);
    let moved = |mut slot: Slot| {
        if is_open(&slot, &anchor) {
            // It may have been sent up to its last moment.
            slot.started = slot.settled;
        }
        let started = match passage {
            Passage::SameBoot => return slot.sent_by(now.boot),
            Passage::ByWallClock => unpassed(slot.started).minus(off),
            Passage::Doubtful | Passage::Unknown => unpassed(slot.started),
        };
        let moved = Slot {
            started,
            settled: unpassed(slot.settled),
            lives_until: unpassed(slot.lives_until),
        };
        moved.sent_by(now.boot.minus(Duration::from_millis(1)))
    };
    // A call that was not over may have been sent so long after it was written.
    let open = record
        .slots
        .iter()
        .map(|slot| slot.settled.since(anchor.at.boot));
    let latest_open = open.max().unwrap_or_default();
    let mut lane = Lane::new(&record.client_id, &record.data_center);
    if let Some(until) = record.quiet_until {
        lane.quiet_until = match passage {
            Passage::SameBoot => until,
            Passage::ByWallClock => unpassed(until).minus(off),
            Passage::Doubtful | Passage::Unknown => unpassed(until),
        };
    }
    lane.slots = record.slots.into_iter().map(moved).collect();
    if matches!(passage, Passage::Doubtful | Passage::Unknown) {
        // No stored token is served, so the first mint must not wait for the pace.
        lane.paced_from = now.boot;
    }
    if passage == Passage::Doubtful {
        lane.doubted = off.saturating_sub(latest_open);
    }
    (record.id, lane)
}

impl Slot {
    /// Its call was sent then at the latest.
    fn sent_by(self, latest: Boottime) -> Self {
        Self {
            started: self.started.min(latest),
            ..self
        }
    }
}

fn move_times(record: &mut OrgRecord, passage: Passage, now: Now) {
    let anchor = record.anchor.clone();
    let carry = |moment: Boottime| anchor.carry(moment, now);
    match passage {
        Passage::SameBoot => (),
        Passage::ByWallClock => {
            if let Some(token) = &mut record.token {
                token.started = carry(token.started);
                // So much later than it was the clock may show it.
                token.expires = carry(token.expires).minus(SPAN_ERROR);
            }
            if let Some(grant) = &mut record.grant {
                grant.enrolled_at = carry(grant.enrolled_at);
            }
            record.verdict.since = carry(record.verdict.since);
            record.verdict.until = record.verdict.until.map(carry);
            // A wrong clock must not keep reporters waiting for longer than that.
            let latest = now.boot.plus(REPORT_HOLD);
            let held_until = record.streak.held_until.map(carry);
            record.streak.held_until = held_until.map(|until| until.min(latest));
        }
        Passage::Doubtful | Passage::Unknown => {
            record.token = None;
            if let Some(grant) = &mut record.grant {
                grant.enrolled_at = carry(grant.enrolled_at);
            }
            record.verdict.since = now.boot;
            // What was left of a wait when it was last written, counted from now.
            let unpassed = |at: Boottime| now.boot.plus(at.since(anchor.at.boot));
            record.verdict.until = record.verdict.until.map(unpassed);
            record.streak.held_until = record.streak.held_until.map(unpassed);
        }
    }
}
