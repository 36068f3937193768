//! From the store's records to a fleet: which times still hold.
//!
//! Within one boot they hold as they are. Over a reboot only the wall clock connects then and now: it is
//! believed if it is synchronised and not behind the newest time in the state (R9). If it is not, no stored
//! token is used and every slot counts as made now, so that neither a dead token nor an eleventh mint results.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::Step;
use super::fleet::Fleet;
use super::ledger::{Lane, Ledger};
use super::org::{Numbers, Org, Scene};
use super::record::{Anchor, LaneRecord, OrgRecord, Slot, Stored, Word};
use super::schedule::{self, Dice};
use super::settings::OrgSettings;
use crate::base::{Boottime, Limits, Now};

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
enum Passage {
    SameBoot,
    ByWallClock,
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
        let is_credible = clocks.is_synchronised && newest.is_none_or(|at| at <= clocks.now.wall.0);
        let carry = |anchor: &Anchor| match anchor.is_of(&clocks.boot_id, clocks.now) {
            true => Passage::SameBoot,
            false if is_credible => Passage::ByWallClock,
            false => Passage::Unknown,
        };
        let mut fleet = Self {
            boot_id: Arc::clone(&clocks.boot_id),
            orgs: BTreeMap::new(),
            shelf: BTreeMap::new(),
            ledger: Ledger::default(),
            numbers: Numbers::default(),
            agenda: BTreeMap::new(),
            sweep_at: clocks.now.boot,
        };
        for lane in stored.lanes {
            let passage = carry(&lane.anchor);
            fleet
                .ledger
                .insert(lane.id.clone(), lane_of(lane, &passage, clocks.now));
        }
        for mut record in stored.orgs {
            let passage = carry(&record.anchor);
            move_times(&mut record, &passage, clocks.now);
            fleet.shelf.insert(record.org.clone(), record);
        }
        let mut steps = Vec::new();
        for settings in settings {
            fleet.start(settings, clocks.now, dice, &mut steps);
        }
        (fleet, steps)
    }

    fn start(
        &mut self,
        settings: OrgSettings,
        now: Now,
        dice: &mut dyn Dice,
        steps: &mut Vec<Step>,
    ) {
        let name = settings.name.clone();
        let record = self.shelf.remove(&name);
        let scene = Scene {
            now,
            dice,
            ledger: &mut self.ledger,
            steps,
            numbers: &mut self.numbers,
            boot_id: &self.boot_id,
        };
        let mut org = match record {
            Some(record) => Org::restored(settings, record),
            None => Org::unenrolled(settings, &scene),
        };
        org.begin_anew(now.boot);
        self.orgs.insert(name.clone(), org);
        self.with(&name, now, dice, steps, |org, scene| {
            if org.served(scene.now.boot).is_some() {
                org.is_out = true;
                scene.steps.push(Step::Publish(org.name().clone()));
            }
        });
    }
}

impl Org {
    /// An org that was well but has no living token is decided by its first mint of this run.
    fn begin_anew(&mut self, now: Boottime) {
        let verdict = &mut self.record.verdict;
        let is_open = matches!(verdict.word, Word::Ok | Word::Retrying | Word::Starting);
        let has_token = self
            .record
            .token
            .as_ref()
            .is_some_and(|token| token.expires > now);
        if is_open && !has_token && self.record.grant.is_some() {
            verdict.word = Word::Starting;
            verdict.since = now;
            verdict.cause = None;
        }
    }
}

/// The newest wall-clock time in the state, in milliseconds.
fn newest_wall(stored: &Stored) -> Option<i64> {
    let orgs = stored.orgs.iter().map(|record| &record.anchor);
    let lanes = stored.lanes.iter().map(|lane| &lane.anchor);
    orgs.chain(lanes).map(|anchor| anchor.at.wall.0).max()
}

fn lane_of(record: LaneRecord, passage: &Passage, now: Now) -> Lane {
    let anchor = record.anchor;
    let moved = |slot: Slot| match passage {
        Passage::SameBoot => slot,
        Passage::ByWallClock => Slot {
            started: anchor.carry(slot.started, now),
            settled: anchor.carry(slot.settled, now),
            lives_until: anchor.carry(slot.lives_until, now),
        },
        // `started` alone paces: the window counts from `settled`, and a reboot must not wait for the gap.
        Passage::Unknown => Slot {
            started: now.boot.minus(schedule::gap(Limits::ZOHO)),
            settled: now.boot,
            lives_until: now.boot.plus(slot.lives_until.since(slot.settled)),
        },
    };
    Lane {
        client_id: record.client_id,
        data_center: record.data_center,
        slots: record.slots.into_iter().map(moved).collect(),
        is_dirty: false,
    }
}

fn move_times(record: &mut OrgRecord, passage: &Passage, now: Now) {
    let anchor = record.anchor.clone();
    let carry = |moment: Boottime| anchor.carry(moment, now);
    match passage {
        Passage::SameBoot => (),
        Passage::ByWallClock => {
            if let Some(token) = &mut record.token {
                token.started = carry(token.started);
                token.expires = carry(token.expires);
            }
            if let Some(grant) = &mut record.grant {
                grant.enrolled_at = carry(grant.enrolled_at);
            }
            record.verdict.since = carry(record.verdict.since);
            record.verdict.until = record.verdict.until.map(carry);
        }
        Passage::Unknown => {
            record.token = None;
            if let Some(grant) = &mut record.grant {
                grant.enrolled_at = carry(grant.enrolled_at);
            }
            record.verdict.since = now.boot;
            // What was left of a wait when it was last written, counted from now.
            let left = record.verdict.until.map(|at| at.since(anchor.at.boot));
            record.verdict.until = left.map(|left| now.boot.plus(left));
        }
    }
}
